import { type ServerResponse } from 'node:http';
import { type TLSSocket } from 'node:tls';

import { type Clock, type DenyList, publish, type SvidkitEvents, type Timer } from '@svidkit/core';

import { type Credential, type Generation } from './identity.ts';
import { type Admission, lossOf } from './judge.ts';
import { peerName } from './peer.ts';

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
  /** What we presented on it. */
  readonly own: Credential;
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
  readonly #closed: (this: TLSSocket) => void;
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(options: TableOptions) {
    this.#options = options;
    const connections = this.#connections;
    this.#closed = function forget() {
      connections.delete(this);
    };
  }

  /** The live connections. */
  [Symbol.iterator](): Iterator<Connection> {
    return this.#connections.values();
  }

  /** The sockets of the live connections. */
  sockets(): Iterable<TLSSocket> {
    return this.#connections.keys();
  }

  /** The connection of a socket, if it was admitted here and lives. */
  get(socket: TLSSocket): Connection | undefined {
    return this.#connections.get(socket);
  }

  /** Takes an admitted connection into care until it closes. */
  add(socket: TLSSocket, own: Credential, admission: Admission, life: ConnectionLife): Connection {
    const { clock } = this.#options;
    const { maxConnectionAgeMs } = life;
    const connection: Connection = {
      socket,
      own,
      admission,
      life,
      retireAt: Math.min(
        this.#workEnd(own, admission),
        maxConnectionAgeMs > 0 ? clock.now() + maxConnectionAgeMs : Infinity,
      ),
      destroyAt: Math.min(admission.peer.notAfter, own.expiresAt),
      retired: undefined,
      urgency: 'none',
      work: undefined,
    };
    this.#connections.set(socket, connection);
    socket.on('close', this.#closed);
    this.#wakeAt(connection.retireAt);
    return connection;
  }

  /**
   * Follows a change of our identity: connections on which we presented what we would not present now retire, those whose
   * peer would not be believed or let in any more are condemned.
   */
  follow(generation: Generation): void {
    for (const connection of this.#connections.values()) {
      const loss = lossOf(connection.admission, generation, this.#options);
      if (loss !== undefined) {
        this.retire(connection, loss, 'condemned');
      } else if (generation.presented === undefined) {
        this.retire(connection, 'source-empty', 'quiet');
      } else if (!this.#isStillPresented(connection, generation)) {
        this.retire(connection, 'rotation', 'quiet');
      }
    }
  }

  /** Ends the connections of peers that are denied, at once. */
  deny(list: DenyList): void {
    for (const connection of this.#connections.values()) {
      const { peer } = connection.admission;
      const id = peer.kind === 'spiffe' ? peer.id : undefined;
      if (list.reason({ id, leaf: peer.certificate }) === undefined) continue;
      this.retire(connection, 'denied', 'condemned');
      this.#connections.delete(connection.socket);
      connection.socket.destroy();
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

  /** Whether a new request may still begin on it at `now`. */
  usable(connection: Connection, now: number = this.#options.clock.now()): boolean {
    return connection.urgency !== 'condemned' && now <= connection.destroyAt;
  }

  /** Lets go of all connections and the timer; the connections live on. */
  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#timerAt = Infinity;
    this.#connections.clear();
  }

  /** To a legacy server a client may show its legacy certificate, although SPIFFE comes first. */
  #isStillPresented({ own, admission }: Connection, { presented, legacy }: Generation): boolean {
    if (own === presented) return true;
    return this.#options.side === 'client' && admission.peer.kind === 'legacy' && own === legacy?.keyPair;
  }

  #drained(connection: Connection, reason: RetireReason): void {
    publish('svidkit:connection.drained', () => ({
      side: this.#options.side,
      id: peerName(connection.admission.peer),
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

  /** Lets go of what has ended by now. Gives the time; cheap when nothing is due. */
  sweep(): number {
    const now = this.#options.clock.now();
    if (now > this.#timerAt) this.#sweep();
    return now;
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
    if (this.#options.clock.now() <= this.#workEnd(own, admission)) return 'max-age';
    return own.expiresAt <= admission.peer.notAfter ? 'own-svid-expired' : 'peer-svid-expired';
  }

  /** Until when work may begin on a connection, by what is shown on it. */
  #workEnd(own: Credential, { peer }: Admission): number {
    const { side } = this.#options;
    return Math.min(
      peer.notAfter - margin(side, peer.certificate.notBefore, peer.notAfter),
      own.expiresAt - margin(side, own.notBefore, own.expiresAt),
    );
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
