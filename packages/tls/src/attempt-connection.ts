import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { type Authorizer, type Clock, type Certificate, type DenyList, SpiffeError } from '@svidkit/core';

import { admit, publishRejection, remoteOf } from './admission.ts';
import { closedAfterHandshake, expectFirstByte } from './closed-after-handshake.ts';
import { type ConnectionLife } from './connection-table.ts';
import { ownContext, type TlsFloor } from './context-options.ts';
import { type Credential, type Identity, isLegacy } from './identity.ts';
import { type Admission, OtherKind } from './judge.ts';
import { peerName } from './peer.ts';
import { type SessionStore } from './session-store.ts';

/** How we connect to anyone. All resolved: no defaults here. */
export interface OpenOptions extends ConnectionLife {
  readonly identity: Identity;
  /** Sessions to resume; undefined: none is. */
  readonly sessions: SessionStore | undefined;
  readonly deny: DenyList | undefined;
  readonly authorize: Authorizer;
  readonly minVersion: TlsFloor;
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
}

/** Where to connect to: what `net.connect` takes, a stream to speak TLS over, and the server name to ask for. */
export type Target = Pick<
  ConnectionOptions,
  'host' | 'port' | 'path' | 'socket' | 'servername' | 'timeout' | 'lookup'
> & {
  readonly highWaterMark?: number | undefined;
  readonly family?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly autoSelectFamily?: boolean | undefined;
  readonly autoSelectFamilyAttemptTimeout?: number | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly keepAliveInitialDelay?: number | undefined;
  readonly noDelay?: boolean | undefined;
  /** The protocols to offer by ALPN. Default: none. */
  readonly ALPNProtocols?: readonly string[] | undefined;
  /** Whether a server that chooses none of them is refused (`ERR_PEER_PROTOCOL`). @default false */
  readonly requireAlpn?: boolean | undefined;
  /** The host that a legacy server's certificate has to be valid for. Default: `servername`, else `host`. */
  readonly legacyHost?: string | undefined;
  /**
   * Whether the server says something before it ends the connection, as in every protocol of requests and responses. An
   * end without a byte is then the error `ERR_PEER_CLOSED_AFTER_HANDSHAKE`, since that is how TLS 1.3 turns clients away.
   * @default true
   */
  readonly expectFirstByte?: boolean | undefined;
};

/** A connection whose server is verified and authorised. */
export interface Opened {
  readonly socket: TLSSocket;
  /** What we presented. */
  readonly own: Credential;
  readonly admission: Admission;
}

/** The only names of a caller's options that reach node:tls. */
const TARGET_NAMES = [
  'host',
  'port',
  'path',
  'socket',
  'timeout',
  'lookup',
  'highWaterMark',
  'family',
  'localAddress',
  'localPort',
  'autoSelectFamily',
  'autoSelectFamilyAttemptTimeout',
  'keepAlive',
  'keepAliveInitialDelay',
  'noDelay',
] as const satisfies readonly (keyof Target)[];

/** The alert of a server that speaks none of the protocols that were offered. */
const NO_PROTOCOL = 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';

/** What became of one attempt. Nothing has been published about what failed. */
export type Outcome =
  | { readonly result: 'opened'; readonly opened: Opened }
  /** The server is in order, and of the other kind than was asked for. */
  | { readonly result: 'other-kind' }
  /** What was presented went out of use meanwhile. */
  | { readonly result: 'outdated' }
  | {
      readonly result: 'failed';
      readonly error: unknown;
      /** Whether the handshake itself failed, so that the server may want another certificate. */
      readonly inHandshake: boolean;
      /** `address:port` of the server, where one was reached. */
      readonly remote: string | undefined;
    };

/**
 * Connects once, presenting `own`, and hands the socket over only after its server was verified and authorised: nobody
 * can write to it before. `done` is called exactly once, never in this turn.
 *
 * @param only - the only kind of server to take; undefined: both.
 * @returns a function that gives up; `done` then gets its reason.
 */
export function attemptConnection(
  own: Credential,
  only: 'spiffe' | 'legacy' | undefined,
  target: Target,
  options: OpenOptions,
  done: (outcome: Outcome) => void,
): (reason: unknown) => void {
  const { identity, sessions } = options;
  const alpn = target.ALPNProtocols ?? [];
  const { servername } = serverName(target);
  const host = target.legacyHost ?? (servername === '' ? target.host : servername);
  const key =
    sessions === undefined ? '' : JSON.stringify([servername, target.host, target.port, target.path, alpn]);
  const resumable = target.socket === undefined ? sessions?.get(own, key) : undefined;
  let socket: TLSSocket;
  try {
    socket = connect({
      ...pick(target),
      ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}),
      servername,
      secureContext: ownContext(own, options.minVersion, sessions === undefined ? 'off' : 'on'),
      ...(resumable === undefined ? {} : { session: resumable.session }),
      // No authorities: OpenSSL judges nothing, our verifier everything, before the socket leaves here.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
  } catch (error) {
    process.nextTick(done, { result: 'failed', error, inHandshake: false, remote: undefined });
    return () => {};
  }

  let settled = false;
  let connected = target.socket !== undefined;
  const settle = (outcome: Outcome): void => {
    if (settled) return;
    settled = true;
    if (outcome.result === 'opened') {
      // An error before its new owner listens ends the connection, never the process.
      socket
        .on('error', () => {})
        .off('error', onError)
        .off('close', onClose);
    } else {
      if (resumable !== undefined) sessions?.drop(own, key);
      socket.destroy();
    }
    done(outcome);
  };
  const fail = (error: unknown, inHandshake = false): void =>
    settle({ result: 'failed', error, inHandshake, remote: remoteOf(socket) });
  const whom = describe(target);
  let path: readonly Certificate[] | undefined;
  // Servers of TLS 1.2 give the session before the handshake is over, those of TLS 1.3 at any time after.
  const given: Buffer[] = [];
  const keep = (session: Buffer): void => {
    if (path === undefined) given.push(session);
    else sessions?.put(own, key, { session, path });
  };
  if (sessions !== undefined && target.socket === undefined) socket.on('session', keep);
  const onError = (cause: NodeJS.ErrnoException): void => {
    if (cause.code === NO_PROTOCOL) fail(wrongProtocol(whom, alpn, cause));
    else if (connected && !isSpiffe(cause)) fail(handshakeError(whom, cause), true);
    else fail(cause);
  };
  const onClose = (): void => fail(handshakeError(whom), connected);

  socket.once('connect', () => (connected = true));
  socket.on('error', onError);
  socket.on('close', onClose);
  // The first listener: nobody else has the socket yet.
  socket.once('secureConnect', () => {
    try {
      if (options.clock.now() > own.expiresAt) {
        // Nothing was sent yet, so with the next SVID, if there is one already, all begins anew.
        const { presented = own } = identity.latest;
        if (target.socket === undefined && !isLegacy(own) && presented !== own) {
          settle({ result: 'outdated' });
          return;
        }
        throw new SpiffeError('ERR_SOURCE_EXPIRED', 'our certificate expired during the handshake');
      }
      // Judged by the bundles of now, so that an authority removed meanwhile counts no more.
      const trust = identity.current;
      if (isLegacy(own) && trust.legacy === undefined) {
        settle({ result: 'outdated' });
        return;
      }
      const policy = { ...options, side: 'client', host, only, resumption: sessions !== undefined } as const;
      const admission = admit(socket, own, trust, policy, resumable?.path);
      if (target.requireAlpn === true && !alpn.includes(socket.alpnProtocol || '')) {
        throw wrongProtocol(whom, alpn);
      }
      if (socket.getProtocol() !== 'TLSv1.3') refuseRenegotiation(socket);
      path = admission.path;
      for (const session of given) keep(session);
      if (target.expectFirstByte !== false) watchEnd(admission);
      settle({ result: 'opened', opened: { socket, own, admission } });
    } catch (cause) {
      if (cause instanceof OtherKind) settle({ result: 'other-kind' });
      else fail(cause);
    }
  });
  return fail;

  function watchEnd({ peer }: Admission): void {
    expectFirstByte(socket, (cause) => {
      const { latest } = identity;
      const error = closedAfterHandshake(peerName(peer), own, latest.number, whom, cause);
      publishRejection('client', latest.number, remoteOf(socket), error);
      sessions?.drop(own, key);
      return error;
    });
  }
}

/** The host name for SNI: a DNS name only. Never an IP address, never derived from a SPIFFE ID, never trusted. */
function serverName(target: Target): { servername: string } {
  const name = target.servername ?? (target.path === undefined ? target.host : undefined) ?? '';
  return { servername: isIP(name) === 0 ? name : '' };
}

function pick(target: Target): Partial<ConnectionOptions> {
  const picked: Record<string, unknown> = {};
  for (const name of TARGET_NAMES) {
    // `path` is null in requests that go over TCP.
    if (target[name] !== undefined && target[name] !== null) picked[name] = target[name];
  }
  return picked;
}

/** How to call where a target leads, in messages. */
export function describe({ host, port, path }: Target): string {
  return path ?? `${host ?? 'localhost'}${port === undefined ? '' : `:${port}`}`;
}

function wrongProtocol(whom: string, wanted: readonly string[], cause?: Error): SpiffeError {
  return new SpiffeError('ERR_PEER_PROTOCOL', `${whom} does not speak ${wanted.join(' or ')}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Have the server offer it by ALPN, or use a client of another protocol.',
  });
}

function handshakeError(whom: string, cause?: Error): SpiffeError {
  return new SpiffeError(
    'ERR_PEER_HANDSHAKE',
    `the TLS handshake with ${whom} failed${cause ? `: ${cause.message}` : ''}`,
    {
      ...(cause === undefined ? {} : { cause }),
      hint: 'Check that the server speaks TLS 1.3 and, if it requires client certificates, that it trusts our authority.',
    },
  );
}

function isSpiffe(error: Error): boolean {
  return error instanceof SpiffeError;
}

/** TLS 1.2 only: a second handshake could change who the server is. */
function refuseRenegotiation(socket: TLSSocket): void {
  socket.disableRenegotiation();
  socket.on('secure', () => socket.destroy());
}
