import { type EventEmitter } from 'node:events';
import { type TLSSocket } from 'node:tls';

import { type Authorizer, SpiffeError } from '@svidkit/core';
import { type Connector, createConnector, type RetiredConnection, type IdentityInput } from '@svidkit/tls';
import { Agent, type buildConnector, Dispatcher, errors, Pool } from 'undici';

import { type SpiffeDispatcher } from './create-dispatcher.ts';
import { type ParsedOptions } from './dispatcher-options.ts';
import { type Call, GuardedHandler, type Owner } from './guarded-handler.ts';
import { openConnection } from './open-connection.ts';
import { VerifiedClient } from './verified-client.ts';

/** The pools of one generation of our identity. */
interface Generation {
  /** {@link Connector.current} as it was. */
  readonly own: object;
  readonly agent: Agent;
  /** The agent's own, which it forgets when it is closed. */
  readonly pools: Set<Pool>;
  readonly sockets: WeakSet<TLSSocket>;
  /** The origins, by their spelling. */
  readonly targets: Map<string, KnownTarget>;
}

interface KnownTarget {
  readonly origin: string;
  /** Whom its connections were let in by. */
  readonly authorizer: Authorizer;
}

/** Origins that are remembered before a generation is replaced for that alone. */
const MAX_ORIGINS = 1024;

const EVENTS = ['connect', 'disconnect', 'connectionError', 'drain'] as const;

/**
 * One agent of undici per generation. It is replaced when the identity changes, when one of its connections is to take
 * no new work, and when an origin is to be answered by somebody else; the old one finishes what it has and closes.
 */
export class RotatingDispatcher extends Dispatcher implements SpiffeDispatcher, Owner {
  readonly #connector: Connector;
  readonly #options: ParsedOptions;
  readonly #condemned = new WeakSet<TLSSocket>();
  readonly #opening = new Set<(reason: Error) => void>();
  readonly #closing = new Map<Generation, Promise<void>>();
  readonly #ended = Promise.withResolvers<void>();
  #generation: Generation | undefined;
  #closed: Promise<void> | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(source: IdentityInput, options: ParsedOptions) {
    super();
    this.#options = options;
    this.#connector = createConnector(source, {
      ...options.connector,
      onRetire: (connection) => this.#onRetire(connection),
    });
  }

  get closed(): boolean {
    return this.#closed !== undefined || this.destroyed;
  }

  get destroyed(): boolean {
    return this.#destroyed !== undefined;
  }

  /** Read by the WebSocket of undici. */
  get webSocketOptions(): object {
    return this.#options.http.webSocket ?? {};
  }

  /** Read by the EventSource of undici. */
  get eventSourceOptions(): object {
    return this.#options.http.eventSource ?? {};
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.send({ options, handler, onSocket: undefined });
  }

  /** Dispatches a call. As in undici, what is wrong with it is told to its handler. */
  send(call: Call): boolean {
    try {
      if (this.destroyed) throw new errors.ClientDestroyedError();
      if (this.closed) throw new errors.ClientClosedError();
      return this.#forward(call);
    } catch (error) {
      return refuse(call, error);
    }
  }

  resend(call: Call): void {
    try {
      if (this.destroyed) throw new errors.ClientDestroyedError();
      this.#forward(call);
      if (this.closed) this.#replace();
    } catch (error) {
      refuse(call, error);
    }
  }

  mayCarry(socket: TLSSocket): boolean {
    this.#connector.usable(socket); // Ends what has expired by now, however late the timers are.
    return !socket.destroyed && !this.#condemned.has(socket);
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | void {
    this.#closed ??= this.#close();
    return settled(this.#closed, callback);
  }

  override destroy(reason?: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(reason: Error | null, callback: () => void): void;
  override destroy(reason: Error | null | (() => void) = null, callback?: () => void): Promise<void> | void {
    const isCallback = typeof reason === 'function';
    this.#destroyed ??= this.#destroy((isCallback ? null : reason) ?? new errors.ClientDestroyedError());
    return settled(this.#destroyed, isCallback ? reason : callback);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#replace();
    // A request that finds its connection ended opens another agent meanwhile.
    while (this.#closing.size > 0) {
      await Promise.race([Promise.all(this.#closing.values()), this.#ended.promise]);
    }
    this.#connector.close();
  }

  async #destroy(reason: Error): Promise<void> {
    for (const giveUp of this.#opening) giveUp(reason);
    this.#replace();
    const pools = [...this.#closing.keys()].flatMap((generation) => [...generation.pools]);
    // A pool that is destroyed while it closes never says that it has closed.
    this.#closing.clear();
    await Promise.all(pools.map((pool) => pool.destroy(reason)));
    this.#connector.destroy();
    this.#ended.resolve();
  }

  #forward(call: Call): boolean {
    const { options } = call;
    const { agent } = this.#generationFor(String(options.origin));
    // An HTTP/2 connection would be closed as idle under the streams that were upgraded on it.
    const sent = options.upgrade ? { ...options, allowH2: false } : options;
    return agent.dispatch(sent, new GuardedHandler(call, this));
  }

  #generationFor(spelling: string): Generation {
    const own = this.#connector.current;
    const known = this.#generation?.targets.get(spelling);
    const origin = known?.origin ?? parseOrigin(spelling);
    const authorizer = this.#connector.authorizerOf(origin);
    if (this.#generation?.own === own) {
      if (known?.authorizer === authorizer) return this.#generation;
      if (known !== undefined || this.#generation.targets.size >= MAX_ORIGINS) this.#replace();
    } else {
      this.#replace();
    }
    const generation = this.#generation ?? this.#begin(own);
    generation.targets.set(spelling, { origin, authorizer });
    return generation;
  }

  #begin(own: object): Generation {
    const { http } = this.#options;
    const sockets = new WeakSet<TLSSocket>();
    const pools = new Set<Pool>();
    const agent = new Agent({
      ...http,
      factory: (origin, { allowH2 }: Agent.Options) => {
        const options: Pool.Options = { ...http, allowH2: allowH2 ?? false };
        const open = (
          target: buildConnector.Options,
          done: (error: Error | null, socket?: TLSSocket) => void,
        ) => this.#open(sockets, { ...target, allowH2: options.allowH2 === true }, done);
        const pool = new Pool(origin, {
          ...options,
          factory: (url) => VerifiedClient.of(url, options, open),
        });
        for (const other of pools) if (other.destroyed) pools.delete(other);
        pools.add(pool);
        return pool;
      },
    });
    forwardEvents(agent, this);
    this.#generation = { own, agent, pools, sockets, targets: new Map() };
    return this.#generation;
  }

  #open(
    sockets: WeakSet<TLSSocket>,
    target: buildConnector.Options & { readonly allowH2: boolean },
    done: (error: Error | null, socket?: TLSSocket) => void,
  ): void {
    const giveUp = openConnection(this.#connector, this.#options, target, (error, socket) => {
      this.#opening.delete(giveUp);
      if (socket !== undefined) sockets.add(socket);
      done(error, socket);
    });
    this.#opening.add(giveUp);
  }

  #onRetire({ socket, condemned }: RetiredConnection): void {
    if (condemned) this.#condemned.add(socket);
    if (this.#generation?.sockets.has(socket) === true) this.#replace();
  }

  /** Has the pools finish what they have; the next request makes others. */
  #replace(): void {
    const generation = this.#generation;
    if (generation === undefined) return;
    this.#generation = undefined;
    this.#closing.set(generation, this.#finish(generation));
  }

  async #finish(generation: Generation): Promise<void> {
    await generation.agent.close();
    this.#closing.delete(generation);
  }
}

/** @throws {@link SpiffeError} `ERR_TARGET_UNKNOWN` when nobody there could have an identity. */
function parseOrigin(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new errors.InvalidArgumentError('opts.origin must be a non-empty string or URL.');
  }
  if (url.protocol === 'https:') return url.origin;
  throw new SpiffeError('ERR_TARGET_UNKNOWN', `${url.origin} is not https, so nothing is sent there`, {
    hint: 'Use https, or another dispatcher for what needs no identity.',
  });
}

function refuse({ handler }: Call, error: unknown): false {
  if (typeof handler?.onResponseError !== 'function') throw error;
  handler.onResponseError(null as never, error as Error);
  return false;
}

/** Tells of the connections of an agent as its own: the outermost dispatcher comes first. */
function forwardEvents(from: EventEmitter, to: Dispatcher & EventEmitter): void {
  const emitter: EventEmitter = to;
  for (const event of EVENTS) {
    from.on(event, (origin: URL, targets: readonly Dispatcher[], ...rest: unknown[]) => {
      emitter.emit(event, origin, [to, ...targets], ...rest);
    });
  }
}

function settled(promise: Promise<void>, callback: (() => void) | undefined): Promise<void> | void {
  if (callback === undefined) return promise;
  void tell(promise, callback);
}

async function tell(promise: Promise<void>, callback: () => void): Promise<void> {
  await promise;
  callback();
}
