import { type TLSSocket } from 'node:tls';

import { type Authorizer } from '@svidkit/core';

import { type Target } from './attempt-connection.ts';
import { parseTargetClientOptions, type TargetClientOptions } from './client-options.ts';
import { type Connection, ConnectionTable, type RetireReason } from './connection-table.ts';
import { type IdentityInput } from './identity.ts';
import { openConnection } from './open-connection.ts';
import { type LegacyPeer, type Peer } from './peer.ts';
import { originOf } from './target-authorizer.ts';

/** Options of {@link createConnector}. */
export interface ConnectorOptions extends TargetClientOptions {
  /**
   * Called for each connection that is to take no new work, and again should it become more urgent: finish what it does,
   * then close it. Whatever lives on is destroyed at its deadline.
   */
  readonly onRetire?: (connection: RetiredConnection) => void;
}

/** A connection that is to take no new work. */
export interface RetiredConnection {
  readonly socket: TLSSocket;
  readonly reason: RetireReason;
  /** Whether no further request may begin on it, not even one that waits for it already. */
  readonly condemned: boolean;
}

/** Where to connect to. */
export interface ConnectTarget extends Target {
  /** The origin whose authorizer decides. Default: `https://` with host and port. */
  readonly origin?: string;
}

/** A connection whose server is verified and authorised. */
export interface Connected {
  readonly socket: TLSSocket;
  readonly peer: Peer | LegacyPeer;
}

/**
 * What client adapters are built on: opens verified connections, and says when one has had its time because of a
 * rotation, an expiry or a change of trust. An adapter pools them by {@link Connector.current} and never sees a
 * certificate.
 */
export interface Connector extends Disposable {
  /**
   * What a new connection presents, as an object to key pools by, so that a request never rides on a connection of
   * another identity.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_*`.
   */
  readonly current: object;
  /**
   * Who may answer for an origin.
   *
   * @throws {@link SpiffeError} `ERR_TARGET_UNKNOWN`, `ERR_CONFIG_AUTHORIZER`.
   */
  authorizerOf(origin: string): Authorizer;
  /**
   * Opens a connection. `done` is called exactly once, never in this turn, and gets the socket only after its server was
   * verified and authorised.
   *
   * @returns a function that gives up; `done` then gets its reason.
   */
  connect(
    target: ConnectTarget,
    done: (error: Error | null, connected?: Connected) => void,
  ): (reason: unknown) => void;
  /** Whether a new request may begin on a connection of this connector: it lives, and nothing on it has ended. */
  usable(socket: TLSSocket): boolean;
  /** Stops following the source and retires every connection. Idempotent. */
  close(): void;
  /** Stops following the source and destroys every connection. Idempotent. */
  destroy(): void;
}

/**
 * Makes the connecting half of a client adapter.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createConnector(source: IdentityInput, options: ConnectorOptions): Connector {
  const { onRetire = () => {}, ...rest } = options;
  return new SourceConnector(source, rest, ({ socket, retired, urgency }) =>
    onRetire({ socket, reason: retired ?? 'shutdown', condemned: urgency === 'condemned' }),
  );
}

/** The connector, with the table that the adapters of this package look into. */
export class SourceConnector implements Connector {
  readonly table: ConnectionTable;
  readonly #options: ReturnType<typeof parseTargetClientOptions>;
  readonly #subscriptions: readonly (Disposable | undefined)[];

  constructor(source: IdentityInput, options: TargetClientOptions, retire: (connection: Connection) => void) {
    this.#options = parseTargetClientOptions(source, options);
    const { identity, clock, deny } = this.#options;
    const table = new ConnectionTable({ side: 'client', clock, retire });
    this.table = table;
    this.#subscriptions = [
      identity.onUpdate((generation) => table.follow(generation)),
      deny?.onUpdate(() => table.deny(deny)),
    ];
  }

  get current(): object {
    return this.#options.identity.current.presented;
  }

  authorizerOf(origin: string): Authorizer {
    return this.#options.authorizers.of(origin);
  }

  /** The same by host and port, without the cost of spelling an origin where there is one for all. */
  authorizerAt({ host, port }: Pick<ConnectTarget, 'host' | 'port'>): Authorizer {
    const { only, of } = this.#options.authorizers;
    return only ?? of(originOf(host, port));
  }

  connect(
    target: ConnectTarget,
    done: (error: Error | null, connected?: Connected) => void,
  ): (reason: unknown) => void {
    let authorize: Authorizer;
    try {
      authorize = target.origin === undefined ? this.authorizerAt(target) : this.authorizerOf(target.origin);
    } catch (cause) {
      process.nextTick(done, cause);
      return () => {};
    }
    return openConnection(target, { ...this.#options, authorize }, (error, opened) => {
      if (opened === undefined) {
        done(error as Error);
        return;
      }
      const { socket, own, admission } = opened;
      this.table.add(socket, own, admission, this.#options);
      done(null, { socket, peer: admission.peer });
    });
  }

  usable(socket: TLSSocket): boolean {
    const now = this.table.sweep();
    const connection = this.table.get(socket);
    return connection !== undefined && connection.retired === undefined && this.table.usable(connection, now);
  }

  close(): void {
    this.#unsubscribe();
    for (const connection of this.table) this.table.retire(connection, 'shutdown', 'now');
  }

  destroy(): void {
    this.#unsubscribe();
    const connections = [...this.table];
    this.table.clear();
    for (const { socket } of connections) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #unsubscribe(): void {
    for (const subscription of this.#subscriptions) subscription?.[Symbol.dispose]();
  }
}
