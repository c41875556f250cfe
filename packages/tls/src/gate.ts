import { type Http2Session } from 'node:http2';
import { Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { type Server, type TLSSocket } from 'node:tls';

import { type Authorizer, type Clock, type DenyList, SpiffeError } from '@svidkit/core';

import { admit, publishRejection, remoteOf } from './admission.ts';
import { type ConnectionLife, ConnectionTable } from './connection-table.ts';
import { type TlsFloor } from './context-options.ts';
import { gateProof } from './gate-proof.ts';
import { type HandshakeLimits } from './handshake-limits.ts';
import { type Generation, type Identity } from './identity.ts';
import { interceptEmit, rawSocketOf } from './intercept-emit.ts';
import { type AdmissionPolicy, asSpiffeError } from './judge.ts';
import { PendingHandshakes } from './pending-handshakes.ts';
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
  readonly deny: DenyList | undefined;
  /** Whether sessions can be resumed; each is judged all the same. */
  readonly resumption: boolean;
}

/** The shortest life of ticket keys that clients can end. */
const TICKET_KEYS_MS = 60_000;

/**
 * Puts the gate in front of a TLS server: nobody, neither the HTTP machinery nor a listener of the application,
 * sees a socket before its peer is admitted, synchronously, in front of every listener. Gives it the context of each
 * generation, and lets go of connections as their identities end.
 *
 * @returns the connections that live, those that are not admitted yet included.
 */
export function gate(server: Server, identity: Identity, options: GateOptions): () => Iterable<Duplex> {
  const { clock, limits } = options;
  const policy: AdmissionPolicy = { ...options, side: 'server' };
  const pending = new PendingHandshakes({
    clock,
    limits,
    timeoutMs: options.handshakeTimeoutMs,
    late(raw) {
      fail(raw, () => timedOut(options.handshakeTimeoutMs));
      raw.destroy();
    },
  });
  /** Streams that the application handed in: they are its own to bound. */
  const handedIn = new Set<Duplex>();
  const table = new ConnectionTable({
    side: 'server',
    clock,
    retire: (connection) => requests.release(connection),
  });
  const requests = new RequestGate(table, clock);
  let applied: Generation = identity.latest;
  let ticketsEndedAt = -Infinity;
  /** The socket whose listeners run right now. */
  let admitting: TLSSocket | undefined;
  const proof = gateProof();
  if (identity.closed)
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

  return () => [...pending.sockets(), ...table.sockets(), ...handedIn];

  function follow(): Disposable | undefined {
    apply(identity.latest);
    const denied = options.deny?.onUpdate(() => options.deny !== undefined && table.deny(options.deny));
    try {
      const changed = identity.onUpdate((generation) => {
        apply(generation);
        table.follow(generation);
      });
      return {
        [Symbol.dispose]: () => {
          changed[Symbol.dispose]();
          denied?.[Symbol.dispose]();
        },
      };
    } catch {
      return denied; // Closed: nothing to present, and everyone is refused, as long as it listens.
    }
  }

  /** A connection: bounded in number and time, and held until the gate itself is proven to work. */
  function accept(raw: unknown, pass: () => boolean): boolean {
    // Asks the clock, so that an SVID that ended while this machine slept is gone before anyone sees it.
    const now = identity.latest;
    if (now !== applied) apply(now);
    if (!(raw instanceof Socket)) keep(raw as Duplex);
    else if (!begin(raw)) return true;
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

  function keep(raw: Duplex): void {
    handedIn.add(raw);
    raw.once('close', () => handedIn.delete(raw));
  }

  function begin(raw: Socket): boolean {
    try {
      pending.add(raw, applied.presented);
    } catch (cause) {
      publishRejection('server', applied.number, remoteOf(raw), asSpiffeError(cause));
      raw.destroy();
      return false;
    }
    raw.on('close', closed);
    return true;
  }

  function closed(this: Socket): void {
    fail(this, handshakeFailed);
  }

  /** A handshake that ended without a verified peer. Told and counted once, whoever notices first. */
  function fail(raw: Socket, error: () => SpiffeError): void {
    const entry = pending.take(raw);
    if (entry === undefined) return;
    // Without an SVID of our own nobody could have succeeded.
    if (entry.own !== undefined && clock.now() <= entry.own.expiresAt) limits.failed(entry.remoteAddress);
    publishRejection('server', applied.number, remoteOf(entry), error());
  }

  /** A finished handshake. Whoever is not admitted is gone before any listener knows of it. */
  function admitSocket(socket: TLSSocket, pass: () => boolean): boolean {
    const raw = rawSocketOf(socket);
    const entry = raw === undefined ? undefined : pending.take(raw);
    const own = entry === undefined ? applied.presented : entry.own;
    try {
      const trust = identity.current;
      if (own === undefined) {
        throw new SpiffeError('ERR_SOURCE_EMPTY', 'there was no SVID to present when this handshake began');
      }
      if (clock.now() > own.expiresAt) {
        throw new SpiffeError('ERR_SOURCE_EXPIRED', 'our SVID expired during this handshake', {
          hint: 'Look at the health of the source: renewal is late.',
        });
      }
      const admission = admit(socket, own, trust, policy);
      const connection = table.add(socket, own, admission, options);
      if (own !== trust.presented) table.retire(connection, 'rotation', 'quiet');
    } catch (cause) {
      const error = asSpiffeError(cause);
      if (options.resumption && socket.isSessionReused()) endTickets();
      if (error.blame === 'peer') limits.failed(socket.remoteAddress);
      publishRejection('server', applied.number, remoteOf(socket), error);
      socket.on('error', ignore);
      socket.destroy();
      server.emit('tlsClientError', error, socket);
      return true;
    }
    if (options.minVersion !== 'TLSv1.3' && socket.getProtocol() !== 'TLSv1.3') refuseRenegotiation(socket);
    admitting = socket;
    try {
      return pass();
    } finally {
      admitting = undefined;
    }
  }

  /**
   * A resumed session that cannot be judged (its chain is not known any more) would be offered again and again: new
   * ticket keys make its client start anew. Not more often than once a minute, whatever clients offer.
   */
  function endTickets(): void {
    const now = clock.now();
    if (now < ticketsEndedAt + TICKET_KEYS_MS) return;
    ticketsEndedAt = now;
    apply(applied);
  }

  /** A handshake that failed below us. */
  function failed(cause: unknown, socket: TLSSocket, pass: () => boolean): boolean {
    const raw = rawSocketOf(socket);
    if (raw !== undefined) fail(raw, () => handshakeFailed(cause));
    return pass();
  }

  function apply(generation: Generation): void {
    // Handshakes begun under an SVID that has ended must not show it.
    const now = clock.now();
    for (const [raw, { own }] of pending) {
      if (own === undefined || now <= own.expiresAt) continue;
      pending.take(raw);
      raw.destroy();
    }
    applied = generation;
    installContext(server, generation.presented, options.minVersion, options.resumption ? 'on' : 'off');
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

function ignore(): void {
  // A destroyed socket may still report how its end went; nobody is interested.
}
