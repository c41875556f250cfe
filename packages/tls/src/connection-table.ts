import { type ServerResponse } from 'node:http';
import { type TLSSocket } from 'node:tls';

import {
  type Clock,
  publish,
  type SvidkitEvents,
  type Timer,
  type VerifiedX509Svid,
  verifyX509Svid,
  type X509Context,
} from '@svidkit/core';

import { type Admission } from './admission.ts';

/** Why a connection is no longer wanted. */
export type RetireReason = SvidkitEvents['svidkit:connection.drained']['reason'];

/**
 * How soon a connection has to end: not at all; in a quiet moment (what it shows is still valid); with what it does now;
 * with what it does now, and nothing more may begin on it.
 */
export type Urgency = 'none' | 'quiet' | 'now' | 'condemned';

const LEVEL: Readonly<Record<Urgency, number>> = { none: 0, quiet: 1, now: 2, condemned: 3 };

/** One admitted connection, with what bounds its life. */
export interface Connection {
  readonly socket: TLSSocket;
  /** The generation whose SVID we presented on it. */
  readonly own: X509Context;
  readonly admission: Admission;
  /** From when on it takes no new work, in milliseconds since the Unix epoch. */
  retireAt: number;
  /** When it is destroyed, whatever it does. */
  destroyAt: number;
  /** Set once it is to take no new work. */
  retired: RetireReason | undefined;
  readonly life: ConnectionLife;
  /** How soon it has to end. */
  urgency: Urgency;
  /** The latest response on it; `forever` once it was upgraded. Servers of HTTP/1 set it. */
  work: ServerResponse | 'forever' | undefined;
}

/** How an owner of connections lets go of one. */
export interface TableOptions {
  readonly side: 'client' | 'server';
  readonly clock: Clock;
  /** Lets go of a connection with its urgency, of which it is told again when that grows. */
  readonly retire: (connection: Connection) => void;
}

/** How long a connection may live, beside the expiries on it. */
export interface ConnectionLife {
  /** Milliseconds after which it takes no new work. 0: no limit. */
  readonly maxConnectionAgeMs: number;
  /** Milliseconds that it may live on once it takes no new work. 0: no limit. */
  readonly drainDeadlineMs: number;
}

/** How long a request in flight may go on once its connection is condemned. */
const CONDEMNED_GRACE_MS = 5_000;
/** On servers work stops this long before an expiry, or a tenth of the certificate's life if that is less. */
const LONGEST_MARGIN_MS = 30_000;

/**
 * The live connections of one server or one kind of client. Closes each at the earliest expiry on it (our SVID as
 * presented, the peer's whole path), retires those of an older generation of our identity, and condemns those whose
 * authority has left the bundle. One timer for all.
 */
export class ConnectionTable {
  readonly #options: TableOptions;
  readonly #connections = new Map<TLSSocket, Connection>();
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  /** The live connections. */
  [Symbol.iterator](): Iterator<Connection> {
    return this.#connections.values();
  }

  /** The connection of a socket, if it was admitted here and lives. */
  get(socket: TLSSocket): Connection | undefined {
    return this.#connections.get(socket);
  }

  /** Takes an admitted connection into care until it closes. */
  add(socket: TLSSocket, own: X509Context, admission: Admission, life: ConnectionLife): Connection {
    const { verified } = admission;
    const { side, clock } = this.#options;
    const { maxConnectionAgeMs } = life;
    const peerEnd = verified.notAfter;
    const ownEnd = own.svid.expiresAt;
    const connection: Connection = {
      socket,
      own,
      admission,
      life,
      retireAt: Math.min(
        peerEnd - margin(side, verified.leaf.notBefore, peerEnd),
        ownEnd - margin(side, own.svid.notBefore, ownEnd),
        maxConnectionAgeMs > 0 ? clock.now() + maxConnectionAgeMs : Infinity,
      ),
      destroyAt: Math.min(peerEnd, ownEnd),
      retired: undefined,
      urgency: 'none',
      work: undefined,
    };
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#connections.delete(socket));
    this.#wakeAt(connection.retireAt);
    return connection;
  }

  /**
   * Follows a change of the source: connections on which we presented an older SVID retire, connections whose peer no
   * longer verifies are condemned. Without a context (expired, withdrawn, closed) all retire.
   */
  follow(context: X509Context | undefined): void {
    for (const connection of this.#connections.values()) {
      if (context === undefined) {
        this.retire(connection, 'source-empty', 'quiet');
        continue;
      }
      if (!this.#stillTrusted(connection.admission.verified, context)) {
        this.retire(connection, 'authority-removed', 'condemned');
      } else if (connection.own.svid !== context.svid) {
        this.retire(connection, 'rotation', 'quiet');
      }
    }
  }

  /** Lets a connection take no new work. Idempotent, unless it has become more urgent. */
  retire(connection: Connection, reason: RetireReason, urgency: Exclude<Urgency, 'none'>): void {
    if (LEVEL[connection.urgency] >= LEVEL[urgency]) return;
    const { drainDeadlineMs } = connection.life;
    const now = this.#options.clock.now();
    if (urgency === 'condemned') {
      connection.destroyAt = Math.min(connection.destroyAt, now + CONDEMNED_GRACE_MS);
    } else if (drainDeadlineMs > 0 && connection.urgency === 'none') {
      connection.destroyAt = Math.min(connection.destroyAt, now + drainDeadlineMs);
      connection.retireAt = Math.min(connection.retireAt, now + drainDeadlineMs / 2);
    }
    const isNews = connection.retired === undefined || urgency === 'condemned';
    connection.urgency = urgency;
    if (isNews) connection.retired = reason;
    this.#wakeAt(urgency === 'quiet' ? connection.retireAt : connection.destroyAt);
    if (isNews) this.#drained(connection, reason);
    this.#options.retire(connection);
  }

  /** Whether a new request may still begin on it. */
  usable(connection: Connection): boolean {
    return connection.urgency !== 'condemned' && this.#options.clock.now() <= connection.destroyAt;
  }

  /** Lets go of all connections and the timer; the connections live on. */
  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#timerAt = Infinity;
    this.#connections.clear();
  }

  #stillTrusted(verified: VerifiedX509Svid, context: X509Context): boolean {
    if (context.bundles.get(verified.id.trustDomain)?.has(verified.anchor) === true) return true;
    // Its authority is gone; another authority may vouch for the same chain (a cross-signed one).
    try {
      verifyX509Svid(
        verified.path.map((certificate) => certificate.der),
        context.bundles,
        { at: this.#options.clock.now(), role: this.#options.side === 'server' ? 'client' : 'server' },
      );
      return true;
    } catch {
      return false;
    }
  }

  #drained(connection: Connection, reason: RetireReason): void {
    publish('svidkit:connection.drained', () => ({
      side: this.#options.side,
      id: connection.admission.peer.id.toString(),
      reason,
    }));
  }

  /** Makes sure that a sweep comes right after `at`. A sweep that comes for nothing is harmless. */
  #wakeAt(at: number): void {
    if (at >= this.#timerAt) return;
    this.#timer?.clear();
    this.#timerAt = at;
    this.#timer = this.#options.clock.setTimer(() => this.#sweep(), at + 1 - this.#options.clock.now());
    this.#timer.unref();
  }

  /** Lets go of what has ended by now. Cheap when nothing is due. */
  sweep(): void {
    if (this.#options.clock.now() > this.#timerAt) this.#sweep();
  }

  #sweep(): void {
    const now = this.#options.clock.now();
    this.#timer?.clear();
    this.#timerAt = Infinity;
    for (const connection of this.#connections.values()) {
      if (now > connection.destroyAt) {
        this.#connections.delete(connection.socket);
        this.retire(connection, this.#endOf(connection), 'now');
        connection.socket.destroy();
        continue;
      }
      if (now > connection.retireAt) this.retire(connection, this.#endOf(connection), 'now');
      this.#wakeAt(LEVEL[connection.urgency] < LEVEL.now ? connection.retireAt : connection.destroyAt);
    }
  }

  /** What ends a connection that nothing else has ended. */
  #endOf({ own, admission }: Connection): RetireReason {
    const { clock } = this.#options;
    const { notAfter, leaf } = admission.verified;
    const ownEnd = own.svid.expiresAt;
    const margins = Math.min(
      notAfter - margin(this.#options.side, leaf.notBefore, notAfter),
      ownEnd - margin(this.#options.side, own.svid.notBefore, ownEnd),
    );
    if (clock.now() <= margins) return 'max-age';
    return ownEnd <= notAfter ? 'own-svid-expired' : 'peer-svid-expired';
  }
}

/**
 * How long before an expiry work stops. Clients stop first, so that a server that says goodbye over HTTP/2 (where what
 * a client sends meanwhile is lost) finds nobody talking.
 */
function margin(side: 'client' | 'server', notBefore: number, notAfter: number): number {
  const own = Math.min(LONGEST_MARGIN_MS, (notAfter - notBefore) / 10);
  return side === 'client' ? own * 1.5 : own;
}
