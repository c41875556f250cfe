import { type RequestListener } from 'node:http';
import { type Server as HttpsServer } from 'node:https';
import { type Server } from 'node:net';
import { type Server as TlsServer, type TLSSocket } from 'node:tls';

import {
  type MigrationPolicySource,
  type SourceHealth,
  SpiffeError,
  type SpiffeId,
  systemClock,
  type X509Source,
} from '@svidkit/core';
import { openMountedDenyList, openMountedMigrationPolicy } from '@svidkit/mount';
import {
  connectTls,
  type ConnectTlsOptions,
  createHttp2Client,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  drainServers,
  type Gated,
  type Http2Client,
  type Http2ClientOptions,
  type HttpsAgent,
  type HttpsAgentOptions,
  type HttpsServerOptions,
  type IdentityInput,
  type LegacyIdentity,
  type MigrationOptions,
  secureServer,
  type SecureServerOptions,
  tlsClientOptions,
  type TlsClientOptions,
  type TlsClientOptionsOptions,
  type TlsServerOptions,
} from '@svidkit/tls';

import { type FetchOptions, type IdentityFetch, loadUndici } from './load-undici.ts';
import { openSource, type SourceOptions } from './open-source.ts';
import { type ShutdownOptions, type ShutdownSummary } from './shutdown.ts';

/** Options of {@link workloadIdentity}. */
export interface WorkloadIdentityOptions extends SourceOptions, Omit<MigrationOptions, 'dryRun' | 'policy'> {
  /** The certificates from before SPIFFE, while both exist. Default: none. */
  readonly legacy?: LegacyIdentity;
  /** A mounted migration policy (JSON), followed while it changes. Default: none. */
  readonly policyFile?: string;
  /** A mounted deny list (JSON), followed while it changes. Default: none. */
  readonly denyFile?: string;
}

/** The identity of this process, and everything that speaks with it. The methods need no `this`. */
export interface WorkloadIdentity extends AsyncDisposable {
  /** Where the identity comes from: for code that takes an `X509Source`. */
  readonly source: X509Source;
  /** The first argument of every function of `@svidkit/*`: the source, beside the legacy identity if there is one. */
  readonly input: IdentityInput;
  /** The mounted migration policy, for `authorizeByPolicy`; undefined without `policyFile`. */
  readonly policy: MigrationPolicySource | undefined;
  /**
   * Who we are now.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_CLOSED`, `ERR_SOURCE_EXPIRED`, `ERR_SOURCE_EMPTY`.
   */
  readonly id: SpiffeId;
  /**
   * An HTTPS server that lets only verified and authorised clients reach `listener`; `peerOf(request)` tells who asks.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, `ERR_SOURCE_CLOSED`.
   */
  createHttpsServer(options: HttpsServerOptions, listener?: RequestListener): Gated<HttpsServer>;
  /**
   * A TLS server that hands out only connections of verified and authorised clients; `peerOf(socket)` tells who it is.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, `ERR_SOURCE_CLOSED`.
   */
  createTlsServer(options: TlsServerOptions, listener?: (socket: TLSSocket) => void): Gated<TlsServer>;
  /**
   * Does the same to a TLS, HTTPS or secure HTTP/2 server that a framework made, before it listens.
   *
   * @returns the same server.
   * @throws {@link SpiffeError} `ERR_CONFIG_SERVER`, `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, `ERR_SOURCE_CLOSED`.
   */
  secureServer<S extends TlsServer>(server: S, options: SecureServerOptions): Gated<S>;
  /**
   * An agent for `https.request`, axios, got, node-fetch: each server is verified and authorised before a request is
   * sent.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, `ERR_SOURCE_CLOSED`.
   */
  createHttpsAgent(options: HttpsAgentOptions): HttpsAgent;
  /**
   * A client of one HTTP/2 origin, whose session is replaced after each rotation.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, `ERR_SOURCE_CLOSED`.
   */
  createHttp2Client(origin: string | URL, options: Http2ClientOptions): Http2Client;
  /**
   * The `fetch` of undici over verified connections. Needs the package `@svidkit/undici` beside this one.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_PACKAGE`, `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, `ERR_SOURCE_CLOSED`.
   */
  createFetch(options: FetchOptions): IdentityFetch;
  /**
   * One TLS connection to a verified and authorised server. It is yours to end.
   *
   * @throws {@link SpiffeError} as `connectTls` of `@svidkit/tls`.
   */
  connectTls(options: ConnectTlsOptions): Promise<TLSSocket>;
  /**
   * Options for anything that takes `tls.ConnectionOptions`, for example database drivers.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_TRUST_DOMAIN`, `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`,
   * `ERR_SOURCE_CLOSED`.
   */
  tlsClientOptions(options: TlsClientOptionsOptions): TlsClientOptions;
  /** How the identity fares, for probes. Not `ready` once the shutdown has begun. */
  health(): SourceHealth;
  /**
   * Ends in good order: the servers accept no more, requests in flight finish, idle connections close; what is left at
   * the deadline is destroyed; then agents and the source close. The first call decides, later ones wait for it.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownSummary>;
  /** Closes agents and the source now; servers go on refusing everyone. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the identity that the platform mounted into this container, or gives by the SPIFFE Workload API, and waits until
 * it is whole.
 *
 * @param options - where and how to look; nothing is needed where the mount is in a well-known place, or the environment
 * names the one or the other.
 * @throws {@link SpiffeError} `ERR_MOUNT_*`, `ERR_WORKLOAD_API_*`, `ERR_PEM_INVALID`, `ERR_SVID_*`, `ERR_BUNDLE_*`, `ERR_SOURCE_TIMEOUT`,
 * `ERR_CONFIG_OPTION`, `ERR_CONFIG_PACKAGE`; `signal.reason`.
 */
export async function workloadIdentity(options: WorkloadIdentityOptions = {}): Promise<WorkloadIdentity> {
  const { legacy, accept, prefer, policyFile, denyFile, ...mount } = options;
  const source = await openSource(mount);
  const { clock = systemClock } = options;
  const closers: AsyncDisposable[] = [source];
  const opened = async <T extends AsyncDisposable>(promise: Promise<T>): Promise<T> => {
    try {
      const one = await promise;
      closers.push(one);
      return one;
    } catch (error) {
      for (const closer of closers) await closer[Symbol.asyncDispose]();
      throw error;
    }
  };
  const policy =
    policyFile === undefined ? undefined : await opened(openMountedMigrationPolicy(policyFile, { clock }));
  const deny = denyFile === undefined ? undefined : await opened(openMountedDenyList(denyFile, { clock }));
  const input: IdentityInput = legacy === undefined ? source : { spiffe: source, legacy };
  /** What every server and client gets, unless its own options say otherwise. */
  const common = {
    clock,
    ...(accept === undefined ? {} : { accept }),
    ...(prefer === undefined ? {} : { prefer }),
    ...(policy === undefined ? {} : { policy }),
    ...(deny === undefined ? {} : { deny }),
  };
  const listening = new Set<Server>();
  const clients = new Set<Client>();
  let ending: Promise<ShutdownSummary> | undefined;

  /** The source for something new; what is made of a closed one could only fail later. */
  const open = (): IdentityInput => {
    if (!source.closed.aborted) return input;
    throw new SpiffeError('ERR_SOURCE_CLOSED', 'this workload identity is closed', {
      hint: 'Open another one with workloadIdentity().',
    });
  };

  const followed = <S extends Server>(server: S): S => {
    server.on('listening', () => listening.add(server));
    server.on('close', () => listening.delete(server));
    return server;
  };

  const client = <T extends Client>(one: T): T => {
    clients.add(one);
    return one;
  };

  const close = async (): Promise<void> => {
    for (const one of clients) void one.close();
    clients.clear();
    for (const closer of closers) await closer[Symbol.asyncDispose]();
  };

  const end = async (
    servers: readonly Server[],
    deadlineMs: number | undefined,
  ): Promise<ShutdownSummary> => {
    const drained = drainServers(servers, { clock, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
    const summary = await drained;
    if (!summary.drained) for (const one of clients) void one.destroy();
    await close();
    return summary;
  };

  return Object.freeze<WorkloadIdentity>({
    source,
    input,
    policy,
    get id() {
      return source.current.svid.id;
    },
    createHttpsServer: (serverOptions, listener) =>
      followed(createHttpsServer(open(), { ...common, ...serverOptions }, listener)),
    createTlsServer: (serverOptions, listener) =>
      followed(createTlsServer(open(), { ...common, ...serverOptions }, listener)),
    secureServer<S extends TlsServer>(server: S, serverOptions: SecureServerOptions): Gated<S> {
      const made = secureServer(server, open(), { ...common, ...serverOptions });
      followed(made);
      return made;
    },
    createHttpsAgent: (agentOptions) => client(createHttpsAgent(open(), { ...common, ...agentOptions })),
    createHttp2Client: (origin, clientOptions) =>
      client(createHttp2Client(open(), origin, { ...common, ...clientOptions })),
    createFetch: (fetchOptions) => client(loadUndici().createFetch(open(), { ...common, ...fetchOptions })),
    connectTls: async (connectOptions) => connectTls(open(), { ...common, ...connectOptions }),
    tlsClientOptions: (clientOptions) => tlsClientOptions(open(), { ...common, ...clientOptions }),
    health() {
      const health = source.health();
      if (ending === undefined) return health;
      return { ...health, ready: false, problems: [...health.problems, 'This process is shutting down.'] };
    },
    async shutdown(shutdownOptions = {}) {
      const { servers = [...listening], deadlineMs } = shutdownOptions;
      if (ending !== undefined) return ending;
      const begun = end(servers, deadlineMs);
      ending = begun;
      // Options that were refused have begun nothing.
      begun.catch(() => (ending = undefined));
      return begun;
    },
    close,
    [Symbol.asyncDispose]: close,
  });
}

/** What is closed together with the identity. */
interface Client {
  close(): unknown;
  destroy(): unknown;
}
