import { type Socket } from 'node:net';

import { type ChannelOptions, experimental } from '@grpc/grpc-js';

/** Where a channel connects to, as far as its target says. */
export interface GrpcTarget {
  /** For error messages, and for the server name where it is a DNS name. */
  readonly host?: string;
  readonly port?: number;
  /** In place of host and port: a socket in the file system, or whatever a custom resolver makes of it. */
  readonly path?: string;
  /** Whose authorizer decides; undefined: it takes a socket to know, since the target is a list of addresses. */
  readonly origin: string | undefined;
}

const DEFAULT_PORT = 443;

/**
 * Reads the target of a channel. Behind a proxy it is the one that the proxy is asked for.
 *
 * DNS names and IP addresses have an origin as `URL#origin` spells it, `https://host:port`. Others have none in that
 * form: their origin is the target as written, such as `unix:/run/payments.sock`.
 */
export function parseGrpcTarget(channelTarget: experimental.GrpcUri, options: ChannelOptions): GrpcTarget {
  const target = proxied(options) ?? channelTarget;
  const { scheme = 'dns', path } = target;
  if (scheme !== 'dns' && scheme !== 'ipv4' && scheme !== 'ipv6') {
    const written = uriOf(target);
    return { path: written, origin: written };
  }
  if (scheme !== 'dns' && path.includes(',')) return { path, origin: undefined };
  const parsed = experimental.splitHostPort(path);
  if (parsed === null) return { path, origin: uriOf(target) };
  const { host, port = DEFAULT_PORT } = parsed;
  return { host, port, origin: originOf(host, port) };
}

/** The origin of the address that a socket is connected to. */
export function originOfSocket({ remoteAddress, remotePort }: Socket): string {
  return originOf(remoteAddress ?? '', remotePort ?? DEFAULT_PORT);
}

function proxied(options: ChannelOptions): experimental.GrpcUri | undefined {
  const written = options['grpc.http_connect_target'];
  const parsed =
    written === undefined ? null : /^(?:([A-Za-z0-9+.-]+):)?(?:\/\/([^/]*)\/)?(.+)$/.exec(written);
  if (parsed?.[3] === undefined) return undefined;
  const [, scheme, authority, path] = parsed;
  return {
    ...(scheme === undefined ? {} : { scheme }),
    ...(authority === undefined ? {} : { authority }),
    path,
  };
}

function uriOf(target: experimental.GrpcUri): string {
  return experimental.uriToString(target);
}

function originOf(host: string, port: number): string {
  const written = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  try {
    return new URL(written).origin;
  } catch {
    return written; // No map has such a key, and a function may decide.
  }
}
