import { type ClientHttp2Session, constants } from 'node:http2';
import { type TLSSocket } from 'node:tls';

import { type Clock, SpiffeError } from '@svidkit/core';

import { sessionOf } from './session-of.ts';

/** How long a channel waits for the first words of a server. */
export interface SettingsTimeout {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * One connection of a channel, from its handshake to its end: tells grpc-js when no call may begin on it any more.
 *
 * A GOAWAY from the server makes grpc-js do just that: the calls on the session finish, it is closed, and further calls
 * wait for a new connection. So that is what it is told, by the event that stands for one. The GOAWAY of our own, with
 * which it then closes the session, would overtake calls that node:http2 has not written yet, and the server would refuse
 * them: it is held back until the last call is over.
 */
export class ChannelConnection {
  readonly socket: TLSSocket;
  readonly #timeout: SettingsTimeout;
  #session: ClientHttp2Session | undefined;
  #closing: IdleClose | undefined;
  /** Whether grpc-js uses the session for calls. */
  #ready = false;
  #leaving = false;
  #atOnce = false;

  /** @param socket - verified; about to be handed to grpc-js in this turn. */
  constructor(socket: TLSSocket, timeout: SettingsTimeout) {
    this.socket = socket;
    this.#timeout = timeout;
    // In front of grpc-js, which keeps nothing of an error but its message.
    socket.prependListener('error', nameCode);
    afterPromises(() => this.#bind());
  }

  /**
   * Lets no further call begin; those that have begun finish, and so do those that wait for its first words. Idempotent.
   *
   * @param atOnce - serves nobody who waits: what is not on its way yet, the server is left to refuse.
   */
  leave(atOnce = false): void {
    if (atOnce) {
      this.#atOnce = true;
      this.#closing?.doNotWait();
    }
    if (this.#leaving) return;
    this.#leaving = true;
    if (this.#ready) this.#goAway();
  }

  /** Ends what no call was made on yet: nobody waits for it any more. */
  abandon(): void {
    if (!this.#ready) this.socket.destroy();
  }

  /** Finds the session that grpc-js made, and waits for the settings of the server. */
  #bind(): void {
    this.#session = sessionOf(this.socket);
    if (this.#session === undefined) {
      // The channel was closed during the handshake: nobody took the socket.
      this.socket.destroy();
      return;
    }
    this.#closing = new IdleClose(this.#session);
    if (this.#atOnce) this.#closing.doNotWait();
    const { clock, timeoutMs } = this.#timeout;
    const timer = clock.setTimer(() => {
      const problem = `the server sent no HTTP/2 settings within ${timeoutMs} ms`;
      this.socket.destroy(new SpiffeError('ERR_PEER_HANDSHAKE_TIMEOUT', problem));
    }, timeoutMs);
    timer.unref();
    this.socket.once('close', () => timer.clear());
    this.#session.once('remoteSettings', () => {
      timer.clear();
      // grpc-js takes the session into use in reaction to the same event.
      afterPromises(() => {
        this.#ready = true;
        if (this.#leaving) this.#goAway();
      });
    });
  }

  #goAway(): void {
    this.#session?.emit('goaway', constants.NGHTTP2_NO_ERROR, 0, undefined);
  }
}

/** Makes a session close once no stream is open on it. */
class IdleClose {
  readonly #close: () => void;
  #open = 0;
  #asked = false;
  #waits = true;

  constructor(session: ClientHttp2Session) {
    const request = session.request.bind(session);
    this.#close = session.close.bind(session);
    session.request = (...args) => {
      const stream = request(...args);
      this.#open += 1;
      stream.once('close', () => {
        this.#open -= 1;
        this.#check();
      });
      return stream;
    };
    session.close = () => {
      this.#asked = true;
      this.#check();
    };
  }

  /** Closes as soon as it is asked to, or now. */
  doNotWait(): void {
    this.#waits = false;
    this.#check();
  }

  #check(): void {
    if (this.#asked && (this.#open === 0 || !this.#waits)) this.#close();
  }
}

/** Calls back once the promises that this turn settles have run their course, before anything is read or written. */
function afterPromises(callback: () => void): void {
  queueMicrotask(() => process.nextTick(callback));
}

/** Puts the code of an error where the status of a call will show it. */
function nameCode(error: Error): void {
  if (error instanceof SpiffeError && !error.message.startsWith(error.code)) {
    error.message = `${error.code}: ${error.message}`;
  }
}
