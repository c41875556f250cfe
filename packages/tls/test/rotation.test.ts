import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { setImmediate } from 'node:timers/promises';

import { authorizeAny, authorizeId, authorizeMemberOf, X509Svid } from '@svidkit/core';
import { createTestCa, type TestX509Source } from '@svidkit/testkit';
import { connectTls, createHttpsAgent, type HttpsAgent, peerOf, tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { load } from '../../../tests/load.ts';
import {
  closeAll,
  closing,
  Events,
  get,
  httpsService,
  knock,
  RawClient,
  rawServer,
  rotate,
  SERVICES,
  sourceOf,
  tlsService,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

function agentOf(...args: Parameters<typeof createHttpsAgent>): HttpsAgent {
  return closing(createHttpsAgent(...args), (agent) => agent.destroy());
}

const serialOf = (answer: string): string | undefined => /serial=(\w+)/.exec(answer)?.[1];

describe('rotation under load', { timeout: 60_000 }, () => {
  it('fails no request over 52 rotations of both ends, and new requests show the new identity', async ({
    signal,
  }) => {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const clientSource = await sourceOf(a, { path: '/client' });
    const { port, handled } = await httpsService(serverSource, {
      authorize: authorizeId('spiffe://a.test/client'),
    });
    const agent = agentOf(clientSource, { authorize: authorizeId('spiffe://a.test/server') });
    const generations = new Map<string | undefined, number>();
    const current = (): number => {
      const { svid, generation } = clientSource.current;
      generations.set(svid.leaf.serialNumber, generation);
      return generation;
    };
    const stale: unknown[] = [];
    const ask = async (): Promise<void> => {
      const atLeast = current();
      const shown = generations.get(serialOf(await get({ agent, host: '127.0.0.1', port })));
      if (shown === undefined || shown < atLeast) stale.push([shown, atLeast]);
    };
    const running = load(4, ask);

    for (let round = 0; round < 52; round += 1) {
      const before = handled.length;
      await rotate(clientSource, a, { path: '/client' });
      current();
      await rotate(serverSource, a, { path: '/server' });
      // Some traffic in each generation.
      while (handled.length < before + 6) await ask();
    }

    const { answers, failures } = await running.stop();
    expect(failures).toEqual([]);
    expect(stale).toEqual([]);
    expect(answers).toBeGreaterThan(52);
    // Nothing is left behind in the pools, once what was destroyed has closed.
    while (Object.keys(agent.sockets).length > 0) {
      signal.throwIfAborted();
      await setImmediate();
    }
    expect(Object.keys(agent.requests)).toEqual([]);
    expect(Object.keys(agent.freeSockets).length).toBeLessThanOrEqual(1);
  });

  it('fails no request while the root of the trust domain is replaced', async () => {
    const first = await createTestCa({ trustDomain: 'a.test' });
    const { next, both } = await first.rotate();
    const sources = [
      await sourceOf(first, { path: '/server' }),
      await sourceOf(first, { path: '/client' }),
    ] as const;
    const { port, handled } = await httpsService(sources[0], {
      authorize: authorizeId('spiffe://a.test/client'),
    });
    const agent = agentOf(sources[1], { authorize: authorizeId('spiffe://a.test/server') });
    const ask = async (): Promise<void> => {
      expect(await get({ agent, host: '127.0.0.1', port })).toContain('peer=spiffe://a.test/client ');
    };
    const running = load(8, ask);
    const some = async (): Promise<void> => {
      const before = handled.length;
      while (handled.length < before + 40) await ask();
    };
    const paths = ['/server', '/client'];
    const all = async (change: (source: TestX509Source, path: string) => Promise<void>): Promise<void> => {
      for (const [index, source] of sources.entries()) {
        await change(source, paths[index] ?? '');
        await some();
      }
    };

    await some();
    await all(async (source) => {
      const { bundles } = await first.context({ bundles: [both] });
      source.update(source.current.svid, bundles);
    });
    await all((source, path) => rotate(source, next, { path, bundles: [both] }));
    await all(async (source) => {
      const { bundles } = await next.context({ bundles: [next] });
      source.update(source.current.svid, bundles);
    });

    const { failures } = await running.stop();
    expect(failures).toEqual([]);
    expect((await knock(port, await first.issue({ path: '/client' }))).line).toBeUndefined();
    expect((await knock(port, await next.issue({ path: '/client' }))).line).toContain('/client ');
  });
});

describe('a server', () => {
  it.each(Object.entries(SERVICES))('%s shows each new connection the SVID of now', async (_, start) => {
    const { a } = await world();
    const source = await sourceOf(a);
    const { port } = await start(source);
    for (let round = 0; round < 5; round += 1) {
      const { serverLeaf, line } = await knock(port, await a.issue());
      expect(line).toContain('peer=');
      expect(serverLeaf?.equals(source.current.svid.leaf.der)).toBe(true);
      await rotate(source, a);
    }
  });

  it('trap N8, several addresses: every server of a source follows it', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const servers = await Promise.all([tlsService(source), httpsService(source), tlsService(source)]);
    await rotate(source, a);
    for (const { port } of servers) {
      const { serverLeaf } = await knock(port, await a.issue());
      expect(serverLeaf?.equals(source.current.svid.leaf.der)).toBe(true);
    }
  });

  it('trap N7, certificate and key of two generations: no such pair gets that far, and the last good one serves', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const { port } = await tlsService(source);
    const [one, two] = [await a.issue(), await a.issue()];

    expect(() => X509Svid.fromPem({ certificates: one.certPem, privateKey: two.keyPem })).toThrow(
      expect.objectContaining({ code: 'ERR_SVID_KEY_MISMATCH' }) as Error,
    );
    expect((await knock(port, await a.issue())).line).toContain('peer=');
    source.update(one.svid(), source.current.bundles);
    const { serverLeaf, line } = await knock(port, two);
    expect(serverLeaf?.equals(one.svid().leaf.der)).toBe(true);
    expect(line).toContain('peer=');
  });

  it('goes on serving a live connection after a rotation, and asks HTTP clients to come back', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const { port } = await httpsService(source);
    const agent = agentOf(await sourceOf(a), { authorize: authorizeMemberOf('a.test') });
    const events = new Events();
    const free = once(agent, 'free');
    await get({ agent, host: '127.0.0.1', port });
    await free;

    await rotate(source, a);
    expect(events.drained).toEqual([{ side: 'server', id: 'spiffe://a.test/workload', reason: 'rotation' }]);

    // Over the same connection, whose answer ends it; the next request needs a new one.
    for (const connections of [1, 2]) {
      await get({ agent, host: '127.0.0.1', port });
      expect(events.accepted.filter(({ side }) => side === 'server')).toHaveLength(connections);
    }
  });
});

describe('a handshake in flight while our SVID is renewed', () => {
  it('is finished, and its connection retires with the first answer', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const before = source.current.svid.leaf;
    const { server, port } = await httpsService(source);
    const begun = once(server, 'connection');
    const socket = closing(connectTcp(port, '127.0.0.1'), (one) => one.destroy());
    await begun;
    const events = new Events();

    await rotate(source, a);

    const client = new RawClient(0, await a.issue(), { socket });
    expect(await client.ask()).toContain('peer=');
    await client.closed;
    expect(client.serverLeaf?.equals(before.der)).toBe(true);
    expect(client.received.toString()).toMatch(/connection: close/i);
    expect(events.drained.map(({ reason }) => reason)).toEqual(['rotation']);
  });
});

describe('connectTls', () => {
  it('leaves a connection alone when our SVID is renewed', async () => {
    const { a } = await world();
    const service = await tlsService(await sourceOf(a));
    const source = await sourceOf(a);
    const socket = await connectTls(source, {
      authorize: authorizeAny(),
      host: '127.0.0.1',
      port: service.port,
    });
    closing(socket, (one) => one.destroy());

    await rotate(source, a);

    expect(socket.destroyed).toBe(false);
    expect(peerOf(socket).id.toString()).toBe('spiffe://a.test/workload');
    const answer = once(socket, 'data');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    expect(String(await answer)).toContain('peer=');
  });
});

describe('tlsClientOptions', () => {
  it('show the identity of now on each new connection, wherever they were copied to', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const server = await rawServer(await a.issue());
    const options = tlsClientOptions(source, { authorize: authorizeMemberOf('a.test') });
    const copies = [
      options,
      { ...options },
      Object.assign(Object.create(null) as object, options),
      Object.freeze({ ...options }),
    ];
    const serials: string[] = [];
    for (const copy of copies) {
      await get({ host: '127.0.0.1', port: server.port, agent: false, ...copy });
      serials.push(source.current.svid.leaf.serialNumber);
      await rotate(source, a);
    }
    expect(server.seen.map(({ serial }) => serial)).toEqual(serials);
    expect(new Set(serials).size).toBe(4);
  });

  it('follow the bundles, too', async () => {
    const { a } = await world();
    const { next, both } = await a.rotate();
    const source = await sourceOf(a);
    const server = await rawServer(await next.issue());
    const target = {
      host: '127.0.0.1',
      port: server.port,
      agent: false,
      ...tlsClientOptions(source, { authorize: authorizeMemberOf('a.test') }),
    };
    await expectFailure(get(target));
    await rotate(source, a, { bundles: [both] });
    await expect(get(target)).resolves.toContain('peer=');
    await rotate(source, a, { bundles: [a] });
    await expectFailure(get(target));
  });
});
