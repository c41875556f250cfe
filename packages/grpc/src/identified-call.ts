import { type Http2Session } from 'node:http2';

import { ServerInterceptingCall, type ServerInterceptingCallInterface } from '@grpc/grpc-js';

/** What grpc-js tells about a connection, with what leads to its peer. */
type AuthContext = ReturnType<ServerInterceptingCallInterface['getAuthContext']>;

/** A call that knows its HTTP/2 session, and tells it through whatever interceptors come after. */
export class IdentifiedCall extends ServerInterceptingCall {
  readonly #session: Http2Session | undefined;
  readonly #next: ServerInterceptingCallInterface;

  constructor(next: ServerInterceptingCallInterface, session: Http2Session | undefined) {
    super(next);
    this.#next = next;
    this.#session = session;
  }

  override getAuthContext(): AuthContext {
    const next = this.#next;
    const context: AuthContext = { transportSecurityType: 'ssl' };
    return Object.defineProperties(context, {
      // Describing a certificate takes longer than many a call: only for who asks.
      sslPeerCertificate: { enumerable: true, get: () => next.getAuthContext().sslPeerCertificate },
      // Not enumerable, so that it is not printed.
      session: { value: this.#session },
    });
  }
}
