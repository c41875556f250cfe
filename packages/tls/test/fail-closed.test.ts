import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect, type ConnectionOptions, type DetailedPeerCertificate } from 'node:tls';

import {
  type Authorizer,
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeOneOf,
  BundleSet,
  isSpiffeError,
  SpiffeError,
  SourceCell,
  systemClock,
  TrustDomain,
  X509Bundle,
  type X509Source,
} from '@svidkit/core';
import { connectTls, createHttpsAgent, peerOf, tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

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

      await expect(call(source, SERVER, unknown)).rejects.toThrow();
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

    await expect(get({ ...loose, agent, host: '127.0.0.1', port: attacker.port })).rejects.toThrow();
    await expect(get({ ...loose, agent, host: '127.0.0.1', port: honest.port })).resolves.toContain('peer=');

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
        socket.once('error', ({ message }) => resolve(message));
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

describe('trap: an empty bundle falls back to the public roots', () => {
  const emptyOf = (name: string): X509Bundle => X509Bundle.fromPem(TrustDomain.parse(name), '');

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
        await expect(call(source, SERVER, honest)).rejects.toThrow();
        await expect(call(source, SERVER, unknown)).rejects.toThrow();
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
    for (const call of Object.values(CLIENTS)) await expect(call(source, SERVER, server)).rejects.toThrow();
    expect(await server.stolen()).toBe('');
  });
});

describe('trap: checkServerIdentity called with strange certificates', () => {
  const endless = (raw: Buffer): DetailedPeerCertificate =>
    ({
      raw,
      get issuerCertificate() {
        return endless(Buffer.from(raw));
      },
    }) as DetailedPeerCertificate;

  it('never throws, and returns an error for each of them', async () => {
    const { a } = await world();
    const good = await a.issue({ path: '/server' });
    const { checkServerIdentity } = tlsClientOptions(await sourceOf(a), { authorize: SERVER });
    const { raw } = certificateOf(good);
    const cyclic: { raw: Buffer; issuerCertificate?: unknown } = { raw: Buffer.from('x') };
    cyclic.issuerCertificate = { raw: Buffer.from('y'), issuerCertificate: cyclic };
    const strange: unknown[] = [
      undefined,
      null,
      {},
      [],
      'certificate',
      7,
      { raw: undefined },
      { raw: null },
      { raw: '' },
      { raw: raw.toString('latin1') },
      { raw: 7 },
      { raw: {} },
      { raw: Buffer.alloc(0) },
      { raw: raw.subarray(0, -1) },
      { raw: Buffer.concat([raw, Buffer.from([0])]) },
      { raw: Buffer.alloc(1 << 20) },
      cyclic,
      endless(Buffer.from('x')),
      endless(raw),
      {
        get raw(): Buffer {
          throw new Error('getter');
        },
      },
      new Proxy(
        {},
        {
          get() {
            throw new TypeError('proxy');
          },
        },
      ),
    ];
    for (const certificate of strange) {
      const verdict: unknown = checkServerIdentity('host', certificate as DetailedPeerCertificate);
      expect(isSpiffeError(verdict)).toBe(true);
    }
    for (const host of ['', '127.0.0.1', 'x.test', undefined as unknown as string]) {
      expect(checkServerIdentity(host, certificateOf(good))).toBeUndefined();
    }
    expect(checkServerIdentity('', certificateOf(await a.issue({ path: '/other' })))).toMatchObject({
      code: 'ERR_PEER_UNAUTHORIZED',
    });
  });

  it('is an event per call, accepted or rejected', async () => {
    const { a } = await world();
    const { checkServerIdentity } = tlsClientOptions(await sourceOf(a), { authorize: SERVER });
    const events = new Events();

    checkServerIdentity('host', certificateOf(await a.issue({ path: '/server' })));
    checkServerIdentity('host', certificateOf(await a.issue({ path: '/other' })));

    expect(events.accepted.map(({ side, id }) => [side, id])).toEqual([['client', 'spiffe://a.test/server']]);
    expect(events.codes('client')).toEqual(['ERR_PEER_UNAUTHORIZED']);
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

describe('tlsClientOptions of a source that has nothing to give', () => {
  const ends: Record<string, (source: Withdrawable) => unknown> = {
    'a closed source': (source) => source.close(),
    'a redacted SVID': (source) => source.withdraw(),
    'a lost bundle': (source) => source.lose(),
  };

  it.each(Object.entries(ends))(
    '%s: connections fail, nothing throws, nothing is presented',
    async (_, end) => {
      const { a } = await world();
      const source = await withdrawable(await sourceOf(a));
      const server = await rawServer(await a.issue({ path: '/server' }));
      const options = tlsClientOptions(source.source, { authorize: SERVER });
      const copy = { ...options };
      await expect(get({ host: '127.0.0.1', port: server.port, agent: false, ...copy })).resolves.toContain(
        'peer=',
      );
      const events = new Events();

      await end(source);

      for (const given of [options, copy, { ...copy }]) {
        const socket = closing(connect({ host: '127.0.0.1', port: server.port, ...given }), (one) =>
          one.destroy(),
        );
        const [error] = (await once(socket, 'error')) as [Error];
        expect(error).toBeInstanceOf(Error);
        await expect(get({ host: '127.0.0.1', port: server.port, agent: false, ...given })).rejects.toThrow();
      }
      expect(events.errors.length).toBeGreaterThan(0);
      expect(events.errors.every(({ error }) => isSpiffeError(error))).toBe(true);
      // Only the first connection was one: the others showed no certificate, or ended before.
      expect(server.seen.slice(1).map(({ client, received }) => [client, received])).toEqual(
        server.seen.slice(1).map(() => [undefined, '']),
      );
    },
  );

  it('comes back with the source', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const { svid, bundles } = source.current;
    const server = await rawServer(await a.issue({ path: '/server' }));
    const options = {
      host: '127.0.0.1',
      port: server.port,
      agent: false,
      ...tlsClientOptions(source, { authorize: SERVER }),
    };

    source.update(svid, BundleSet.empty);
    await expect(get(options)).rejects.toThrow();
    source.update(svid, bundles);
    await expect(get(options)).resolves.toContain('peer=');
  });

  it.each(Object.keys(CLIENTS))(
    '%s of a closed source fails with its reason, and reaches nobody',
    async (name) => {
      const { a } = await world();
      const source = await sourceOf(a);
      const server = await rawServer(await a.issue({ path: '/server' }));
      const call = CLIENTS[name];
      await expect(call?.(source, SERVER, server)).resolves.toContain('peer=');

      await source.close();
      if (name.startsWith('tlsClientOptions')) {
        await expect(call?.(source, SERVER, server)).rejects.toThrow();
      } else {
        await expect(call?.(source, SERVER, server)).rejects.toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
      }
      expect(server.seen).toHaveLength(1);
    },
  );
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
    const forbidden = (): never => {
      throw new Error('asked again');
    };
    Object.assign(socket, { getPeerCertificate: forbidden, getPeerX509Certificate: forbidden });

    const peer = peerOf(socket);
    expect(peer.id.toString()).toBe('spiffe://a.test/server');
    expect(peerOf(socket)).toBe(peer);
    expect(Object.isFrozen(peer)).toBe(true);
  });
});

describe('one pool of connections, two sets of tlsClientOptions', () => {
  it('a connection that one authorizer let in is not used for another', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const server = await rawServer(await a.issue({ path: '/server' }));
    const agent = closing(new Agent({ keepAlive: true }), (one) => one.destroy());
    const target = { host: '127.0.0.1', port: server.port, agent };
    const anyone = tlsClientOptions(source, { authorize: authorizeMemberOf('a.test') });
    const nobody = tlsClientOptions(source, { authorize: authorizeId('spiffe://a.test/somebody-else') });

    // From then on there is an idle connection to take.
    const free = once(agent, 'free');
    await expect(get({ ...target, ...anyone })).resolves.toContain('peer=');
    await free;
    await expect(get({ ...target, ...nobody })).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    await expect(get({ ...target, ...anyone })).resolves.toContain('peer=');
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
      await expect(CLIENTS['connectTls']?.(source, authorize, liar)).rejects.toThrow();
    }
    expect(await liar.stolen()).toBe('');
  });
});

function certificateOf({ chainDer }: { readonly chainDer: readonly Uint8Array[] }): DetailedPeerCertificate {
  const [leaf] = chainDer;
  return { raw: Buffer.from(leaf ?? []) } as DetailedPeerCertificate;
}

interface Withdrawable {
  readonly source: X509Source;
  close(): unknown;
  withdraw(): void;
  lose(): void;
}

/** A source that can lose its SVID and its bundles. */
async function withdrawable(from: X509Source): Promise<Withdrawable> {
  const cell: SourceCell = new SourceCell({ source: () => source, clock: systemClock });
  const source: X509Source = {
    get current() {
      return cell.current;
    },
    closed: cell.closed,
    onUpdate: (listener) => cell.onUpdate(listener),
    health: () => from.health(),
    close: async () => cell.close(),
    [Symbol.asyncDispose]: async () => cell.close(),
  };
  const { svid, bundles } = from.current;
  cell.publish({ svid, bundles }, 'first load');
  return {
    source,
    close: () => source.close(),
    withdraw: () => cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'withdrawn'), 'redaction'),
    lose: () => cell.publish({ svid, bundles: BundleSet.empty }, 'bundle lost'),
  };
}
