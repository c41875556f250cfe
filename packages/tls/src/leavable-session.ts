import { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

import { SpiffeError } from '@svidkit/core';

/**
 * A session of HTTP/2 that its client can leave without losing a request. A GOAWAY overtakes requests that node:http2
 * has not written yet, and the server then refuses them: so it is sent when the last stream is over.
 */
export class LeavableSession {
  readonly session: ClientHttp2Session;
  readonly #streams = new Set<ClientHttp2Stream>();
  #isLeft = false;

  /** Watches the requests of `session` from now on. */
  constructor(session: ClientHttp2Session) {
    this.session = session;
    const request = session.request.bind(session);
    session.request = (...args) => {
      if (this.#isLeft) {
        throw new SpiffeError('ERR_SOURCE_CLOSED', 'this HTTP/2 session is of an identity that was left', {
          hint: 'Ask the client for a session anew for each request.',
        });
      }
      const stream = request(...args);
      this.#streams.add(stream);
      stream.once('close', () => {
        this.#streams.delete(stream);
        if (this.#isLeft) this.leave();
      });
      return stream;
    };
  }

  /** Whether it takes requests. */
  get usable(): boolean {
    return !this.#isLeft && !this.session.closed && !this.session.destroyed;
  }

  /** Takes no more requests, and closes once those in flight are over. */
  leave(): void {
    this.#isLeft = true;
    if (this.#streams.size === 0) this.session.close();
  }
}
