import { createRequire } from 'node:module';

import { SpiffeError } from '@svidkit/core';
import { type IdentityInput, type TargetClientOptions } from '@svidkit/tls';

/** Options of `createFetch`: those of every client, and what `@svidkit/undici` takes beside them. */
export interface FetchOptions extends TargetClientOptions {
  /** Whether to speak HTTP/2 with servers that choose it. @default false */
  readonly allowH2?: boolean;
  readonly [option: string]: unknown;
}

/** A `fetch` over verified connections. */
export interface IdentityFetch extends AsyncDisposable {
  (...args: Parameters<typeof globalThis.fetch>): ReturnType<typeof globalThis.fetch>;
  /** Takes no more requests, and lets go of the source once those in flight are finished. */
  close(): Promise<void>;
  /** Ends every request and every connection now. */
  destroy(): Promise<void>;
}

/** What the facade uses of `@svidkit/undici`, which is loaded only by those who ask for it. */
interface UndiciPackage {
  createFetch(source: IdentityInput, options: FetchOptions): IdentityFetch;
}

/**
 * Loads `@svidkit/undici`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_PACKAGE` when it is not installed.
 */
export function loadUndici(): UndiciPackage {
  try {
    return createRequire(import.meta.url)('@svidkit/undici') as UndiciPackage;
  } catch (cause) {
    throw new SpiffeError('ERR_CONFIG_PACKAGE', 'fetch needs the package @svidkit/undici', {
      cause,
      hint: 'Install it beside svidkit: npm install @svidkit/undici undici',
    });
  }
}
