import { type IdentityInput } from '@svidkit/tls';
import { createFetch, type DispatcherOptions, peerOfResponse } from '@svidkit/undici';

/** A client of HTTP/1.1 that follows redirects, which {@link Pool} of this adapter does by itself not. */
export interface RedirectPool {
  close(): Promise<void>;
  request(port: number, path: string): Promise<{ status: number; body: string; peer: string }>;
}

/** Makes one. */
export function redirectPool(input: IdentityInput, options: DispatcherOptions): RedirectPool {
  const fetch = createFetch(input, options);
  return {
    close: () => fetch.destroy(),
    async request(port, path) {
      const response = await fetch(`https://127.0.0.1:${port}${path}`).catch((error: unknown) => {
        // What was wrong with a connection is the cause of the error that `fetch` has to throw.
        throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
      });
      return {
        status: response.status,
        body: await response.text(),
        peer: peerOfResponse(response).id.toString(),
      };
    },
  };
}
