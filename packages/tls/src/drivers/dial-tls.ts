import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { parseClientOptions, type SecureClientOptions } from '../client-options.ts';
import { connectTls } from '../connect-tls.ts';
import { type IdentityInput } from '../identity.ts';
import { type Address, type Dial } from './driver-stream.ts';

/** Options of what opens connections for a driver. */
export interface DriverOptions extends SecureClientOptions {
  /** The server name to ask for (SNI). Never trusted. Default: the host, unless it is an IP address. */
  readonly servername?: string;
}

/** A connection in the clear, on which client and server are about to agree on TLS. */
export interface PlainConnection {
  readonly socket: Socket;
  /** Exactly `length` bytes. Rejects when the connection ends before, or when it is given up. */
  read(length: number): Promise<Buffer>;
  /** Speaks TLS from here on; resolves once the server is verified. */
  secure(): Promise<TLSSocket>;
}

/** Checks the options once, and gives what connects to a server that speaks TLS at once. */
export function dialTls(source: IdentityInput, options: DriverOptions): Dial {
  parseClientOptions(source, options);
  return (address, signal) => connectTls(source, { ...options, ...address, signal });
}

/**
 * The same for a server that has to be asked in the clear first.
 *
 * @param negotiate - asks, and goes on to {@link PlainConnection.secure}.
 */
export function dialUpgrade<Result>(
  source: IdentityInput,
  options: DriverOptions,
  negotiate: (plain: PlainConnection) => Promise<Result>,
): (address: Address, signal: AbortSignal) => Promise<Result> {
  const { clock, handshakeTimeoutMs } = parseClientOptions(source, options);
  return async (address, signal) => {
    const whom = address.path ?? `${address.host ?? 'localhost'}:${address.port ?? ''}`;
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const timer = clock.setTimer(() => {
      over.abort(
        new SpiffeError(
          'ERR_PEER_HANDSHAKE_TIMEOUT',
          `no connection with ${whom} within ${handshakeTimeoutMs} ms`,
        ),
      );
    }, handshakeTimeoutMs);
    const socket = connect(
      address.path === undefined
        ? { host: address.host ?? 'localhost', port: address.port ?? 0 }
        : { path: address.path },
    );
    let asked = false;
    const onEnd = (): void => over.abort(refused(`${whom} ended the connection before TLS`));
    socket.on('error', (error) => over.abort(error)).on('end', onEnd);
    const reader = new Reader(socket, stop);
    try {
      await once(socket, 'connect', { signal: stop });
      return await negotiate({
        socket,
        read: (length) => reader.read(length),
        secure: async () => {
          timer.clear();
          asked = true;
          // What came in the clear must not be taken for something that came over TLS.
          if (reader.hasMore) throw refused(`${whom} sent more than the answer before TLS`);
          socket.off('end', onEnd);
          return connectTls(source, { ...options, ...address, socket, signal });
        },
      });
    } catch (cause) {
      socket.destroy();
      throw !asked && stop.aborted ? stop.reason : cause;
    } finally {
      timer.clear();
    }
  };
}

/** The server does not do its part of the agreement on TLS. */
export function refused(message: string): SpiffeError {
  return new SpiffeError('ERR_PEER_HANDSHAKE', message, {
    hint: 'Check that TLS is enabled on the server and that nothing in between takes it away.',
  });
}

/** Reads as much as is asked for at a time. */
class Reader {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  #held: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
  }

  /** Whether there is more than was asked for. */
  get hasMore(): boolean {
    return this.#held.length > 0 || this.#socket.readableLength > 0;
  }

  async read(length: number): Promise<Buffer> {
    while (this.#held.length < length) {
      this.#signal.throwIfAborted();
      // All there is: whoever leaves something is told at once that there is something, for ever.
      const bytes: unknown = this.#socket.read();
      if (Buffer.isBuffer(bytes)) this.#held = Buffer.concat([this.#held, bytes]);
      else await once(this.#socket, 'readable', { signal: this.#signal });
    }
    const wanted = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return wanted;
  }
}
