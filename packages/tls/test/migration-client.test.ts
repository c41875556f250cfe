import { createSecureServer } from 'node:http2';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { staticMigrationPolicy } from '@svidkit/core';
import { tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  Events,
  exchange,
  expectFailure,
  listen,
  type RawServer,
  rawServer,
  SECRET,
} from './fixtures.ts';
import {
  anyServer,
  authorizeServer,
  bothKinds,
  decisionsOf,
  http2Get,
  legacyServer,
  lineOf,
  LOCALHOST,
  MIGRATION_CLIENTS,
  MIGRATION_SERVERS,
  migrationWorld,
  webIdentity,
} from './migration-fixtures.ts';

afterEach(closeAll);

/** Counts the connections to a server from now on. */
function connectionsTo({ server }: RawServer): () => number {
  let count = 0;
  server.on('connection', () => (count += 1));
  return () => count;
}

const PERMISSIVE = { accept: 'permissive' } as const;

describe.each(Object.entries(MIGRATION_CLIENTS))('%s', (_, ask) => {
  describe.each(['TLSv1.3', 'TLSv1.2'] as const)('to a legacy server over %s', (version) => {
    const floor = version === 'TLSv1.2' ? { minVersion: version } : {};

    it('falls back: the server sees the legacy client, and gets its bytes once', async () => {
      const server = await legacyServer({ version });
      const events = new Events();
      const decisions = decisionsOf('client');

      const answer = await ask(await webIdentity(), { port: server.port, ...PERMISSIVE, ...floor });

      expect(answer).toContain('peer=unknown');
      expect(server.seen.map(({ client }) => client)).toEqual(['DNS:web.corp.test']);
      expect((await server.stolen()).split(SECRET)).toHaveLength(2);
      expect(decisions.map(lineOf)).toEqual(['legacy shown legacy in permissive: accepted localhost']);
      expect(events.accepted.filter(({ side }) => side === 'client')).toMatchObject([
        { kind: 'legacy', id: 'localhost' },
      ]);
      expect(events.codes('client')).toEqual([]);
    });

    it('in strict mode sends it nothing', async () => {
      const server = await legacyServer({ version });
      const decisions = decisionsOf('client');

      const asked = ask(await webIdentity(), { port: server.port, accept: 'strict', ...floor });
      const failure = await expectFailure(asked);

      // A server of TLS 1.2 refuses us before we can tell what it is.
      expect(failure).toMatchObject({
        code: version === 'TLSv1.2' ? 'ERR_PEER_HANDSHAKE' : 'ERR_CHAIN_ID',
      });
      expect(decisions.map(lineOf)).toEqual(
        version === 'TLSv1.2' ? [] : ['legacy shown spiffe in strict: rejected ERR_CHAIN_ID'],
      );
      expect(await server.stolen()).toBe('');
    });

    it('of another host name sends it nothing', async () => {
      const server = await legacyServer({ version, names: { dnsNames: ['other.corp.test'] } });
      const events = new Events();
      const decisions = decisionsOf('client');

      const asked = ask(await webIdentity(), { port: server.port, ...PERMISSIVE, ...floor });

      await expect(asked).rejects.toMatchObject({
        code: 'ERR_PEER_UNAUTHORIZED',
        message: expect.stringContaining('not valid for localhost') as unknown,
      });
      const presented = version === 'TLSv1.2' ? 'legacy' : 'spiffe';
      expect(decisions.map(lineOf)).toEqual([
        `legacy shown ${presented} in permissive: rejected other.corp.test ERR_PEER_UNAUTHORIZED`,
      ]);
      expect(events.codes('client')).toEqual(['ERR_PEER_UNAUTHORIZED']);
      expect(await server.stolen()).toBe('');
    });

    it('of a foreign authority sends it nothing', async () => {
      const { foreign } = await migrationWorld();
      const server = await legacyServer({ version, ca: foreign });
      const decisions = decisionsOf('client');

      const asked = ask(await webIdentity(), { port: server.port, ...PERMISSIVE, ...floor });

      await expect(asked).rejects.toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
      expect(decisions.map(({ result, peer }) => ({ result, peer }))).toEqual([
        { result: 'rejected', peer: undefined },
      ]);
      expect(await server.stolen()).toBe('');
    });

    it('that has expired sends it nothing', async () => {
      const server = await legacyServer({ version, names: { ...LOCALHOST, defects: ['expired'] } });

      const asked = ask(await webIdentity(), { port: server.port, ...PERMISSIVE, ...floor });

      await expect(asked).rejects.toMatchObject({ code: 'ERR_CHAIN_EXPIRED' });
      expect(await server.stolen()).toBe('');
    });
  });

  describe('to a SPIFFE server', () => {
    it.each(['strict', 'permissive'] as const)('in %s mode shows its SVID', async (accept) => {
      const server = await anyServer(await bothKinds(), { accept });
      const events = new Events();
      const decisions = decisionsOf('client');

      const answer = await ask(await webIdentity(), { port: server.port, accept });

      expect(answer).toContain('peer=spiffe spiffe://a.test/web');
      expect(decisions.map(lineOf)).toEqual([
        `spiffe shown spiffe in ${accept}: accepted spiffe://a.test/server`,
      ]);
      expect(events.accepted.filter(({ side }) => side === 'client')).toHaveLength(1);
    });

    it('shows the legacy certificate when it prefers that, and sees who the server is', async () => {
      const server = await anyServer(await bothKinds(), PERMISSIVE);
      const decisions = decisionsOf('client');

      const answer = await ask(await webIdentity(), { port: server.port, ...PERMISSIVE, prefer: 'legacy' });

      expect(answer).toContain('peer=legacy web.corp.test');
      expect(decisions.map(lineOf)).toEqual([
        'spiffe shown legacy in permissive: accepted spiffe://a.test/server',
      ]);
    });

    it('that is not authorised sends it nothing, whatever legacy names it has', async () => {
      const { spiffe } = await migrationWorld();
      const thief = await rawServer(
        await spiffe.issue({ path: '/thief', extraNames: [{ type: 'dns', value: 'localhost' }] }),
      );
      const connections = connectionsTo(thief);
      const decisions = decisionsOf('client');

      const asked = ask(await webIdentity(), { port: thief.port, ...PERMISSIVE });

      await expect(asked).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
      expect(decisions.map(lineOf)).toEqual([
        'spiffe shown spiffe in permissive: rejected spiffe://a.test/thief ERR_PEER_UNAUTHORIZED',
      ]);
      // No second, weaker chance.
      expect(connections()).toBe(1);
      expect(await thief.stolen()).toBe('');
    });
  });

  it('a legacy authority that vouches for a SPIFFE ID gets nothing', async () => {
    const { legacy } = await migrationWorld();
    const thief = await rawServer(
      await legacy.issueLegacy({
        ...LOCALHOST,
        extraNames: [{ type: 'url', value: 'spiffe://a.test/server' }],
      }),
    );
    const connections = connectionsTo(thief);
    const asked = ask(await webIdentity(), { port: thief.port, ...PERMISSIVE });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
    expect(connections()).toBe(1);
    expect(await thief.stolen()).toBe('');
  });

  it('a SPIFFE authority that vouches for a legacy name gets nothing', async () => {
    const { spiffe } = await migrationWorld();
    const thief = await rawServer(await spiffe.issueLegacy(LOCALHOST));
    const connections = connectionsTo(thief);
    const asked = ask(await webIdentity(), { port: thief.port, ...PERMISSIVE });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
    expect(connections()).toBe(1);
    expect(await thief.stolen()).toBe('');
  });
});

describe('createHttp2Client', () => {
  it('falls back to a legacy server, in strict mode it does not', async () => {
    const { legacy } = await migrationWorld();
    const { certPem: cert, keyPem: key } = await legacy.issueLegacy(LOCALHOST);
    const clients: (string | undefined)[] = [];
    const server = createSecureServer(
      { cert, key, ca: legacy.bundlePem, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        const socket = request.stream.session?.socket as TLSSocket;
        clients.push(socket.getPeerCertificate().subjectaltname);
        response.end('legacy answer');
      },
    );
    server.on('sessionError', () => {});
    const port = await listen(server);
    const decisions = decisionsOf('client');

    expect(await http2Get(await webIdentity(), { port, ...PERMISSIVE })).toBe('legacy answer');
    await expect(http2Get(await webIdentity(), { port, accept: 'strict' })).rejects.toMatchObject({
      code: 'ERR_CHAIN_ID',
    });

    expect(clients).toEqual(['DNS:web.corp.test']);
    expect(decisions.map(lineOf)).toEqual([
      'legacy shown legacy in permissive: accepted localhost',
      'legacy shown spiffe in strict: rejected ERR_CHAIN_ID',
    ]);
  });

  it('shows its SVID to a SPIFFE server', async () => {
    const server = await MIGRATION_SERVERS['secureServer over http2']?.start(await bothKinds(), PERMISSIVE);
    const answer = await http2Get(await webIdentity(), { port: server?.port ?? 0, ...PERMISSIVE });
    expect(answer).toBe('peer=spiffe spiffe://a.test/web\n');
  });
});

async function open(
  port: number,
  mode: { accept?: 'strict' | 'permissive'; prefer?: 'spiffe' | 'legacy' },
  host = 'localhost',
): Promise<string> {
  const options: ConnectionOptions & { family: number } = {
    port,
    host,
    family: 4,
    ...tlsClientOptions(await webIdentity(), { authorize: authorizeServer(), ...mode }),
  };
  return exchange(connect(options));
}

describe('tlsClientOptions', () => {
  it('reaches a SPIFFE server in both modes', async () => {
    const server = await anyServer(await bothKinds(), PERMISSIVE);
    expect(await open(server.port, PERMISSIVE)).toContain('peer=spiffe spiffe://a.test/web');
    expect(await open(server.port, {})).toContain('peer=spiffe spiffe://a.test/web');
  });

  it('reaches a legacy server that it shows the legacy certificate first', async () => {
    const server = await legacyServer({});
    const decisions = decisionsOf('client');
    expect(await open(server.port, { ...PERMISSIVE, prefer: 'legacy' })).toContain('peer=unknown');
    expect(server.seen.map(({ client }) => client)).toEqual(['DNS:web.corp.test']);
    expect(decisions.map(lineOf)).toEqual(['legacy shown legacy in permissive: accepted localhost']);
  });

  it('cannot fall back: a legacy server that is shown an SVID turns it away', async () => {
    const server = await legacyServer({});
    await expectFailure(open(server.port, PERMISSIVE));
    expect(await server.stolen()).toBe('');
  });

  it.each([
    ['strict mode', {}, LOCALHOST, 'legacy'],
    ['another host', { ...PERMISSIVE, prefer: 'legacy' }, { dnsNames: ['other.corp.test'] }, 'legacy'],
    ['a foreign authority', { ...PERMISSIVE, prefer: 'legacy' }, LOCALHOST, 'foreign'],
    ['the SPIFFE authority', { ...PERMISSIVE, prefer: 'legacy' }, LOCALHOST, 'spiffe'],
  ] as const)('sends nothing to a legacy server: %s', async (_, options, names, ca) => {
    const server = await legacyServer({ names, ca: (await migrationWorld())[ca] });
    await expectFailure(open(server.port, options));
    expect(await server.stolen()).toBe('');
  });

  it('sends nothing to a SPIFFE ID that the legacy authority vouches for', async () => {
    const server = await legacyServer({
      names: { ...LOCALHOST, extraNames: [{ type: 'url', value: 'spiffe://a.test/server' }] },
    });
    const asked = open(server.port, { ...PERMISSIVE, prefer: 'legacy' });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
    expect(await server.stolen()).toBe('');
  });

  it('an IP address is not a host name: a legacy certificate has to name it as an address', async () => {
    const named = await legacyServer({ names: { dnsNames: ['127.0.0.1'] } });
    const options = { ...PERMISSIVE, prefer: 'legacy' } as const;
    await expect(open(named.port, options, '127.0.0.1')).rejects.toMatchObject({
      code: 'ERR_PEER_UNAUTHORIZED',
    });
    const addressed = await legacyServer({
      names: { commonName: 'x', extraNames: [{ type: 'ip', value: '127.0.0.1' }] },
    });
    expect(await open(addressed.port, options, '127.0.0.1')).toContain('peer=unknown');
  });
});

describe('dryRun', () => {
  it('is for servers: a client that is given it still refuses servers', async () => {
    const { spiffe } = await migrationWorld();
    const server = await rawServer(await spiffe.issue({ path: '/thief' }));
    const policy = staticMigrationPolicy({ mode: 'permissive', dryRun: true });
    const asked = MIGRATION_CLIENTS['connectTls']?.(await webIdentity(), { port: server.port, policy });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    expect(await server.stolen()).toBe('');
  });
});
