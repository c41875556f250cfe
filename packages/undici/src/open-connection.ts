import { type Socket } from 'node:net';
import { type TLSSocket } from 'node:tls';

import { type Connector } from '@svidkit/tls';
import { type buildConnector } from 'undici';

import { type ParsedOptions } from './dispatcher-options.ts';
import { openTunnel } from './proxy-tunnel.ts';

/** Milliseconds of idleness before TCP asks whether the other end is still there; as undici has it. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Opens a verified connection to where undici wants one, through the proxy if there is one. `done` is called exactly
 * once, never in this turn.
 *
 * @returns a function that gives up; `done` then gets its reason.
 */
export function openConnection(
  connector: Connector,
  { network, proxy, clock, connector: { handshakeTimeoutMs = 10_000 } }: ParsedOptions,
  target: buildConnector.Options & { readonly allowH2: boolean },
  done: (error: Error | null, socket?: TLSSocket) => void,
): (reason: Error) => void {
  const { hostname, servername } = target;
  const port = Number(target.port || 443);
  let giveUp: (reason: Error) => void;
  const secure = (tunnel?: Socket): void => {
    giveUp = connector.connect(
      {
        ...network,
        ...(tunnel === undefined ? {} : { socket: tunnel }),
        ...(servername ? { servername } : {}),
        host: hostname,
        // Undici takes the server name from the `Host` header, which may come from anywhere.
        legacyHost: hostname,
        port,
        ALPNProtocols: target.allowH2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      },
      (error, connected) => {
        const socket = connected?.socket;
        if (socket === undefined) tunnel?.destroy();
        socket?.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
        done(error, socket);
      },
    );
  };
  if (proxy === undefined) {
    secure();
  } else {
    const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
    giveUp = openTunnel(proxy, authority, { clock, timeoutMs: handshakeTimeoutMs }, (error, tunnel) => {
      if (tunnel === undefined) done(error);
      else secure(tunnel);
    });
  }
  return (reason) => giveUp(reason);
}
