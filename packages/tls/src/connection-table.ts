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

/** One admitted connection, with what bounds its life. */
export interface Connection {
  readonly socket: TLSSocket;
  /** The generation whose SVID we presented on it. */
  readonly own: X509Context;
  readonly admission: Admission;
  /** From when on it takes no new work, in milliseconds since the Unix epoch. */
  readonly retireAt: number;
  /** When it is destroyed, whatever it does. */
  destroyAt: number;
  /** Set once it is to take no new work. */
  retired: RetireReason | undefined;
  /** Set once nothing it still does may go on to a new request. */
  condemned: boolean;
  /** The latest response on it; `forever` once it was upgraded. Servers of HTTP/1 set it. */
  work: ServerResponse | 'forever' | undefined;
}

/** How an owner of connections lets go of one. */
export interface TableOptions {
  readonly side: 'client' | 'server';
  readonly clock: Clock;
  /** Takes no new work from now on; close it as soon as it is idle. */
  readonly retire: (connection: Connection) => void;
}

/** How long a request in flight may go on after the authority of its connection was removed. */
const REMOVED_AUTHORITY_GRACE_MS = 5_000;
/** Work stops this long before an expiry, or a tenth of the certificate's life if that is less. */
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
  add(socket: TLSSocket, own: X509Context, admission: Admission): Connection {
    const { verified } = admission;
    const peerEnd = verified.notAfter;
    const ownEnd = own.svid.expiresAt;
    const connection: Connection = {
      socket,
      own,
      admission,
      retireAt: Math.min(
        peerEnd - margin(verified.leaf.notBefore, peerEnd),
        ownEnd - margin(own.svid.notBefore, ownEnd),
      ),
      destroyAt: Math.min(peerEnd, ownEnd),
      retired: undefined,
      condemned: false,
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
        this.retire(connection, 'source-empty');
        continue;
      }
      if (!this.#stillTrusted(connection.admission.verified, context)) {
        connection.condemned = true;
        connection.destroyAt = Math.min(
          connection.destroyAt,
          this.#options.clock.now() + REMOVED_AUTHORITY_GRACE_MS,
        );
        this.retire(connection, 'authority-removed');
      } else if (connection.own.svid !== context.svid) {
        this.retire(connection, 'rotation');
      }
    }
  }

  /** Lets a connection take no new work. Idempotent. */
  retire(connection: Connection, reason: RetireReason): void {
    if (connection.retired !== undefined && (reason !== 'authority-removed' || connection.retired === reason))
      return;
    connection.retired = reason;
    this.#wakeAt(connection.destroyAt);
    this.#drained(connection, reason);
    this.#options.retire(connection);
  }

  /** Whether a new request may still begin on it. */
  usable(connection: Connection): boolean {
    return !connection.condemned && this.#options.clock.now() <= connection.destroyAt;
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
      const { own, admission } = connection;
      const reason =
        own.svid.expiresAt <= admission.verified.notAfter ? 'own-svid-expired' : 'peer-svid-expired';
      if (now > connection.retireAt) this.retire(connection, reason);
      if (now > connection.destroyAt) {
        this.#connections.delete(connection.socket);
        connection.socket.destroy();
      } else {
        this.#wakeAt(connection.retired === undefined ? connection.retireAt : connection.destroyAt);
      }
    }
  }
}

function margin(notBefore: number, notAfter: number): number {
  return Math.min(LONGEST_MARGIN_MS, (notAfter - notBefore) / 10);
}
