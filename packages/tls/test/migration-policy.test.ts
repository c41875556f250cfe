import { type ServerResponse } from 'node:http';
import { Agent as RawAgent } from 'node:https';

import {
  authorizeByPolicy,
  authorizeMemberOf,
  authorizeOneOf,
  type Authorizer,
  staticDenyList,
  staticMigrationPolicy,
} from '@svidkit/core';
import { type TestCertificate } from '@svidkit/testkit';
import { createHttpsAgent, createHttpsServer } from '@svidkit/tls';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import { closeAll, closing, Events, get, RawClient, serve, sourceOf } from './fixtures.ts';
import {
  anyServer,
  authorizeServer,
  bothKinds,
  decisionsOf,
  legacyOf,
  legacyOptions,
  lineOf,
  LOCALHOST,
  MIGRATION_SERVERS,
  migrationWorld,
  WEB,
  WEB_ID,
  webIdentity,
} from './migration-fixtures.ts';

afterEach(closeAll);

/** Asks again and again, several at a time, until it is told to stop; then gives every answer and failure. */
function load(ask: () => Promise<string>): {
  stop(): Promise<readonly string[]>;
  atLeast(n: number): Promise<void>;
} {
  const answers: string[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const stopped = new AbortController();
  onTestFinished(() => stopped.abort());
  const worker = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      answers.push(await ask().catch(String));
      for (const { count, resolve } of waiting) if (answers.length >= count) resolve();
    }
  };
  const workers = Promise.all([worker(), worker(), worker(), worker()]);
  return {
    /** Resolves once that many more have been answered. */
    atLeast: (more) => new Promise((resolve) => waiting.push({ count: answers.length + more, resolve })),
    async stop() {
      stopped.abort();
      await workers;
      return answers;
    },
  };
}

/** Asks over kept connections, as a client that knows no SPIFFE does. */
function legacyClient(own: TestCertificate, port: number): () => Promise<string> {
  const agent = closing(
    new RawAgent({ keepAlive: true, cert: own.certPem, key: own.keyPem, rejectUnauthorized: false }),
    (one) => one.destroy(),
  );
  return () => get({ agent, host: '127.0.0.1', port });
}

/** A client with an SVID that is not authorised. */
async function unauthorised(): Promise<TestCertificate> {
  return (await migrationWorld()).spiffe.issue({ path: '/batch' });
}

function allow(...ids: readonly [string, ...string[]]): ReadonlyMap<string, Authorizer> {
  return new Map([['orders', authorizeOneOf(ids)]]);
}

describe('a policy that changes under load', () => {
  it('permissive, strict, permissive; prefer and dryRun back and forth: no request of a SPIFFE client fails', async () => {
    const policy = staticMigrationPolicy({ mode: 'permissive' });
    const server = await anyServer(await bothKinds(), { policy });
    const clientPolicy = staticMigrationPolicy({ mode: 'permissive' });
    const agent = closing(
      createHttpsAgent(await webIdentity(), { authorize: authorizeServer(), policy: clientPolicy }),
      (one) => one.destroy(),
    );
    const busy = load(() => get({ agent, host: 'localhost', port: server.port, family: 4 }));
    const steps = [
      { mode: 'strict' },
      { mode: 'permissive' },
      { prefer: 'legacy' },
      { prefer: 'spiffe' },
      { dryRun: true },
      { dryRun: false },
      { mode: 'strict' },
      { mode: 'permissive', prefer: 'legacy', dryRun: true },
      { mode: 'permissive', prefer: 'spiffe', dryRun: false },
    ] as const;
    await busy.atLeast(50);
    for (const step of steps) {
      policy.update(step);
      await busy.atLeast(50);
    }
    // The clients may go back, too, as long as the server takes what they show.
    clientPolicy.update({ prefer: 'legacy' });
    await busy.atLeast(50);
    clientPolicy.update({ prefer: 'spiffe' });
    await busy.atLeast(50);

    const answers = await busy.stop();
    expect([...new Set(answers)].toSorted()).toEqual([
      'peer=legacy web.corp.test\n',
      `peer=spiffe ${WEB_ID}\n`,
    ]);
    expect(server.handled.length).toBe(answers.length);
  });

  it('a legacy client is served while the server is permissive, whatever it prefers, and only then', async () => {
    const { legacy } = await migrationWorld();
    const policy = staticMigrationPolicy({ mode: 'permissive' });
    const server = await anyServer(await bothKinds(), { policy, maxFailuresPerAddress: 0 });
    const busy = load(legacyClient(await legacy.issueLegacy(WEB), server.port));
    await busy.atLeast(50);
    for (const prefer of ['legacy', 'spiffe', 'legacy', 'spiffe'] as const) {
      policy.update({ prefer });
      await busy.atLeast(50);
    }
    expect(new Set(await busy.stop())).toEqual(new Set(['peer=legacy web.corp.test\n']));

    const before = server.handled.length;
    policy.update({ mode: 'strict' });
    const refused = load(legacyClient(await legacy.issueLegacy(WEB), server.port));
    await refused.atLeast(20);
    expect((await refused.stop()).filter((answer) => answer.startsWith('peer='))).toEqual([]);
    expect(server.handled).toHaveLength(before);

    policy.update({ mode: 'permissive' });
    const again = load(legacyClient(await legacy.issueLegacy(WEB), server.port));
    await again.atLeast(20);
    expect(new Set(await again.stop())).toEqual(new Set(['peer=legacy web.corp.test\n']));
  });
});

describe.each(Object.entries(MIGRATION_SERVERS))('a switch to strict on %s', (name, { start, ask }) => {
  it('ends the connections of legacy clients and leaves those of SPIFFE clients', async () => {
    const { spiffe, legacy } = await migrationWorld();
    const policy = staticMigrationPolicy({ mode: 'permissive' });
    const { port } = await start(await bothKinds(), { policy });
    const events = new Events();
    const alpn = name.endsWith('http2') ? { ALPNProtocols: ['h2'] } : {};
    const old = new RawClient(port, await legacy.issueLegacy(WEB), alpn);
    const modern = new RawClient(port, await spiffe.issue({ path: '/web' }), alpn);
    await events.until(({ accepted }) => accepted.length === 2);

    policy.update({ mode: 'strict' });

    await old.closed;
    expect(events.drained).toMatchObject([{ side: 'server', id: 'web.corp.test', reason: 'legacy-refused' }]);
    expect(modern.socket.destroyed).toBe(false);
    expect(await ask(port, await spiffe.issue({ path: '/web' }))).toBe(`peer=spiffe ${WEB_ID}`);
    expect(await ask(port, await legacy.issueLegacy(WEB))).toBeUndefined();
  });
});

describe('a legacy client in the middle of a request when the policy turns strict', () => {
  it('gets its answer, and nothing more', async () => {
    const { legacy } = await migrationWorld();
    const policy = staticMigrationPolicy({ mode: 'permissive' });
    const asked = Promise.withResolvers<ServerResponse>();
    const identity = await bothKinds();
    const service = await serve(() =>
      createHttpsServer(identity, { authorize: authorizeServer(), policy }, (_, response) =>
        asked.resolve(response),
      ),
    );
    const client = new RawClient(service.port, await legacy.issueLegacy(WEB));
    const answer = client.ask();
    const response = await asked.promise;
    policy.update({ mode: 'strict' });
    response.end('peer=answered\n');
    expect(await answer).toBe('peer=answered');
    await client.closed;
  });
});

describe('dryRun on a server', () => {
  it('admits whom authorize refuses, says so, and ends them when it is over', async () => {
    const { spiffe } = await migrationWorld();
    const policy = staticMigrationPolicy({ dryRun: true });
    const server = await anyServer(await sourceOf(spiffe, { path: '/server' }), { policy });
    const decisions = decisionsOf('server');
    const events = new Events();
    const client = new RawClient(server.port, await unauthorised());
    const allowed = new RawClient(server.port, await spiffe.issue({ path: '/web' }));

    expect(await client.ask()).toBe('peer=spiffe spiffe://a.test/batch');
    expect(await allowed.ask()).toBe(`peer=spiffe ${WEB_ID}`);
    expect(decisions.map(lineOf).toSorted()).toEqual([
      'spiffe shown spiffe in strict: accepted spiffe://a.test/web',
      'spiffe shown spiffe in strict: would-reject spiffe://a.test/batch ERR_PEER_UNAUTHORIZED',
    ]);

    policy.update({ dryRun: false });

    await client.closed;
    expect(events.drained).toMatchObject([{ id: 'spiffe://a.test/batch', reason: 'unauthorized' }]);
    expect(await allowed.ask()).toBe(`peer=spiffe ${WEB_ID}`);
    const refused = new RawClient(server.port, await unauthorised());
    await refused.closed;
    expect(events.codes('server')).toEqual(['ERR_PEER_UNAUTHORIZED']);

    policy.update({ dryRun: true });
    expect(await new RawClient(server.port, await unauthorised()).ask()).toBe(
      'peer=spiffe spiffe://a.test/batch',
    );
  });

  it('skips neither verification nor the deny list nor the matcher of legacy clients', async () => {
    const { spiffe, legacy, foreign } = await migrationWorld();
    const deny = staticDenyList({ ids: [WEB_ID] });
    const policy = staticMigrationPolicy({ mode: 'permissive', dryRun: true });
    const server = await anyServer(await bothKinds(), { policy, deny });
    const events = new Events();
    const clients = [
      await spiffe.issue({ path: '/web' }),
      await spiffe.issue({ path: '/batch', defects: ['expired'] }),
      await foreign.issue({ id: 'spiffe://a.test/batch' }),
      await legacy.issueLegacy({ dnsNames: ['batch.corp.test'] }),
      undefined,
    ];
    for (const one of clients)
      await new RawClient(server.port, one, { send: 'GET / HTTP/1.1\r\n\r\n' }).closed;
    expect(server.handled).toEqual([]);
    expect(events.codes('server')).toEqual([
      'ERR_PEER_DENIED',
      'ERR_CHAIN_EXPIRED',
      'ERR_CHAIN_UNTRUSTED',
      'ERR_PEER_UNAUTHORIZED',
      'ERR_PEER_NO_CERTIFICATE',
    ]);
    expect(await new RawClient(server.port, await unauthorised()).ask()).toBe(
      'peer=spiffe spiffe://a.test/batch',
    );
  });
});

describe('who is allowed', () => {
  it('by the policy: an ID that is taken out loses its connections, the others keep theirs', async () => {
    const { spiffe } = await migrationWorld();
    const policy = staticMigrationPolicy({ allow: allow(WEB_ID, 'spiffe://a.test/batch') });
    const server = await anyServer(await sourceOf(spiffe, { path: '/server' }), {
      policy,
      authorize: authorizeByPolicy(policy, 'orders'),
    });
    const events = new Events();
    const web = new RawClient(server.port, await spiffe.issue({ path: '/web' }));
    const batch = new RawClient(server.port, await spiffe.issue({ path: '/batch' }));
    expect(await web.ask()).toBe(`peer=spiffe ${WEB_ID}`);
    expect(await batch.ask()).toBe('peer=spiffe spiffe://a.test/batch');

    policy.update({ allow: allow(WEB_ID) });

    await batch.closed;
    expect(await web.ask()).toBe(`peer=spiffe ${WEB_ID}`);
    expect(events.drained).toMatchObject([{ id: 'spiffe://a.test/batch', reason: 'unauthorized' }]);
  });

  it('clients let go of servers that are no longer allowed', async () => {
    const { spiffe } = await migrationWorld();
    const policy = staticMigrationPolicy({ allow: allow('spiffe://a.test/server') });
    const server = await anyServer(await sourceOf(spiffe, { path: '/server' }), {
      authorize: authorizeMemberOf('a.test'),
    });
    const agent = closing(
      createHttpsAgent(await sourceOf(spiffe, { path: '/web' }), {
        policy,
        authorize: authorizeByPolicy(policy, 'orders'),
      }),
      (one) => one.destroy(),
    );
    const ask = (): Promise<string> => get({ agent, host: 'localhost', port: server.port, family: 4 });
    expect(await ask()).toBe(`peer=spiffe ${WEB_ID}\n`);
    policy.update({ allow: allow('spiffe://a.test/other') });
    expect(Object.keys(agent.freeSockets)).toEqual([]);
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
  });
});

describe('a legacy client that is taken out of the matcher', () => {
  it('loses its connections', async () => {
    const { spiffe, legacy } = await migrationWorld();
    const identity = { spiffe: await sourceOf(spiffe), legacy: await legacyOf(legacy) };
    const server = await anyServer(identity, { accept: 'permissive' });
    const events = new Events();
    const client = new RawClient(server.port, await legacy.issueLegacy(WEB));
    expect(await client.ask()).toBe('peer=legacy web.corp.test');
    const { clients: _, ...nobody } = legacyOptions(legacy, await legacy.issueLegacy(LOCALHOST));
    identity.legacy.update(nobody);
    await client.closed;
    expect(events.drained).toMatchObject([{ id: 'web.corp.test', reason: 'legacy-refused' }]);
  });
});

describe('a legacy authority', () => {
  it('that is taken out ends the connections that rest on it; one that is added ends none', async () => {
    const { spiffe, legacy, foreign } = await migrationWorld();
    const identity = { spiffe: await sourceOf(spiffe), legacy: await legacyOf(legacy) };
    const server = await anyServer(identity, { accept: 'permissive' });
    const events = new Events();
    const client = new RawClient(server.port, await legacy.issueLegacy(WEB));
    expect(await client.ask()).toBe('peer=legacy web.corp.test');
    const own = await legacy.issueLegacy(LOCALHOST);

    identity.legacy.update(legacyOptions(legacy, own, { authorities: legacy.bundlePem + foreign.bundlePem }));
    expect(await client.ask()).toBe('peer=legacy web.corp.test');
    identity.legacy.update(legacyOptions(legacy, own, { authorities: foreign.bundlePem }));

    await client.closed;
    expect(events.drained).toMatchObject([{ id: 'web.corp.test', reason: 'legacy-refused' }]);
  });
});
