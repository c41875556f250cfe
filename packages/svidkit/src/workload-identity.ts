import { type RequestListener } from 'node:http';
import { type Server as HttpsServer } from 'node:https';
import { type Server } from 'node:net';
import { type Server as TlsServer, type TLSSocket } from 'node:tls';

import { type SourceHealth, SpiffeError, type SpiffeId, systemClock, type X509Source } from '@svidkit/core';
import { type MountOptions, openMountedX509Source } from '@svidkit/mount';
import {
  connectTls,
  type ConnectTlsOptions,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  drainServers,
  type Gated,
  type HttpsAgent,
  type HttpsAgentOptions,
  type HttpsServerOptions,
  secureServer,
  type SecureServerOptions,
  tlsClientOptions,
  type TlsClientOptions,
  type TlsClientOptionsOptions,
  type TlsServerOptions,
} from '@svidkit/tls';

import { type ShutdownOptions, type ShutdownSummary } from './shutdown.ts';

/** The identity of this process, and everything that speaks with it. The methods need no `this`. */
export interface WorkloadIdentity extends AsyncDisposable {
  /** Where the identity comes from: for code that takes an `X509Source`. */
  readonly source: X509Source;
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
 * Opens the identity that the platform mounted into this container and waits until it is whole.
 *
 * @param options - where and how to look; nothing is needed where the mount is in a well-known place.
 * @throws {@link SpiffeError} `ERR_MOUNT_*`, `ERR_PEM_INVALID`, `ERR_SVID_*`, `ERR_BUNDLE_*`, `ERR_SOURCE_TIMEOUT`,
 * `ERR_CONFIG_OPTION`; `signal.reason`.
 */
export async function workloadIdentity(options: MountOptions = {}): Promise<WorkloadIdentity> {
  const source = await openMountedX509Source(options);
  const { clock = systemClock } = options;
  const listening = new Set<Server>();
  const agents = new Set<HttpsAgent>();
  let ending: Promise<ShutdownSummary> | undefined;

  /** The source for something new; what is made of a closed one could only fail later. */
  const open = (): X509Source => {
    if (!source.closed.aborted) return source;
    throw new SpiffeError('ERR_SOURCE_CLOSED', 'this workload identity is closed', {
      hint: 'Open another one with workloadIdentity().',
    });
  };

  const followed = <S extends Server>(server: S): S => {
    server.on('listening', () => listening.add(server));
    server.on('close', () => listening.delete(server));
    return server;
  };

  const close = (): Promise<void> => {
    for (const agent of agents) agent.close();
    agents.clear();
    return source.close();
  };

  const end = async (
    servers: readonly Server[],
    deadlineMs: number | undefined,
  ): Promise<ShutdownSummary> => {
    const drained = drainServers(servers, { clock, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
    const summary = await drained;
    if (!summary.drained) for (const agent of agents) agent.destroy();
    await close();
    return summary;
  };

  return Object.freeze<WorkloadIdentity>({
    source,
    get id() {
      return source.current.svid.id;
    },
    createHttpsServer: (serverOptions, listener) =>
      followed(createHttpsServer(open(), { clock, ...serverOptions }, listener)),
    createTlsServer: (serverOptions, listener) =>
      followed(createTlsServer(open(), { clock, ...serverOptions }, listener)),
    secureServer<S extends TlsServer>(server: S, serverOptions: SecureServerOptions): Gated<S> {
      const made = secureServer(server, open(), { clock, ...serverOptions });
      followed(made);
      return made;
    },
    createHttpsAgent(agentOptions) {
      const agent = createHttpsAgent(open(), { clock, ...agentOptions });
      agents.add(agent);
      return agent;
    },
    connectTls: async (connectOptions) => connectTls(open(), { clock, ...connectOptions }),
    tlsClientOptions: (clientOptions) => tlsClientOptions(open(), { clock, ...clientOptions }),
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
