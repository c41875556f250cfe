import { type LookupFunction } from 'node:net';

import { type Clock, SpiffeError, systemClock } from '@svidkit/core';
import { type TargetClientOptions } from '@svidkit/tls';
import { Agent, Client, Pool } from 'undici';

import { parseProxy, type Proxy, type ProxyOptions } from './proxy-tunnel.ts';

/** The options of undici's `Agent` that may be given: those about HTTP itself. See undici for what they mean. */
export type HttpOptions = Pick<
  Agent.Options,
  | 'bodyTimeout'
  | 'connections'
  | 'eventSource'
  | 'h2Options'
  | 'headersTimeout'
  | 'keepAliveMaxTimeout'
  | 'keepAliveTimeout'
  | 'keepAliveTimeoutThreshold'
  | 'maxHeaderSize'
  | 'maxOrigins'
  | 'maxRequestsPerClient'
  | 'maxResponseSize'
  | 'pipelining'
  | 'strictContentLength'
  | 'webSocket'
>;

/** The options of a connection below TLS. */
interface NetworkOptions {
  /** Tries the addresses of a host in turn; as in `net.connect`. */
  readonly autoSelectFamily?: boolean;
  /** Milliseconds for each of them; as in `net.connect`. */
  readonly autoSelectFamilyAttemptTimeout?: number;
  /** The IP version to use: 4, 6, or 0 for both. @default 0 */
  readonly family?: number;
  /** The local address to connect from. */
  readonly localAddress?: string;
  /** Resolves host names. Default: `dns.lookup`. Who answers is verified, whatever it says. */
  readonly lookup?: LookupFunction;
}

/** Options of {@link createDispatcher} and {@link createFetch}. */
export interface DispatcherOptions extends TargetClientOptions, HttpOptions, NetworkOptions {
  /**
   * Whether to speak HTTP/2 with servers that choose it. One connection then carries many requests, so one that ends
   * takes all of them with it; and when a server says goodbye (GOAWAY), undici repeats what that server says it has not
   * begun, whatever the method. Upgrades (WebSocket) go over HTTP/1.1 in any case.
   *
   * @default false
   */
  readonly allowH2?: boolean;
  /** The HTTP proxy to tunnel through. TLS is spoken with the target, inside the tunnel. Default: none. */
  readonly proxy?: ProxyOptions;
}

/** Who takes an option that may be given. */
const TAKEN_BY: Readonly<Record<keyof DispatcherOptions, 'http' | 'network' | 'connector' | 'us'>> = {
  accept: 'connector',
  allowH2: 'us',
  authorize: 'connector',
  autoSelectFamily: 'network',
  autoSelectFamilyAttemptTimeout: 'network',
  bodyTimeout: 'http',
  clock: 'connector',
  connections: 'http',
  deny: 'connector',
  drainDeadlineMs: 'connector',
  eventSource: 'http',
  family: 'network',
  h2Options: 'http',
  handshakeTimeoutMs: 'connector',
  headersTimeout: 'http',
  keepAliveMaxTimeout: 'http',
  keepAliveTimeout: 'http',
  keepAliveTimeoutThreshold: 'http',
  localAddress: 'network',
  lookup: 'network',
  maxConnectionAgeMs: 'connector',
  maxHeaderSize: 'http',
  maxOrigins: 'http',
  maxRequestsPerClient: 'http',
  maxResponseSize: 'http',
  minVersion: 'connector',
  pipelining: 'http',
  policy: 'connector',
  prefer: 'connector',
  proxy: 'us',
  resumption: 'connector',
  strictContentLength: 'http',
  webSocket: 'http',
};

/** The options, checked and sorted by who takes them. */
export interface ParsedOptions {
  readonly http: HttpOptions & { readonly allowH2: boolean };
  readonly network: NetworkOptions;
  readonly connector: TargetClientOptions;
  readonly proxy: Proxy | undefined;
  readonly clock: Clock;
}

/**
 * Checks the options. Whatever is not known to leave the decisions to the source is refused.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` naming the option.
 */
export function parseDispatcherOptions(options: DispatcherOptions): ParsedOptions {
  const parts = { http: {}, network: {}, connector: { authorize: options.authorize }, us: {} };
  for (const [name, value] of Object.entries<unknown>({ ...options })) {
    if (value === undefined) continue;
    if (!Object.hasOwn(TAKEN_BY, name)) throw refused(name);
    Object.assign(parts[TAKEN_BY[name as keyof DispatcherOptions]], { [name]: value });
  }
  if (options.h2Options !== undefined && 'useH2c' in options.h2Options) throw refused('h2Options.useH2c');
  const { allowH2 = false, clock = systemClock, proxy } = options;
  const http = { ...parts.http, allowH2 };
  checkByUndici(http);
  return {
    http,
    network: parts.network,
    connector: parts.connector,
    proxy: proxy === undefined ? undefined : parseProxy(proxy),
    clock,
  };
}

/** undici looks at its options when it first connects: too late for whoever wrote them. */
function checkByUndici(http: ParsedOptions['http']): void {
  try {
    new Agent(http);
    new Pool('https://localhost', http);
    new Client('https://localhost', http);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new SpiffeError('ERR_CONFIG_OPTION', `undici refuses an option: ${what}`, { cause });
  }
}

function refused(name: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `the option ${name} cannot be given`, {
    hint: HINTS[name] ?? 'The source decides what is presented and who is trusted.',
  });
}

const HINTS: Readonly<Record<string, string>> = {
  clientTtl: 'Give maxConnectionAgeMs.',
  connectTimeout: 'Give handshakeTimeoutMs.',
  dispatcher: 'Requests go through the verified connections of this source, or not at all.',
  interceptors: 'Call compose() on the dispatcher.',
  socketPath: 'Requests go to https origins; a proxy is given by the option proxy.',
};
