import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls';

import { verifyX509Svid, type X509Source } from '@svidkit/core';
import { type Gated, type IdentityInput, type SocketHolder } from '@svidkit/tls';

import { engine } from '../engine.ts';

/** How a server is made by somebody who has read the documentation of node:tls. */
interface Naivety {
  readonly tls?: TlsOptions;
  /** Who is taken for a peer: anyone, whom OpenSSL believes by all bundles at once, or verified ones, except resumed. */
  readonly verify: 'nothing' | 'openssl' | 'unless-resumed';
}

/** Makes all TLS servers naive ones. */
export function beNaive({ tls = {}, verify }: Naivety): void {
  const names = new WeakMap<object, string>();
  const honest = engine.anyPeerOf;
  engine.anyPeerOf = (holder) => {
    const name = names.get(holderOf(holder));
    return name === undefined ? honest(holder) : ({ kind: 'spiffe', id: { toString: () => name } } as never);
  };
  engine.createTlsServer = (input, _options, listener) => {
    const source = sourceOf(input);
    const sockets = new Set<TLSSocket>();
    const own = (): TlsOptions => ownOptions(source, verify);
    const server = createServer(
      { requestCert: true, rejectUnauthorized: verify === 'openssl', ...own(), ...tls },
      (socket) => {
        socket.on('error', () => {});
        if (verify === 'unless-resumed' && !socket.isSessionReused() && !isGood(socket, source)) {
          socket.destroy();
          return;
        }
        names.set(socket, nameIn(socket));
        listener?.(socket);
      },
    );
    server.on('tlsClientError', () => {});
    server.on('connection', (socket: TLSSocket) => sockets.add(socket));
    source.onUpdate(() => server.setSecureContext(own()));
    const drain = async (): Promise<never> => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      return {} as never;
    };
    return Object.assign(server, { drain }) as Gated<Server>;
  };
}

function holderOf(holder: SocketHolder | null | undefined): object {
  return holder ?? {};
}

/** The source of an identity. */
export function sourceOf(input: IdentityInput): X509Source {
  return 'spiffe' in input ? input.spiffe : input;
}

/** Certificate, key and authorities as node:tls takes them. */
export function ownOptions(source: X509Source, verify: Naivety['verify'] = 'openssl'): TlsOptions {
  const { svid, bundles } = source.current;
  const authorities = Array.from(bundles, (bundle) => bundle.authorities).flat();
  return {
    cert: svid.certificates.map(({ der }) => pemOf(der)).join(''),
    key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    // Sessions outlive what they were made in.
    ticketKeys: Buffer.alloc(48, 7),
    sessionIdContext: 'naive',
    ...(verify === 'openssl' ? { ca: authorities.map(({ der }) => pemOf(der)) } : {}),
  };
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}

/** The first URI that the certificate of a peer has. */
export function nameIn(socket: TLSSocket): string {
  const names = socket.getPeerCertificate().subjectaltname ?? '';
  return /URI:([^,]*)/.exec(names)?.[1] ?? 'nobody';
}

function isGood(socket: TLSSocket, source: X509Source): boolean {
  const chain: Uint8Array[] = [];
  let one = socket.getPeerCertificate(true);
  while (one?.raw !== undefined && !chain.some((der) => Buffer.from(der).equals(one.raw))) {
    chain.push(one.raw);
    one = one.issuerCertificate;
  }
  try {
    verifyX509Svid(chain, source.current.bundles, { at: Date.now(), role: 'client' });
    return true;
  } catch {
    return false;
  }
}
