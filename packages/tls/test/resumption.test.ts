import { randomBytes } from 'node:crypto';
import { globalAgent } from 'node:https';
import { createServer, type SecureVersion, Server } from 'node:tls';

import { authorizeId, authorizeMemberOf } from '@svidkit/core';
import { createTlsServer, peerOf, secureServer, tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  answerRequests,
  CLIENTS,
  closeAll,
  describePeer,
  Events,
  get,
  type Identity,
  knock,
  RawClient,
  rawServer,
  rotate,
  serve,
  type Service,
  SERVICES,
  sourceOf,
  tlsService,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

const VERSIONS: readonly SecureVersion[] = ['TLSv1.3', 'TLSv1.2'];
const only = (version: SecureVersion) => ({ minVersion: version, maxVersion: version });
const OPT_IN = { minVersion: 'TLSv1.2' } as const;

/** Connects, and gives every session that the server offered to resume. */
async function sessionsOf(
  port: number,
  identity: Identity | undefined,
  version: SecureVersion,
): Promise<Buffer[]> {
  const { sessions } = await knock(port, identity, only(version));
  return sessions;
}

/**
 * A gated server with tickets switched back on behind its back, so that sessions really are resumed below the gate:
 * what is left is the gate's own refusal.
 */
async function ticketService(identity: Identity, ...args: Parameters<typeof tlsService>): Promise<Service> {
  const service = await tlsService(...args);
  const { certPem: cert, keyPem: key } = identity;
  Server.prototype.setSecureContext.call(service.server, { cert, key, ca: [], minVersion: 'TLSv1.2' });
  return service;
}

describe.each(VERSIONS)('over %s', (version) => {
  it('trap N4, removed CA by ticket: the removed authority does not come back, on any server', async () => {
    const { a } = await world();
    const { next, both } = await a.rotate();
    const old = await a.issue({ path: '/old' });
    for (const start of Object.values(SERVICES)) {
      const source = await sourceOf(a, { bundles: [both] });
      const { port, handled } = await start(source, OPT_IN);
      const first = await knock(port, old, only(version));
      expect(first.line).toContain('/old ');

      await rotate(source, next, { bundles: [next] });
      for (const session of first.sessions) {
        const again = await knock(port, old, { ...only(version), session });
        expect(again.line).toBeUndefined();
        expect(again.resumed).toBe(false);
      }
      expect((await knock(port, old, only(version))).line).toBeUndefined();

      const [session] = first.sessions;
      const honest = await next.issue({ path: '/new' });
      expect((await knock(port, honest, { ...only(version), ...(session && { session }) })).line).toContain(
        '/new ',
      );
      expect(handled).toEqual(['spiffe://a.test/old', 'spiffe://a.test/new']);
    }
  });

  it('trap N4, removed CA by ticketKeys: keys that the server was made with resume nothing', async () => {
    const { a } = await world();
    const { next, both } = await a.rotate();
    const old = await a.issue({ path: '/old' });
    const ticketKeys = randomBytes(48);

    // The control: on a plain server the session of a removed authority resumes, and counts as authorized.
    const trusting = await rawServer(await a.issue(), { ticketKeys, ca: [a.pem] });
    const distrusting = await rawServer(await a.issue(), { ticketKeys, ca: [next.pem] });
    const [ticket] = await sessionsOf(trusting.port, old, version);
    const resumed = await knock(distrusting.port, old, {
      ...only(version),
      ...(ticket && { session: ticket }),
    });
    expect(resumed.resumed).toBe(true);
    expect(distrusting.seen[0]).toMatchObject({ resumed: true });

    const source = await sourceOf(a, { bundles: [both] });
    const { port, handled } = await serve((list) =>
      secureServer(
        createServer({ ticketKeys }, (socket) => {
          list.push(peerOf(socket).id.toString());
          answerRequests(socket, () => describePeer(socket));
        }),
        source,
        { authorize: authorizeMemberOf('a.test'), ...OPT_IN },
      ),
    );
    const sessions = await sessionsOf(port, old, version);
    await rotate(source, next, { bundles: [next] });
    for (const session of [...sessions, ...(ticket ? [ticket] : [])]) {
      expect((await knock(port, old, { ...only(version), session })).line).toBeUndefined();
    }
    expect(handled).toEqual(['spiffe://a.test/old']);
    expect((await knock(port, await next.issue({ path: '/new' }), only(version))).line).toContain('/new ');
  });

  it('a resumed session is refused, whatever it proves, and the same peer with a full handshake is not', async () => {
    const { a } = await world();
    const identity = await a.issue({ path: '/client' });
    const { port, handled } = await ticketService(await a.issue(), await sourceOf(a), OPT_IN);
    const first = await knock(port, identity, only(version));
    expect(first.line).toContain('/client ');
    expect(first.sessions.length).toBeGreaterThan(0);
    const events = new Events();

    for (const session of first.sessions.slice(-1)) {
      const again = await knock(port, identity, { ...only(version), session });
      expect(again.resumed).toBe(true);
      expect(again.line).toBeUndefined();
    }
    expect(events.codes('server')).toEqual(['ERR_PEER_RESUMED']);
    expect((await knock(port, identity, only(version))).line).toContain('/client ');
    expect(handled).toHaveLength(2);
  });

  it('trap N1, no-certificate resumption: a client without a certificate stays out with and without its session', async () => {
    const { a } = await world();
    const { port, handled } = await ticketService(await a.issue(), await sourceOf(a), OPT_IN);
    const events = new Events();

    // It gets its session although it is turned away: the handshake itself succeeds.
    const first = new RawClient(port, undefined, only(version));
    await first.closed;
    for (const session of first.sessions) {
      expect((await knock(port, undefined, { ...only(version), session })).line).toBeUndefined();
    }
    // A session of somebody else's does not help either.
    const [stolen] = await sessionsOf(port, await a.issue(), version);
    expect(handled).toHaveLength(1);
    const thief = await knock(port, undefined, { ...only(version), ...(stolen && { session: stolen }) });
    expect(thief.resumed).toBe(true);
    expect(thief.line).toBeUndefined();

    expect(new Set(events.codes('server'))).toEqual(new Set(['ERR_PEER_NO_CERTIFICATE', 'ERR_PEER_RESUMED']));
    expect((await knock(port, await a.issue(), only(version))).line).toContain('peer=');
    expect(handled).toHaveLength(2);
  });

  it('a session store of the application resumes nothing', async () => {
    const { a } = await world();
    const identity = await a.issue({ path: '/client' });
    const { port, server, handled } = await tlsService(await sourceOf(a), OPT_IN);
    const store = new Map<string, Buffer>();
    server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
      store.set(id.toString('hex'), data);
      done();
    });
    server.on('resumeSession', (id: Buffer, done: (error: Error | null, data: Buffer | null) => void) =>
      done(null, store.get(id.toString('hex')) ?? null),
    );

    const sessions = await sessionsOf(port, identity, version);
    expect(handled).toHaveLength(1);
    let resumptions = 0;
    for (const session of sessions) {
      const again = await knock(port, identity, { ...only(version), session });
      // Either it was not resumed, or it was refused.
      if (again.resumed) resumptions += 1;
      expect(again.line === undefined).toBe(again.resumed);
    }
    expect(handled).toHaveLength(1 + sessions.length - resumptions);
    // Without tickets only TLS 1.2 asks the store: there the refusal itself is what is tested.
    expect(resumptions > 0).toBe(version === 'TLSv1.2');
  });

  it.each(Object.entries(CLIENTS))(
    'trap N5, old identity by ticket: %s always shows its present SVID',
    async (_, call) => {
      const { a } = await world();
      const source = await sourceOf(a, { path: '/before' });
      // Resumption is on there, as the third connection of a bare client proves.
      const server = await rawServer(await a.issue({ path: '/server' }));
      const authorize = authorizeId('spiffe://a.test/server');
      const target = { port: server.port, ...(version === 'TLSv1.2' ? OPT_IN : {}) };
      const serials: (string | undefined)[] = [];

      await call(source, authorize, target);
      serials.push(source.current.svid.leaf.serialNumber);
      await rotate(source, a, { path: '/after' });
      await call(source, authorize, target);
      serials.push(source.current.svid.leaf.serialNumber);

      expect(server.seen.map(({ resumed }) => resumed)).toEqual([false, false]);
      expect(server.seen.map(({ serial }) => serial)).toEqual(serials);
      expect(server.seen.map(({ client }) => client)).toEqual([
        'URI:spiffe://a.test/before',
        'URI:spiffe://a.test/after',
      ]);

      const [session] = await sessionsOf(server.port, undefined, version);
      const control = await knock(server.port, undefined, { ...only(version), ...(session && { session }) });
      expect(control.resumed).toBe(true);
    },
  );
});

describe('setTicketKeys, setSecureContext and addContext of a gated server', () => {
  it('are refused, and the server goes on with the identity of its source', async () => {
    const { a, rogue } = await world();
    const source = await sourceOf(a, { path: '/service' });
    const foreign = await rogue.issue();
    for (const start of Object.values(SERVICES)) {
      const { server, port } = await start(source);
      const refused = expect.objectContaining({ code: 'ERR_CONFIG_SERVER' }) as Error;

      expect(() => server.setTicketKeys(randomBytes(48))).toThrow(refused);
      expect(() => server.setSecureContext({ cert: foreign.certPem, key: foreign.keyPem })).toThrow(refused);
      expect(() => server.addContext('a.test', { cert: foreign.certPem, key: foreign.keyPem })).toThrow(
        refused,
      );

      const client = await knock(port, await a.issue(), { servername: 'a.test' });
      expect(client.line).toContain('peer=');
      expect(client.serverLeaf?.equals(source.current.svid.leaf.der)).toBe(true);
    }
  });
});

describe('trap: a session offered through the pool of https.globalAgent', () => {
  it('tlsClientOptions never resume, so the server is judged on each connection', async () => {
    const { a } = await world();
    const source = await sourceOf(a, { path: '/client' });
    const server = await rawServer(await a.issue({ path: '/server' }));
    const options = tlsClientOptions(source, { authorize: authorizeId('spiffe://a.test/server') });
    const checkServerIdentity = vi.fn(options.checkServerIdentity);
    const request = { host: '127.0.0.1', port: server.port, headers: { connection: 'close' } };
    closeGlobalSockets();

    for (let round = 1; round <= 3; round += 1) {
      await get({ ...request, ...options, agent: globalAgent, checkServerIdentity });
      expect(checkServerIdentity).toHaveBeenCalledTimes(round);
    }
    expect(server.seen.map(({ resumed }) => resumed)).toEqual([false, false, false]);
    expect(server.seen.map(({ client }) => client)).toEqual(Array(3).fill('URI:spiffe://a.test/client'));

    // The control: without our options the same pool does resume.
    for (let round = 0; round < 2; round += 1) {
      await get({ ...request, rejectUnauthorized: false, agent: globalAgent });
    }
    expect(server.seen.at(-1)?.resumed).toBe(true);
    closeGlobalSockets();
  });

  it('a server that has become somebody else is not taken for the one before', async () => {
    const { a, rogue } = await world();
    const source = await sourceOf(a);
    const ticketKeys = randomBytes(48);
    const honest = await rawServer(await a.issue({ path: '/server' }), { ticketKeys });
    const options = tlsClientOptions(source, { authorize: authorizeId('spiffe://a.test/server') });
    const request = {
      host: '127.0.0.1',
      port: honest.port,
      headers: { connection: 'close' },
      agent: globalAgent,
    };
    await get({ ...request, ...options });

    // The same address and the same ticket keys, another certificate.
    const { certPem: cert, keyPem: key } = await rogue.issue({ path: '/server' });
    honest.server.setSecureContext({ cert, key, ca: [], ticketKeys });

    await expectFailure(get({ ...request, ...options }));
    expect(honest.seen).toHaveLength(1);
    const { certPem, keyPem } = await a.issue({ path: '/server' });
    honest.server.setSecureContext({ cert: certPem, key: keyPem, ca: [], ticketKeys });
    await expect(get({ ...request, ...options })).resolves.toContain('peer=');
  });
});

describe('createTlsServer', () => {
  it('refuses ticket keys and session options by name', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    for (const name of ['ticketKeys', 'sessionTimeout', 'sessionIdContext']) {
      const options = { authorize: authorizeMemberOf('a.test'), [name]: randomBytes(48) };
      expect(() => createTlsServer(source, options)).toThrow(
        expect.objectContaining({
          code: 'ERR_CONFIG_OPTION',
          message: expect.stringContaining(name) as string,
        }) as Error,
      );
    }
  });
});

function closeGlobalSockets(): void {
  globalAgent.destroy();
}
