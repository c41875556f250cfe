import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { connect } from 'node:tls';

import { authorizeAny, Certificate, type DenyListEntries, staticDenyList } from '@svidkit/core';
import {
  anyPeerOf,
  connectTls,
  createConnector,
  createHttp2Client,
  createHttpsAgent,
  secureServer,
  tlsClientOptions,
} from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  Events,
  exchange,
  expectFailure,
  get,
  RawClient,
  serve,
  sourceOf,
} from './fixtures.ts';
import {
  anyServer,
  authorizeServer,
  bothKinds,
  decisionsOf,
  legacyServer,
  lineOf,
  MIGRATION_SERVERS,
  migrationWorld,
  WEB,
  WEB_ID,
  webIdentity,
} from './migration-fixtures.ts';

afterEach(closeAll);

const keyOf = (chainDer: readonly Uint8Array[]): string =>
  `sha256:${Certificate.parse(chainDer[0] ?? new Uint8Array()).publicKeyFingerprint256}`;

describe.each(Object.entries(MIGRATION_SERVERS))('%s', (name, { start, ask }) => {
  const alpn = name.endsWith('http2') ? { ALPNProtocols: ['h2'] } : {};

  it.each(['ID', 'key', 'legacy key'] as const)(
    'a denied %s is gone at once, and does not come back',
    async (what) => {
      const { spiffe, legacy } = await migrationWorld();
      const deny = staticDenyList({});
      const { port } = await start(await bothKinds(), { accept: 'permissive', deny });
      const events = new Events();
      const svid = await spiffe.issue({ path: '/web' });
      const denied = what === 'legacy key' ? await legacy.issueLegacy(WEB) : svid;
      const other = what === 'legacy key' ? svid : await legacy.issueLegacy(WEB);
      const id = what === 'legacy key' ? 'web.corp.test' : WEB_ID;
      const client = new RawClient(port, denied, alpn);
      const bystander = new RawClient(port, other, alpn);
      await events.until(({ accepted }) => accepted.length === 2);
      const decisions = decisionsOf('server');

      const entries: DenyListEntries = what === 'ID' ? { ids: [WEB_ID] } : { keys: [keyOf(denied.chainDer)] };
      deny.update(entries);

      await client.closed;
      expect(events.drained).toMatchObject([{ side: 'server', id, reason: 'denied' }]);
      expect(bystander.socket.destroyed).toBe(false);
      expect(await ask(port, denied)).toBeUndefined();
      expect(events.codes('server')).toEqual(['ERR_PEER_DENIED']);
      expect(decisions.map(({ result, peer, error }) => [result, peer, error?.code])).toEqual([
        ['rejected', id, 'ERR_PEER_DENIED'],
      ]);
      expect(await ask(port, other)).toMatch(/^peer=/);

      deny.update({});
      expect(await ask(port, denied)).toMatch(/^peer=/);
    },
  );
});

it('a request in flight ends with its connection when its client is denied', async () => {
  const { spiffe } = await migrationWorld();
  const deny = staticDenyList({});
  const identity = await sourceOf(spiffe, { path: '/server' });
  const asked = Promise.withResolvers<void>();
  const { port } = await serve(() =>
    secureServer(
      createSecureServer({ allowHTTP1: true }, () => asked.resolve()),
      identity,
      { authorize: authorizeAny(), deny },
    ),
  );
  const client = new RawClient(port, await spiffe.issue({ path: '/web' }));
  const answer = client.ask();
  await asked.promise;
  deny.update({ ids: [WEB_ID] });
  expect(await answer).toBeUndefined();
});

describe('a client whose server is denied', () => {
  const DENIED: DenyListEntries = { ids: ['spiffe://a.test/server'] };

  it('connectTls: the connection ends with an error, and no other is made', async () => {
    const { spiffe } = await migrationWorld();
    const deny = staticDenyList({});
    const server = await anyServer(await bothKinds());
    const source = await sourceOf(spiffe, { path: '/web' });
    const options = { host: '127.0.0.1', port: server.port, authorize: authorizeServer(), deny };
    const socket = closing(await connectTls(source, options), (one) => one.destroy());
    const events = new Events();
    const failed = once(socket, 'error') as Promise<Error[]>;

    deny.update(DENIED);

    expect((await failed)[0]).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    expect(events.drained).toMatchObject([
      { side: 'client', id: 'spiffe://a.test/server', reason: 'denied' },
    ]);
    await expect(connectTls(source, options)).rejects.toMatchObject({ code: 'ERR_PEER_DENIED' });
  });

  it('createHttpsAgent: idle and busy connections end, and no other is made', async () => {
    const { spiffe } = await migrationWorld();
    const deny = staticDenyList({});
    const server = await anyServer(await bothKinds());
    const agent = closing(
      createHttpsAgent(await sourceOf(spiffe, { path: '/web' }), { authorize: authorizeServer(), deny }),
      (one) => one.destroy(),
    );
    const ask = (): Promise<string> => get({ agent, host: '127.0.0.1', port: server.port });
    expect(await ask()).toBe(`peer=spiffe ${WEB_ID}\n`);
    server.server.removeAllListeners('request');
    const busy = ask();
    await once(server.server, 'request');
    deny.update(DENIED);
    await expect(busy).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(Object.keys(agent.freeSockets)).toEqual([]);
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_PEER_DENIED' });
  });

  it('createHttp2Client: the session ends with its streams, and no other is made', async () => {
    const { spiffe } = await migrationWorld();
    const deny = staticDenyList({});
    const identity = await sourceOf(spiffe, { path: '/server' });
    const { port } = await serve(() =>
      secureServer(
        createSecureServer({}, () => {}),
        identity,
        { authorize: authorizeAny() },
      ),
    );
    const client = closing(
      createHttp2Client(await sourceOf(spiffe, { path: '/web' }), `https://127.0.0.1:${port}`, {
        authorize: authorizeServer(),
        deny,
      }),
      (one) => one.destroy(),
    );
    const stream = await client.request();
    stream.on('error', () => {});
    const closed = new Promise((resolve) => stream.once('close', resolve));
    deny.update(DENIED);
    await closed;
    expect(stream.destroyed).toBe(true);
    await expect(client.session()).rejects.toMatchObject({ code: 'ERR_PEER_DENIED' });
  });

  it('createConnector: tells its adapter, and no other is made', async () => {
    const { spiffe } = await migrationWorld();
    const deny = staticDenyList({});
    const server = await anyServer(await bothKinds());
    const retired: string[] = [];
    const connector = closing(
      createConnector(await sourceOf(spiffe, { path: '/web' }), {
        authorize: authorizeServer(),
        deny,
        onRetire: ({ reason, condemned }) => retired.push(`${reason} ${condemned}`),
      }),
      (one) => one.destroy(),
    );
    const open = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        connector.connect({ host: '127.0.0.1', port: server.port }, (error, connected) =>
          error === null ? resolve(connected?.socket) : reject(error),
        );
      });
    const socket = (await open()) as Parameters<typeof connector.usable>[0];
    expect(connector.usable(socket)).toBe(true);
    deny.update(DENIED);
    expect(retired).toEqual(['denied true']);
    expect([connector.usable(socket), socket.destroyed]).toEqual([false, true]);
    await expect(open()).rejects.toMatchObject({ code: 'ERR_PEER_DENIED' });
  });

  it('tlsClientOptions: no new connection is made', async () => {
    const { spiffe } = await migrationWorld();
    const deny = staticDenyList({});
    const server = await anyServer(await bothKinds());
    const options = tlsClientOptions(await sourceOf(spiffe, { path: '/web' }), {
      authorize: authorizeServer(),
      deny,
    });
    const open = (): Promise<string> =>
      exchange(connect({ host: '127.0.0.1', port: server.port, ...options }));
    expect(await open()).toContain(WEB_ID);
    deny.update(DENIED);
    expect(await expectFailure(open())).toMatchObject({ code: 'ERR_PEER_DENIED' });
  });

  it('a legacy server is denied by its key', async () => {
    const server = await legacyServer({});
    const decisions = decisionsOf('client');
    const deny = staticDenyList({});
    const options = {
      host: 'localhost',
      family: 4,
      port: server.port,
      authorize: authorizeServer(),
      accept: 'permissive',
      deny,
    } as const;
    const identity = await webIdentity();
    const socket = closing(await connectTls(identity, options), (one) => one.destroy());
    const { certificate } = anyPeerOf(socket);
    const failed = once(socket, 'error');
    deny.update({ keys: [keyOf([certificate.der])] });
    await failed;
    await expect(connectTls(identity, options)).rejects.toMatchObject({ code: 'ERR_PEER_DENIED' });
    expect(decisions.map(lineOf)).toEqual([
      'legacy shown legacy in permissive: accepted localhost',
      'legacy shown legacy in permissive: rejected localhost ERR_PEER_DENIED',
    ]);
  });
});

it('what is no deny list is refused', async () => {
  const source = await sourceOf((await migrationWorld()).spiffe);
  for (const deny of [{}, [WEB_ID], { reason: () => undefined }]) {
    expect(() => createHttpsAgent(source, { authorize: authorizeServer(), deny: deny as never })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }) as Error,
    );
  }
});
