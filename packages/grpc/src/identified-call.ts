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
    const context: AuthContext = {
      transportSecurityType: 'ssl',
      // Describing a certificate takes longer than many a call: only for who asks.
      get sslPeerCertificate() {
        return next.getAuthContext().sslPeerCertificate as never;
      },
    };
    // Not enumerable, so that it is not printed.
    return Object.defineProperty(context, 'session', { value: this.#session });
  }
}
