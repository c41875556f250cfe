import { once } from 'node:events';
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { authorizeAny, authorizeId, firstHealthy } from '@svidkit/core';
import { type TestX509Source } from '@svidkit/testkit';
import { createHttpsAgent, type HttpsAgent, peerOf } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  describePeer,
  Events,
  get,
  httpsService,
  rawServer,
  rotate,
  sourceOf,
  world,
  expectFailure,
} from './fixtures.ts';
import { valve } from './valve.ts';

afterEach(closeAll);

function agentOf(...args: Parameters<typeof createHttpsAgent>): HttpsAgent {
  return closing(createHttpsAgent(...args), (agent) => agent.destroy());
}

/** Its own count, which the types of Node.js leave out. */
const totalOf = (agent: HttpsAgent): unknown => Reflect.get(agent, 'totalSocketCount');

const serialOf = (answer: string): string | undefined => /serial=(\w+)/.exec(answer)?.[1];

/** A service whose answers wait until they are let go. */
async function holding(source: TestX509Source) {
  const waiting: { readonly request: IncomingMessage; readonly answer: () => unknown }[] = [];
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

describe('an agent', () => {
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

  it('lets peerOf tell who answered, by the request and by the response', async () => {
    const { a } = await world();
    const { port } = await httpsService(await sourceOf(a, { path: '/server' }));
    const agent = agentOf(await sourceOf(a), { authorize: authorizeAny() });
    const request = httpsRequest({ agent, host: '127.0.0.1', port });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    for (const holder of [request, response, response.socket]) {
      expect(peerOf(holder)).toMatchObject({ role: 'server' });
      expect(peerOf(holder).id.toString()).toBe('spiffe://a.test/server');
    }
    response.resume();
    await once(response, 'end');
  });

  it('asked by others for the name of a pool, pins nothing to the options they asked about', async () => {
    const { a } = await world();
    const [one, two] = [await rawServer(await a.issue()), await rawServer(await a.issue())];
    const source = await sourceOf(a);
    const agent = agentOf(source, { authorize: authorizeAny() });
    const options = { agent, host: '127.0.0.1', port: one.port };
    const name = agent.getName(options);

    const free = once(agent, 'free');
    await get(options);
    await free;
    await get({ ...options, port: two.port });
    expect([one.seen.length, two.seen.length]).toEqual([1, 1]);
    expect(agent.getName({ ...options, port: two.port })).not.toBe(name);

    await rotate(source, a);
    expect(agent.getName(options)).not.toBe(name);
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
    expect(totalOf(agent)).toBeLessThanOrEqual(1);
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
    expect(totalOf(agent)).toBeLessThanOrEqual(2);
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
    const slow = await valve(server.port);
    const free = once(agent, 'free');
    const first = get({ agent, host: '127.0.0.1', port: slow.port });
    await slow.taken;

    await rotate(source, a, { path: '/client' });
    slow.open();
    await expect(first).resolves.toContain('peer=');
    await free;
    await expect(get({ agent, host: '127.0.0.1', port: slow.port })).resolves.toContain('peer=');

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
      await expectFailure(get({ agent, host: '127.0.0.1', port }));
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
