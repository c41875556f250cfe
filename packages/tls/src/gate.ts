import { type Http2Session } from 'node:http2';
import { Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { type Server, type TLSSocket } from 'node:tls';

import { type Authorizer, type Clock, SpiffeError, type X509Context, type X509Source } from '@svidkit/core';

import { admit, asSpiffeError, publishRejection, remoteOf } from './admission.ts';
import { type ConnectionLife, ConnectionTable } from './connection-table.ts';
import { type TlsFloor } from './context-options.ts';
import { gateProof } from './gate-proof.ts';
import { type HandshakeLimits } from './handshake-limits.ts';
import { interceptEmit, rawSocketOf } from './intercept-emit.ts';
import { registry } from './registry.ts';
import { RequestGate } from './request-gate.ts';
import { installContext, sealContext } from './server-context.ts';

/** What a gated server needs to know. All resolved: no defaults here. */
export interface GateOptions extends ConnectionLife {
  readonly authorize: Authorizer;
  readonly minVersion: TlsFloor;
  readonly handshakeTimeoutMs: number;
  readonly limits: HandshakeLimits;
  readonly clock: Clock;
}

/** A handshake in flight. */
interface Pending {
  /** The generation whose SVID it shows; undefined: none, so it cannot succeed. */
  readonly own: X509Context | undefined;
  readonly address: string | undefined;
  readonly remote: string | undefined;
  readonly end: () => void;
}

/**
 * Puts the gate in front of a TLS server: nobody, neither the HTTP machinery nor a listener of the application,
 * sees a socket before its peer is admitted, synchronously, in front of every listener. Gives it the context of each
 * generation, and lets go of connections as their identities end.
 */
export function gate(server: Server, source: X509Source, options: GateOptions): void {
  const { clock, limits } = options;
  const pending = new Map<Socket, Pending>();
  const table = new ConnectionTable({
    side: 'server',
    clock,
    retire: (connection) => requests.release(connection),
  });
  const requests = new RequestGate(table, clock);
  let applied: X509Context | undefined;
  /** The socket whose listeners run right now. */
  let admitting: TLSSocket | undefined;
  const proof = gateProof();
  if (source.closed.aborted)
    throw new SpiffeError('ERR_SOURCE_CLOSED', 'the source is closed, so there is nothing to serve with');

  registry().gated.add(server);
  let subscription = follow();
  sealContext(server);

  interceptEmit(server, (event, args, pass) => {
    switch (event) {
      case 'connection':
        return accept(args[0], pass);
      case 'secureConnection':
        return admitSocket(args[0] as TLSSocket, pass);
      case 'tlsClientError':
        return failed(args[0], args[1] as TLSSocket, pass);
      case 'close':
        subscription?.[Symbol.dispose]();
        subscription = undefined;
        table.clear();
        return pass();
      case 'listening':
        // A server that was closed may listen again.
        subscription ??= follow();
        return pass();
      case 'session':
        if (admitting !== undefined) requests.bind(args[0] as Http2Session, admitting);
        return pass();
      default:
        return requests.handles(event) ? requests.begin(event, args, pass) : pass();
    }
  });

  function follow(): Disposable | undefined {
    apply(latest(source));
    try {
      return source.onUpdate((context) => {
        apply(context);
        table.follow(context);
      });
    } catch {
      return undefined; // Closed: nothing to present, and everyone is refused, as long as it listens.
    }
  }

  /** A connection: bounded in number and time, and held until the gate itself is proven to work. */
  function accept(raw: unknown, pass: () => boolean): boolean {
    // Asks the clock, so that an SVID that ended while this machine slept is gone before anyone sees it.
    const now = latest(source);
    if (now !== applied) apply(now);
    // Streams that the application hands in are its own to bound.
    if (raw instanceof Socket && !begin(raw)) return true;
    if (proof.state === 'proven') return pass();
    // Nobody owns it yet, and a reset must not end the process.
    (raw as Duplex).on('error', ignore);
    proof.settled.then(
      () => (raw as Duplex).destroyed || pass(),
      (error: unknown) => {
        (raw as Duplex).destroy();
        server.emit('error', error);
      },
    );
    return true;
  }

  function begin(raw: Socket): boolean {
    let release: () => void;
    try {
      release = limits.begin(raw.remoteAddress);
    } catch (cause) {
      publishRejection('server', applied?.generation ?? 0, remoteOf(raw), asSpiffeError(cause));
      raw.destroy();
      return false;
    }
    const timer = clock.setTimer(() => {
      fail(raw, () => timedOut(options.handshakeTimeoutMs));
      raw.destroy();
    }, options.handshakeTimeoutMs);
    timer.unref();
    const end = (): void => {
      timer.clear();
      release();
      pending.delete(raw);
    };
    // Read now: a socket that was reset does not know any more whose it was.
    pending.set(raw, { own: applied, address: raw.remoteAddress, remote: remoteOf(raw), end });
    raw.once('close', () => fail(raw, handshakeFailed));
    return true;
  }

  /** A handshake that ended without a verified peer. Told and counted once, whoever notices first. */
  function fail(raw: Socket, error: () => SpiffeError): void {
    const entry = pending.get(raw);
    if (entry === undefined) return;
    entry.end();
    // Without an SVID of our own nobody could have succeeded.
    if (entry.own !== undefined && clock.now() <= entry.own.svid.expiresAt) limits.failed(entry.address);
    publishRejection('server', entry.own?.generation ?? 0, entry.remote, error());
  }

  /** A finished handshake. Whoever is not admitted is gone before any listener knows of it. */
  function admitSocket(socket: TLSSocket, pass: () => boolean): boolean {
    const raw = rawSocketOf(socket);
    const entry = raw === undefined ? undefined : pending.get(raw);
    entry?.end();
    const own = entry === undefined ? applied : entry.own;
    try {
      const trust = source.current;
      if (own === undefined) {
        throw new SpiffeError('ERR_SOURCE_EMPTY', 'there was no SVID to present when this handshake began');
      }
      if (clock.now() > own.svid.expiresAt) {
        throw new SpiffeError('ERR_SOURCE_EXPIRED', 'our SVID expired during this handshake', {
          hint: 'Look at the health of the source: renewal is late.',
        });
      }
      const admission = admit(socket, own, trust, { side: 'server', authorize: options.authorize, clock });
      const connection = table.add(socket, own, admission, options);
      if (own.svid !== trust.svid) table.retire(connection, 'rotation', 'quiet');
    } catch (cause) {
      const error = asSpiffeError(cause);
      if (error.blame === 'peer') limits.failed(socket.remoteAddress);
      publishRejection('server', own?.generation ?? 0, remoteOf(socket), error);
      socket.on('error', ignore);
      socket.destroy();
      server.emit('tlsClientError', error, socket);
      return true;
    }
    if (socket.getProtocol() !== 'TLSv1.3') refuseRenegotiation(socket);
    admitting = socket;
    try {
      return pass();
    } finally {
      admitting = undefined;
    }
  }

  /** A handshake that failed below us. */
  function failed(cause: unknown, socket: TLSSocket, pass: () => boolean): boolean {
    const raw = rawSocketOf(socket);
    if (raw !== undefined) fail(raw, () => handshakeFailed(cause));
    return pass();
  }

  function apply(context: X509Context | undefined): void {
    // Handshakes begun under an SVID that has ended must not show it.
    const now = clock.now();
    for (const [raw, { own, end }] of pending) {
      if (own === undefined || now <= own.svid.expiresAt) continue;
      end();
      raw.destroy();
    }
    applied = context;
    installContext(server, context, options.minVersion);
  }
}

function timedOut(afterMs: number): SpiffeError {
  return new SpiffeError('ERR_PEER_HANDSHAKE_TIMEOUT', `no handshake within ${afterMs} ms`);
}

function handshakeFailed(cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_PEER_HANDSHAKE', 'the TLS handshake failed', {
    ...(cause === undefined ? {} : { cause }),
    hint: 'The peer must speak TLS and present a certificate; svidkit defaults to TLS 1.3.',
  });
}

/** TLS 1.2 only: a second handshake on an admitted connection could change who is there. */
function refuseRenegotiation(socket: TLSSocket): void {
  socket.on('error', ignore);
  socket.disableRenegotiation();
  socket.on('secure', () => socket.destroy());
}

function latest(source: X509Source): X509Context | undefined {
  try {
    return source.current;
  } catch {
    return undefined; // The server starts empty, refuses everyone, and follows the source.
  }
}

function ignore(): void {
  // A destroyed socket may still report how its end went; nobody is interested.
}
