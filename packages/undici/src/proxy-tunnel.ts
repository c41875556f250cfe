import { request as httpRequest, validateHeaderName, validateHeaderValue } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Socket } from 'node:net';
import { type SecureContextOptions } from 'node:tls';

import { type Clock, SpiffeError } from '@svidkit/core';

/** An HTTP proxy to tunnel through by CONNECT. It carries TLS between us and the target, and sees no more than that. */
export interface ProxyOptions {
  /** `http://host:port` or `https://host:port`. User name and password in it become Basic authorization. */
  readonly uri: string | URL;
  /** The value of the header `Proxy-Authorization`, for example `Bearer ...`. Sent to the proxy alone. */
  readonly authorization?: string;
  /** Further headers of the CONNECT request. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * How to speak with an `https:` proxy, which is known by its host name and not by a SPIFFE ID: `ca`, and a certificate
   * and key for proxies that ask for one. Default: the authorities of Node.js, no certificate.
   */
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'pfx'>;
}

/** A proxy, checked. */
export interface Proxy {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: NonNullable<ProxyOptions['tls']>;
}

const NAMES: ReadonlySet<string> = new Set(['uri', 'authorization', 'headers', 'tls']);
const TLS_NAMES: ReadonlySet<string> = new Set(['ca', 'cert', 'key', 'passphrase', 'pfx']);

/**
 * Checks the option `proxy`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. What it says never holds what the proxy is told in confidence.
 */
export function parseProxy(options: ProxyOptions): Proxy {
  refuseUnknown('proxy', options, NAMES);
  const { uri, authorization, headers = {}, tls = {} } = options;
  refuseUnknown('proxy.tls', tls, TLS_NAMES);
  // node:tls takes all public authorities for none.
  if ('ca' in tls && (!tls.ca || tls.ca.length === 0)) throw invalid('proxy.tls.ca must hold certificates');
  const url = parseUri(uri);
  const credentials = authorization ?? basic(url);
  return {
    secure: url.protocol === 'https:',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    headers: checkHeaders({
      ...headers,
      ...(credentials === undefined ? {} : { 'proxy-authorization': credentials }),
    }),
    tls,
  };
}

function refuseUnknown(where: string, options: object, names: ReadonlySet<string>): void {
  for (const name of Object.keys(options)) {
    if (!names.has(name)) throw invalid(`the option ${where}.${name} cannot be given`);
  }
}

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw invalid(`${name} cannot be sent to the proxy as it is`);
    }
  }
  return headers;
}

function invalid(problem: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', problem);
}

function parseUri(uri: string | URL): URL {
  let url: URL | undefined;
  try {
    url = new URL(uri);
  } catch {
    // Told below.
  }
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw invalid('proxy.uri must be like http://host:port or https://host:port');
}

function basic({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** How long a tunnel may take, and by which clock. */
export interface TunnelTiming {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Asks a proxy for a tunnel to `authority` (`host:port`). Nothing goes through it yet, and nothing may have come: the
 * client speaks first in TLS. `done` is called exactly once, never in this turn.
 *
 * @returns a function that gives up; `done` then gets its reason.
 */
export function openTunnel(
  proxy: Proxy,
  authority: string,
  { clock, timeoutMs }: TunnelTiming,
  done: (error: Error | null, socket?: Socket) => void,
): (reason: Error) => void {
  const request = (proxy.secure ? httpsRequest : httpRequest)({
    ...(proxy.secure ? { ...proxy.tls, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] } : {}),
    agent: false,
    host: proxy.host,
    port: proxy.port,
    method: 'CONNECT',
    path: authority,
    headers: { ...proxy.headers, host: authority },
  });
  let settled = false;
  const settle = (error: Error | null, socket?: Socket): void => {
    if (settled) return;
    settled = true;
    timer.clear();
    if (error !== null) request.destroy();
    done(error, socket);
  };
  const fail = (problem: string, cause?: unknown): void => settle(tunnelError(proxy, problem, cause));
  const timer = clock.setTimer(() => fail(`opened no tunnel within ${timeoutMs} ms`), timeoutMs);
  request.on('error', (cause: Error) => fail(`opened no tunnel: ${cause.message}`, cause));
  request.once('connect', ({ statusCode = 0 }, stream: Socket, early: Buffer) => {
    stream.on('error', () => {}); // Of its end whoever reads from it is told as well.
    const problem = problemOf(statusCode, early);
    if (problem === undefined && !settled) {
      settle(null, stream);
      return;
    }
    stream.destroy();
    fail(problem ?? '');
  });
  request.end();
  return settle;
}

function problemOf(statusCode: number, early: Buffer): string | undefined {
  if (statusCode < 200 || statusCode > 299) return `answered ${statusCode}`;
  return early.length > 0 ? 'sent bytes before the target was spoken to' : undefined;
}

function tunnelError({ secure, host, port }: Proxy, problem: string, cause?: unknown): SpiffeError {
  const uri = `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new SpiffeError('ERR_PROXY_TUNNEL', `the proxy ${uri} ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: problem.endsWith(' 407')
      ? 'Give proxy.authorization, or user name and password in proxy.uri.'
      : 'Check proxy.uri, and that the proxy may connect to the target.',
  });
}
