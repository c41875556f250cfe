import { type ConnectionOptions } from 'node:tls';

import { type Pem } from '../messages.ts';
import { type Endpoint, type EndpointName, ENDPOINTS, HOST } from '../topology.ts';

/** How to knock at a door. */
export interface Knock {
  readonly endpoint: EndpointName;
  readonly port: number;
  /** Sent with the request; whoever handles the request reports it. */
  readonly mark: string;
  readonly identity?: Pem | undefined;
  readonly session?: Buffer | undefined;
  readonly maxVersion?: 'TLSv1.2';
  /** Whether to ask where not everybody may who may connect. */
  readonly restricted?: boolean;
  /** Speaks no TLS: the request as it is, or behind noise. */
  readonly plaintext?: 'request' | 'noise' | undefined;
}

/** What came of it. */
export interface KnockResult {
  readonly localPort: number | undefined;
  /** Whether the other end closed the connection. */
  readonly closed: boolean;
  readonly applicationBytes: number;
  /** Whether the request was answered as an admitted peer's is. */
  readonly answered: boolean;
  /** The HTTP status of the answer. */
  readonly status: number | undefined;
  /** What the server gave for resuming. */
  readonly sessions: readonly Buffer[];
}

/** How long a knock may take. */
export const TIMEOUT_MS = 5_000;

/** Options of a client that verifies nothing and shows what it was given. */
export function tlsOptions({
  port,
  identity,
  session,
  maxVersion,
}: Pick<Knock, 'port' | 'identity' | 'session' | 'maxVersion'>): ConnectionOptions {
  const options: ConnectionOptions = { host: HOST, port, rejectUnauthorized: false };
  if (identity !== undefined) Object.assign(options, identity);
  if (session !== undefined) options.session = session;
  if (maxVersion !== undefined) options.maxVersion = maxVersion;
  return options;
}

/** Where to ask. */
export function pathOf({ endpoint, mark, restricted }: Knock): string {
  const { path = '/', restricted: prefix }: Endpoint = ENDPOINTS[endpoint];
  return restricted === true && prefix !== undefined ? `${prefix}/${mark}` : path;
}

/** One request of HTTP/1.1. */
export function httpRequest(path: string, mark?: string): string {
  const marked = mark === undefined ? '' : `x-mark: ${mark}\r\nconnection: close\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: demo\r\ncontent-type: application/json\r\ncontent-length: 2\r\n${marked}\r\n{}`;
}
