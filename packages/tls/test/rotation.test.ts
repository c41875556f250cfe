import { once } from 'node:events';
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectTcp, createServer as createTcp } from 'node:net';

import { authorizeAny, authorizeId, authorizeMemberOf, firstHealthy, X509Svid } from '@svidkit/core';
import { createTestCa, type TestX509Source } from '@svidkit/testkit';
import { connectTls, createHttpsAgent, type HttpsAgent, peerOf, tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  describePeer,
  Events,
  get,
  httpsService,
  knock,
  listen,
  rawServer,
  rotate,
  SERVICES,
  sourceOf,
  tlsService,
  world,
} from './fixtures.ts';

afterEach(closeAll);

function agentOf(...args: Parameters<typeof createHttpsAgent>): HttpsAgent {
  return closing(createHttpsAgent(...args), (agent) => agent.destroy());
}

const serialOf = (answer: string): string | undefined => /serial=(\w+)/.exec(answer)?.[1];

/** Asks again and again in `width` places until `stop`. Gives the number of answers, and every failure. */
function load(
  width: number,
  ask: () => Promise<void>,
): { stop(): Promise<{ answers: number; failures: unknown[] }> } {
  let running = true;
  let answers = 0;
  const failures: unknown[] = [];
  const one = async (): Promise<void> => {
    while (running) {
      try {
        await ask();
        answers += 1;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const all = Promise.all(Array.from({ length: width }, one));
  return {
    stop: async () => {
      running = false;
      await all;
      return { answers, failures };
    },
  };
}

describe('rotation under load', () => {
  it('fails no request over 52 rotations of both ends, and new requests show the new identity', async () => {
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
    // Nothing is left behind in the pools.
    expect(Object.keys(agent.sockets)).toEqual([]);
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

describe('an agent', () => {
  /** A service whose answers wait until they are let go. */
  async function holding(source: TestX509Source) {
    const waiting: { readonly request: IncomingMessage; answer(): unknown }[] = [];
    const arrivals: (() => void)[] = [];
    const service = await httpsService(source, {}, (request: IncomingMessage, response: ServerResponse) => {
      waiting.push({ request, answer: () => response.writableEnded || response.end(describePeer(request)) });
      for (const wake of arrivals.splice(0)) wake();
    });
    const arrived = async (count: number): Promise<void> => {
      while (waiting.length < count) {
        await new Promise<void>((resolve) => {
          arrivals.push(resolve);
        });
      }
    };
    return { port: service.port, waiting, arrived };
  }

  it('finishes a request in flight on its old connection, and sends the next one over a new one', async () => {
    const { a } = await world();
    const server = await holding(await sourceOf(a));
    const source = await sourceOf(a, { path: '/client' });
    const agent = agentOf(source, { authorize: authorizeAny() });
    const target = { agent, host: '127.0.0.1', port: server.port };
    const serials = [source.current.svid.leaf.serialNumber];

    const inFlight = get(target);
    await server.arrived(1);
    await rotate(source, a, { path: '/client' });
    serials.push(source.current.svid.leaf.serialNumber);
    const next = get(target);
    await server.arrived(2);
    for (const { answer } of server.waiting) answer();

    expect([serialOf(await inFlight), serialOf(await next)]).toEqual(serials);
    const [first, second] = server.waiting;
    expect(first?.request.socket.remotePort).not.toBe(second?.request.socket.remotePort);
  });

  it('keeps using one connection as long as nothing changes', async () => {
    const { a } = await world();
    const { port } = await httpsService(await sourceOf(a));
    const agent = agentOf(await sourceOf(a), { authorize: authorizeAny() });
    const events = new Events();
    for (let round = 0; round < 20; round += 1) {
      const free = once(agent, 'free');
      await get({ agent, host: '127.0.0.1', port });
      await free;
    }
    expect(events.accepted.filter(({ side }) => side === 'client')).toHaveLength(1);
  });

  it('with maxSockets serves what was queued before and after a rotation, the later over a new connection', async () => {
    const { a } = await world();
    const server = await holding(await sourceOf(a));
    const source = await sourceOf(a, { path: '/client' });
    const agent = agentOf(source, { authorize: authorizeAny(), maxSockets: 1 });
    const target = { agent, host: '127.0.0.1', port: server.port };
    const before = source.current.svid.leaf.serialNumber;
    const early = [get(target), get(target)];
    await server.arrived(1);
    await rotate(source, a, { path: '/client' });
    const after = source.current.svid.leaf.serialNumber;
    const late = [get(target), get(target)];

    for (let count = 1; count <= 4; count += 1) {
      await server.arrived(count);
      for (const { answer } of server.waiting) answer();
    }

    expect(serialOf((await early[0]) ?? '')).toBe(before);
    await expect(early[1]).resolves.toContain('peer=');
    expect((await Promise.all(late)).map(serialOf)).toEqual([after, after]);
    expect(Object.keys(agent.requests)).toEqual([]);
    expect(agent.totalSocketCount).toBeLessThanOrEqual(1);
  });

  it('with maxTotalSockets goes on after more rotations than that', async () => {
    const { a } = await world();
    const { port } = await httpsService(await sourceOf(a));
    const source = await sourceOf(a);
    const agent = agentOf(source, { authorize: authorizeAny(), maxTotalSockets: 2 });
    for (let round = 0; round < 6; round += 1) {
      const answer = get({ agent, host: '127.0.0.1', port });
      await rotate(source, a);
      await expect(answer).resolves.toContain('peer=');
    }
    expect(agent.totalSocketCount).toBeLessThanOrEqual(2);
  });

  it('closes idle connections of the old identity at once', async () => {
    const { a } = await world();
    const server = await rawServer(await a.issue());
    const source = await sourceOf(a);
    const agent = agentOf(source, { authorize: authorizeAny() });
    const free = once(agent, 'free');
    await get({ agent, host: '127.0.0.1', port: server.port });
    await free;
    const idle = Object.values(agent.freeSockets).flat();
    const events = new Events();

    await rotate(source, a);

    expect(idle.map((socket) => socket?.destroyed)).toEqual([true]);
    expect(events.drained).toEqual([{ side: 'client', id: 'spiffe://a.test/workload', reason: 'rotation' }]);
  });

  it('never takes a connection that began under the old identity for one of the new', async () => {
    const { a } = await world();
    const server = await rawServer(await a.issue());
    const source = await sourceOf(a, { path: '/client' });
    const agent = agentOf(source, { authorize: authorizeAny() });
    // Holds the handshake back until the identity has changed.
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = createTcp((inner) => {
      void opened.then(() => {
        const outer = connectTcp(server.port, '127.0.0.1');
        inner
          .on('error', () => {})
          .pipe(outer.on('error', () => {}))
          .pipe(inner);
      });
    });
    const taken = once(slow, 'connection');
    const port = await listen(slow);
    const free = once(agent, 'free');
    const first = get({ agent, host: '127.0.0.1', port });
    await taken;

    await rotate(source, a, { path: '/client' });
    open();
    await expect(first).resolves.toContain('peer=');
    await free;
    await expect(get({ agent, host: '127.0.0.1', port })).resolves.toContain('peer=');

    expect(server.seen.at(-1)?.serial).toBe(source.current.svid.leaf.serialNumber);
    expect(server.seen).toHaveLength(2);
  });

  it('keeps the pools of two sources apart, even where their generations have the same number', async () => {
    const { a } = await world();
    const server = await rawServer(await a.issue());
    const [one, two] = [await sourceOf(a, { path: '/one' }), await sourceOf(a, { path: '/two' })];
    expect(one.current.generation).toBe(two.current.generation);
    // A source that stands for the one, then for the other.
    let now = one;
    const either = { ...firstHealthy([one, two]), onUpdate: () => ({ [Symbol.dispose]: () => {} }) };
    const source = Object.defineProperty(either, 'current', { get: () => now.current });
    const agent = agentOf(source, { authorize: authorizeAny() });
    for (const current of [one, two, one]) {
      now = current;
      const free = once(agent, 'free');
      await get({ agent, host: '127.0.0.1', port: server.port });
      await free;
    }
    expect(server.seen.map(({ client }) => client)).toEqual([
      'URI:spiffe://a.test/one',
      'URI:spiffe://a.test/two',
    ]);
    expect(server.seen[0]?.received.match(/GET/g)).toHaveLength(2);
  });

  it('is refused by a server that does not want us, and says so by an error of the request', async () => {
    const { a } = await world();
    const { port, handled } = await httpsService(await sourceOf(a), {
      authorize: authorizeId('spiffe://a.test/other'),
    });
    const agent = agentOf(await sourceOf(a), { authorize: authorizeAny() });
    for (let round = 0; round < 3; round += 1) {
      await expect(get({ agent, host: '127.0.0.1', port })).rejects.toThrow();
    }
    expect(handled).toEqual([]);
    const welcome = agentOf(await sourceOf(a, { path: '/other' }), { authorize: authorizeAny() });
    await expect(get({ agent: welcome, host: '127.0.0.1', port })).resolves.toContain('peer=');
  });

  it('closed, lets a request in flight finish and drops idle connections', async () => {
    const { a } = await world();
    const server = await holding(await sourceOf(a));
    const agent = agentOf(await sourceOf(a), { authorize: authorizeAny() });
    const target = { agent, host: '127.0.0.1', port: server.port };
    const free = once(agent, 'free');
    const first = get(target);
    await server.arrived(1);
    server.waiting[0]?.answer();
    await first;
    await free;
    const [second, third] = [get(target), get(target)];
    await server.arrived(3);
    const idle = Object.values(agent.freeSockets).flat();

    agent.close();
    for (const { answer } of server.waiting) answer();

    await expect(Promise.all([second, third])).resolves.toHaveLength(2);
    expect(idle.every((socket) => socket?.destroyed)).toBe(true);
    expect(agent).toBeInstanceOf(Agent);
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
    await expect(get(target)).rejects.toThrow();
    await rotate(source, a, { bundles: [both] });
    await expect(get(target)).resolves.toContain('peer=');
    await rotate(source, a, { bundles: [a] });
    await expect(get(target)).rejects.toThrow();
  });
});
