import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import { connect as connectTcp, createServer as createTcp, type Socket } from 'node:net';

import { staticMigrationPolicy } from '@svidkit/core';
import { manualClock } from '@svidkit/testkit';
import { connectTls, createHttpsAgent } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, Events, get, listen } from './fixtures.ts';
import {
  anyServer,
  authorizeServer,
  bothKinds,
  decisionsOf,
  describeAny,
  legacyServer,
  lineOf,
  LOCALHOST,
  MIGRATION_CLIENTS,
  migrationWorld,
  webIdentity,
} from './migration-fixtures.ts';

afterEach(closeAll);

const PERMISSIVE = { accept: 'permissive' } as const;

/** Passes connections on to `port`, but for the first `broken`, which it ends once the client has spoken. */
async function interference(port: number, broken: number): Promise<{ port: number; count: () => number }> {
  let count = 0;
  const server = createTcp((client: Socket) => {
    client.on('error', () => client.destroy());
    if (++count <= broken) {
      client.once('data', () => client.resetAndDestroy());
      return;
    }
    const upstream = closing(connectTcp(port, '127.0.0.1'), (socket) => socket.destroy());
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  return { port: await listen(server), count: () => count };
}

describe('in the middle of a fallback', () => {
  it('nobody can make a SPIFFE server see our legacy certificate', async () => {
    const server = await anyServer(await bothKinds(), PERMISSIVE);
    const { port, count } = await interference(server.port, 1);
    const events = new Events();
    const identity = await webIdentity();

    const asked = connectTls(identity, {
      host: 'localhost',
      port,
      family: 4,
      authorize: authorizeServer(),
      ...PERMISSIVE,
    });

    await expect(asked).rejects.toMatchObject({ code: 'ERR_PEER_HANDSHAKE' });
    expect(count()).toBe(2);
    expect(events.codes('client')).toEqual(['ERR_PEER_HANDSHAKE']);
    expect(events.accepted.filter(({ side }) => side === 'client')).toEqual([]);
    expect(server.handled).toEqual([]);
  });

  it('a legacy server is still reached, by what is told once', async () => {
    const server = await legacyServer({});
    const { port } = await interference(server.port, 1);
    const events = new Events();
    const asked = MIGRATION_CLIENTS['connectTls']?.(await webIdentity(), { port, ...PERMISSIVE });
    expect(await asked).toContain('peer=unknown');
    expect(events.codes('client')).toEqual([]);
    expect(events.accepted).toHaveLength(1);
  });

  it('all attempts together have the time of one', async () => {
    const clock = manualClock();
    const seen: Socket[] = [];
    const server = createTcp((client) => {
      client.on('error', () => {});
      seen.push(client);
      server.emit('seen');
      if (seen.length === 1) client.once('data', () => client.resetAndDestroy());
    });
    const port = await listen(server);
    const secondSeen = new Promise<void>((resolve) => {
      server.on('seen', () => seen.length === 2 && resolve());
    });
    const events = new Events();
    const asked = connectTls(await webIdentity(), {
      host: 'localhost',
      port,
      family: 4,
      authorize: authorizeServer(),
      clock,
      handshakeTimeoutMs: 1_000,
      ...PERMISSIVE,
    });
    clock.advance(600);
    await secondSeen;
    clock.advance(400);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_PEER_HANDSHAKE_TIMEOUT' });
    expect(events.codes('client')).toEqual(['ERR_PEER_HANDSHAKE_TIMEOUT']);
    expect(clock.pending).toBe(0);
  });

  it('giving up ends the attempt that is on its way', async () => {
    const seen: Socket[] = [];
    const abort = new AbortController();
    const server = createTcp((client) => {
      client.on('error', () => {});
      seen.push(client);
      if (seen.length === 1) client.once('data', () => client.resetAndDestroy());
      else client.once('data', () => abort.abort(new Error('enough')));
    });
    const port = await listen(server);
    const asked = connectTls(await webIdentity(), {
      host: 'localhost',
      port,
      family: 4,
      authorize: authorizeServer(),
      signal: abort.signal,
      ...PERMISSIVE,
    });
    await expect(asked).rejects.toThrow('enough');
    await once(seen[1] ?? server, 'close');
    expect(seen).toHaveLength(2);
  });
});

/** Like a load balancer: each connection goes to the next of `ports`, the last one for ever. */
async function inTurn(
  ...ports: readonly number[]
): Promise<{ readonly port: number; readonly turns: () => number }> {
  let turn = 0;
  const server = createTcp((client) => {
    const port = ports[Math.min(turn++, ports.length - 1)] ?? 0;
    const upstream = closing(connectTcp(port, '127.0.0.1'), (socket) => socket.destroy());
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    client.pipe(upstream).pipe(client);
  });
  return { port: await listen(server), turns: () => turn };
}

describe('a server that changes', () => {
  it('from legacy to strict SPIFFE is followed at once: what it was is forgotten', async () => {
    const old = await legacyServer({});
    const modern = await anyServer(await bothKinds(), { accept: 'strict' });
    // Twice the first request (SVID, legacy), once the second (legacy, remembered), then the new server.
    const { port, turns } = await inTurn(old.port, old.port, old.port, modern.port);
    const agent = closing(
      createHttpsAgent(await webIdentity(), {
        authorize: authorizeServer(),
        keepAlive: false,
        ...PERMISSIVE,
      }),
      (one) => one.destroy(),
    );
    const ask = (): Promise<string> => get({ agent, host: 'localhost', port, family: 4 });
    const decisions = decisionsOf('client');

    expect(await ask()).toContain('peer=unknown');
    expect(await ask()).toContain('peer=unknown');
    expect(await ask()).toContain('peer=spiffe spiffe://a.test/web');
    expect(await ask()).toContain('peer=spiffe spiffe://a.test/web');

    expect(old.seen).toHaveLength(2);
    // Two, one, two to find out, and one.
    expect(turns()).toBe(6);
    expect(decisions.map(lineOf)).toEqual([
      'legacy shown legacy in permissive: accepted localhost',
      'legacy shown legacy in permissive: accepted localhost',
      'spiffe shown spiffe in permissive: accepted spiffe://a.test/server',
      'spiffe shown spiffe in permissive: accepted spiffe://a.test/server',
    ]);
  });

  it('behind one name there may be servers of both kinds', async () => {
    const old = await legacyServer({});
    const modern = await anyServer(await bothKinds(), PERMISSIVE);
    const { port } = await inTurn(old.port, modern.port, old.port);
    const ask = MIGRATION_CLIENTS['connectTls'];
    // The old server proved to be a legacy one, and the next connection led elsewhere.
    expect(await ask?.(await webIdentity(), { port, ...PERMISSIVE })).toContain('peer=legacy web.corp.test');
  });
});

describe('the host of a legacy server', () => {
  it('is the one that was dialled, not the one of the Host header', async () => {
    const server = await legacyServer({ names: { dnsNames: ['evil.corp.test'] } });
    const agent = closing(
      createHttpsAgent(await webIdentity(), { authorize: authorizeServer(), ...PERMISSIVE }),
      (one) => one.destroy(),
    );
    const asked = get({
      agent,
      host: 'localhost',
      port: server.port,
      family: 4,
      headers: { Host: 'evil.corp.test' },
    });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    expect(await server.stolen()).toBe('');
  });

  it('is the server name where the caller gives one', async () => {
    const server = await legacyServer({ names: { dnsNames: ['old.corp.test'] } });
    const agent = closing(
      createHttpsAgent(await webIdentity(), { authorize: authorizeServer(), ...PERMISSIVE }),
      (one) => one.destroy(),
    );
    const target = { agent, host: 'localhost', port: server.port, family: 4 } as const;
    expect(await get({ ...target, servername: 'old.corp.test' })).toContain('peer=unknown');
    await expect(get(target)).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
  });

  it.each([
    [['*.corp.test'], 'old.corp.test', true],
    [['old.corp.test'], 'OLD.corp.test', true],
    [['o*.corp.test'], 'old.corp.test', false],
    [['*.corp.test'], 'a.old.corp.test', false],
    [['old.corp.test'], '.corp.test', false],
  ] as const)('a certificate for %s is good for %s: %s', async (dnsNames, servername, isGood) => {
    const server = await legacyServer({ names: { dnsNames } });
    const asked = connectTls(await webIdentity(), {
      host: 'localhost',
      port: server.port,
      family: 4,
      servername,
      authorize: authorizeServer(),
      ...PERMISSIVE,
    });
    const outcome = await asked.then(
      (socket) => describeAny(closing(socket, (one) => one.destroy())),
      (error: { code: string }) => error.code,
    );
    expect(outcome).toBe(isGood ? `peer=legacy ${dnsNames[0]}` : 'ERR_PEER_UNAUTHORIZED');
  });
});

describe('a switch to strict', () => {
  it('while a legacy handshake is on its way: it is not finished as a legacy one', async () => {
    const policy = staticMigrationPolicy({ mode: 'permissive', prefer: 'legacy' });
    const server = await anyServer(await bothKinds(), PERMISSIVE);
    // The switch comes between the connection and the handshake.
    const front = createTcp((client) => {
      policy.update({ mode: 'strict' });
      const upstream = closing(connectTcp(server.port, '127.0.0.1'), (socket) => socket.destroy());
      client.on('error', () => {}).on('close', () => upstream.destroy());
      upstream.on('error', () => {}).on('close', () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
    const port = await listen(front);
    const decisions = decisionsOf('client');

    const answer = await MIGRATION_CLIENTS['connectTls']?.(await webIdentity(), { port, policy });

    expect(answer).toContain('peer=spiffe spiffe://a.test/web');
    expect(decisions.map(lineOf)).toEqual(['spiffe shown spiffe in strict: accepted spiffe://a.test/server']);
  });

  it('ends the pooled connections to legacy servers', async () => {
    const { legacy } = await migrationWorld();
    const policy = staticMigrationPolicy({ mode: 'permissive' });
    const own = await legacy.issueLegacy(LOCALHOST);
    const server = createHttps(
      { cert: own.certPem, key: own.keyPem, ca: legacy.bundlePem, requestCert: true },
      (_, response) => response.end('legacy'),
    );
    const port = await listen(server);
    const agent = closing(
      createHttpsAgent(await webIdentity(), { authorize: authorizeServer(), policy }),
      (one) => one.destroy(),
    );
    const events = new Events();
    const ask = (): Promise<string> => get({ agent, host: 'localhost', port, family: 4 });
    const ended = new Promise<void>((resolve) => {
      server.on('secureConnection', (socket) => socket.once('close', resolve));
    });

    expect(await ask()).toBe('legacy');
    expect(Object.keys(agent.freeSockets)).toHaveLength(1);
    policy.update({ mode: 'strict' });

    await ended;
    expect(Object.keys(agent.freeSockets)).toHaveLength(0);
    expect(events.drained).toMatchObject([{ side: 'client', id: 'localhost', reason: 'legacy-refused' }]);
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_CHAIN_ID' });
    // And back, without a restart.
    policy.update({ mode: 'permissive' });
    expect(await ask()).toBe('legacy');
  });
});
