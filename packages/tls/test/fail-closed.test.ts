import { connect, type ConnectionOptions, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';

import {
  type Authorizer,
  authorizeAny,
  authorizeId,
  authorizeOneOf,
  BundleSet,
  TrustDomain,
  X509Bundle,
} from '@svidkit/core';
import { connectTls, createHttpsAgent, peerOf, tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  CLIENTS,
  closeAll,
  closing,
  Events,
  get,
  knock,
  rawServer,
  SECRET,
  SERVICES,
  sourceOf,
  tlsService,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

const SERVER = authorizeId('spiffe://a.test/server');

describe('trap: rejectUnauthorized false with checkServerIdentity fails open', () => {
  it.each(Object.entries(CLIENTS))(
    '%s sends nothing to a server that only OpenSSL objects to',
    async (_, call) => {
      const { a, rogue } = await world();
      const source = await sourceOf(a);
      const unknown = await rawServer(await rogue.issue({ path: '/server' }));
      const other = await rawServer(await a.issue({ path: '/other' }));
      const honest = await rawServer(await a.issue({ path: '/server' }));

      await expectFailure(call(source, SERVER, unknown));
      await expect(call(source, SERVER, other)).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
      await expect(call(source, SERVER, honest)).resolves.toContain('peer=');

      expect(await unknown.stolen()).toBe('');
      expect(await other.stolen()).toBe('');
      expect(await honest.stolen()).toContain(SECRET);
    },
  );

  it('options of one request cannot loosen the agent', async () => {
    const { a, rogue } = await world();
    const agent = closing(createHttpsAgent(await sourceOf(a), { authorize: SERVER }), (one) => one.destroy());
    const attacker = await rawServer(await rogue.issue({ path: '/server' }));
    const honest = await rawServer(await a.issue({ path: '/server' }));
    const { certPem: cert, keyPem: key } = await rogue.issue();
    const loose: ConnectionOptions = {
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ca: [rogue.pem],
      cert,
      key,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ciphers: 'ALL',
    };
    // Nor can it bring a connection of its own.
    const createConnection = vi.fn<() => TLSSocket>(() =>
      connect({ host: '127.0.0.1', port: attacker.port, rejectUnauthorized: false }),
    );

    await expectFailure(get({ ...loose, createConnection, agent, host: '127.0.0.1', port: attacker.port }));
    await expect(get({ ...loose, agent, host: '127.0.0.1', port: honest.port })).resolves.toContain('peer=');

    expect(createConnection).not.toHaveBeenCalled();
    expect(await attacker.stolen()).toBe('');
    expect(honest.seen[0]?.client).toBe('URI:spiffe://a.test/workload');
  });

  it('tlsClientOptions refuse by OpenSSL and by us, each alone', async () => {
    const { a, rogue } = await world();
    const options = tlsClientOptions(await sourceOf(a), { authorize: SERVER });
    expect(options).toMatchObject({ rejectUnauthorized: true, maxCachedSessions: 0, session: undefined });
    const attacker = await rawServer(await rogue.issue({ path: '/server' }));
    const honest = await rawServer(await a.issue({ path: '/server' }));
    const outcome = async (port: number, changes: ConnectionOptions): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port, ...options, ...changes });
      closing(socket, (open) => open.destroy());
      return new Promise((resolve) => {
        socket.once('secureConnect', () => resolve('connected'));
        socket.once('error', (error: Error) => resolve(error.message));
      });
    };

    // A library that takes one of the two checks away is left with the other.
    expect(await outcome(attacker.port, { checkServerIdentity: () => undefined })).not.toBe('connected');
    expect(
      options.checkServerIdentity('', certificateOf(await rogue.issue({ path: '/server' }))),
    ).toBeInstanceOf(Error);
    expect(await outcome(honest.port, {})).toBe('connected');
  });
});

const emptyOf = (name: string): X509Bundle => X509Bundle.fromPem(TrustDomain.parse(name), '');

describe('trap: an empty bundle falls back to the public roots', () => {
  it.each(Object.entries(CLIENTS))(
    '%s trusts nobody with an empty bundle, and again with a full one',
    async (_, call) => {
      const { a, rogue } = await world();
      const source = await sourceOf(a);
      const honest = await rawServer(await a.issue({ path: '/server' }));
      const unknown = await rawServer(await rogue.issue({ path: '/server' }));
      const { svid, bundles } = source.current;

      for (const useless of [
        BundleSet.of(emptyOf('a.test')),
        BundleSet.empty,
        BundleSet.of(emptyOf('b.test')),
      ]) {
        source.update(svid, useless);
        await expectFailure(call(source, SERVER, honest));
        await expectFailure(call(source, SERVER, unknown));
      }
      expect(
        honest.seen
          .concat(unknown.seen)
          .map(({ received }) => received)
          .join(''),
      ).toBe('');

      source.update(svid, bundles);
      await expect(call(source, SERVER, honest)).resolves.toContain('peer=');
    },
  );

  it.each(Object.entries(SERVICES))(
    '%s admits nobody with an empty bundle, and again with a full one',
    async (_, start) => {
      const { a } = await world();
      const source = await sourceOf(a);
      const { port, handled } = await start(source);
      const { svid, bundles } = source.current;
      const events = new Events();

      source.update(svid, BundleSet.of(emptyOf('a.test')));
      expect((await knock(port, await a.issue())).line).toBeUndefined();
      source.update(svid, BundleSet.empty);
      expect((await knock(port, await a.issue())).line).toBeUndefined();
      expect(events.codes('server')).toEqual(['ERR_BUNDLE_EMPTY', 'ERR_BUNDLE_UNKNOWN']);
      expect(handled).toEqual([]);

      source.update(svid, bundles);
      expect((await knock(port, await a.issue())).line).toContain('peer=');
    },
  );

  it('a bundle whose entries are no authorities is an empty one', async () => {
    const { a } = await world();
    const selfSigned = await a.issue({ path: '/server' });
    const source = await sourceOf(a);
    const bundle = X509Bundle.fromPem(TrustDomain.parse('a.test'), selfSigned.certPem);
    expect(bundle.isEmpty).toBe(true);
    const server = await rawServer(selfSigned);

    source.update(source.current.svid, BundleSet.of(bundle));
    for (const call of Object.values(CLIENTS)) await expectFailure(call(source, SERVER, server));
    expect(await server.stolen()).toBe('');
  });
});

describe('trap: an authorizer that does not answer with a decision', () => {
  const answers: Record<string, () => unknown> = {
    throws: () => {
      throw new Error('boom');
    },
    'returns a promise of a yes': async () => ({ allowed: true }),
    'returns a promise that rejects': async () => {
      throw new Error('later');
    },
    'returns true': () => true,
    'returns a truthy allowed': () => ({ allowed: 1 }),
  };

  it.each(Object.entries(answers))('%s: no client sends anything', async (_, authorize) => {
    const { a } = await world();
    const source = await sourceOf(a);
    const server = await rawServer(await a.issue({ path: '/server' }));
    const strange = {
      trustDomains: SERVER.trustDomains,
      description: 'a strange one',
      authorize,
    } as unknown as Authorizer;

    for (const call of Object.values(CLIENTS)) {
      await expect(call(source, strange, server)).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    }
    expect(server.seen.map(({ received }) => received).join('')).toBe('');

    const decent: Authorizer = { ...strange, authorize: () => ({ allowed: true }) };
    for (const call of Object.values(CLIENTS))
      await expect(call(source, decent, server)).resolves.toContain('peer=');
  });
});

describe('trap N3: getPeerX509Certificate consumes the chain', () => {
  it('peerOf on the server still knows the peer after the application called it, twice', async () => {
    const { a } = await world();
    const issuer = await a.intermediate();
    const { server, port } = await tlsService(await sourceOf(a));
    const peers: string[] = [];
    server.prependListener('secureConnection', (socket) => {
      for (let round = 0; round < 3; round += 1) {
        socket.getPeerX509Certificate();
        socket.getPeerCertificate(true);
        peers.push(peerOf(socket).id.toString());
      }
    });

    const first = await knock(port, await issuer.issue({ path: '/deep' }));
    expect(first.line).toContain('peer=spiffe://a.test/deep ');
    expect(peers).toEqual(Array(3).fill('spiffe://a.test/deep'));
  });

  it('peerOf on the client still knows the peer after the application called it, twice', async () => {
    const { a } = await world();
    const issuer = await a.intermediate();
    const server = await rawServer(await issuer.issue({ path: '/server' }));
    const socket = await connectTls(await sourceOf(a), {
      authorize: SERVER,
      host: '127.0.0.1',
      port: server.port,
    });
    closing(socket, (one) => one.destroy());

    for (let round = 0; round < 3; round += 1) {
      socket.getPeerX509Certificate();
      expect(peerOf(socket).id.toString()).toBe('spiffe://a.test/server');
    }
  });
});

describe('trap N9: reading the certificate of a peer for each request is expensive', () => {
  it('peerOf asks OpenSSL nothing: the identity was kept when the connection was admitted', async () => {
    const { a } = await world();
    const server = await rawServer(await a.issue({ path: '/server' }));
    const socket = await connectTls(await sourceOf(a), {
      authorize: SERVER,
      host: '127.0.0.1',
      port: server.port,
    });
    closing(socket, (one) => one.destroy());
    const forbidden = vi.fn<() => never>();
    Object.assign(socket, { getPeerCertificate: forbidden, getPeerX509Certificate: forbidden });

    const peer = peerOf(socket);
    expect(peer.id.toString()).toBe('spiffe://a.test/server');
    expect(peerOf(socket)).toBe(peer);
    expect(Object.isFrozen(peer)).toBe(true);
    expect(forbidden).not.toHaveBeenCalled();
  });
});

describe('an authorizer without exactly one trust domain', () => {
  it('works where we connect ourselves, each peer judged by its own bundle', async () => {
    const { a, b } = await world();
    const source = await sourceOf(a, { bundles: [a, b] });
    const servers = await Promise.all([
      rawServer(await a.issue({ path: '/server' })),
      rawServer(await b.issue({ path: '/server' })),
    ]);
    const liar = await rawServer(await b.issue({ id: 'spiffe://a.test/server' }));
    const both = authorizeOneOf('spiffe://a.test/server', 'spiffe://b.test/server');
    for (const authorize of [both, authorizeAny()]) {
      for (const server of servers) {
        await expect(CLIENTS['connectTls']?.(source, authorize, server)).resolves.toContain('peer=');
        await expect(CLIENTS['createHttpsAgent']?.(source, authorize, server)).resolves.toContain('peer=');
      }
      await expectFailure(CLIENTS['connectTls']?.(source, authorize, liar));
    }
    expect(await liar.stolen()).toBe('');
  });
});

function certificateOf({ chainDer }: { readonly chainDer: readonly Uint8Array[] }): DetailedPeerCertificate {
  const [leaf] = chainDer;
  return { raw: Buffer.from(leaf ?? []) } as DetailedPeerCertificate;
}
