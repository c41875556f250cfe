import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type TLSSocket } from 'node:tls';

import { authorizeAny, authorizeId } from '@svidkit/core';
import { createTestCa, manualClock, type TestX509Source } from '@svidkit/testkit';
import { secureServer } from '@svidkit/tls';
import { type BoundFetch } from '@svidkit/undici';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

import { load } from '../../../tests/load.ts';
import {
  closeAll,
  closing,
  describePeer,
  Events,
  expectFailure,
  rawServer,
  rotate,
  SECRET,
  sourceOf,
  world,
} from '../../tls/test/fixtures.ts';
import { valve } from '../../tls/test/valve.ts';
import {
  anyService,
  ClientSockets,
  codeOf,
  dispatcherOf,
  fetchOf,
  holdingService,
  originOf,
  PROTOCOLS,
  serialOf,
} from './fixtures.ts';

afterEach(closeAll);

const ask = async (fetch: BoundFetch, url: string, init?: RequestInit): Promise<string> =>
  (await fetch(url, init)).text();

describe.each(PROTOCOLS)('over %s', (_, allowH2) => {
  it('a request in flight finishes on its old connection, and the next goes over a new one', async () => {
    const { a } = await world();
    const server = await holdingService(await sourceOf(a));
    const source = await sourceOf(a, { path: '/client' });
    const fetch = fetchOf(source, { allowH2 });
    const serials = [source.current.svid.leaf.serialNumber];

    const inFlight = ask(fetch, originOf(server));
    await server.arrived(1);
    await rotate(source, a, { path: '/client' });
    serials.push(source.current.svid.leaf.serialNumber);
    const next = ask(fetch, originOf(server));
    await server.arrived(2);
    server.answerAll();

    expect([serialOf(await inFlight), serialOf(await next)]).toEqual(serials);
  });

  it('one connection is used as long as nothing changes', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const fetch = fetchOf(await sourceOf(a), { allowH2, connections: 1 });
    const events = new Events();

    for (let round = 0; round < 20; round += 1) await ask(fetch, originOf(service));

    expect(events.accepted.filter(({ side }) => side === 'client')).toHaveLength(1);
  });

  it('an idle connection of the old identity is closed at once', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const source = await sourceOf(a);
    const connected = once(service.server, 'secureConnection');
    await ask(fetchOf(source, { allowH2 }), originOf(service));
    const [socket] = (await connected) as [NodeJS.EventEmitter];
    const closed = once(socket, 'close');

    await rotate(source, a);

    expect(await closed).toBeDefined();
  });

  it('no request fails and none shows an old identity over 12 rotations of both ends', async () => {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const clientSource = await sourceOf(a, { path: '/client' });
    const service = await anyService(serverSource, { authorize: authorizeId('spiffe://a.test/client') });
    const fetch = fetchOf(clientSource, { authorize: authorizeId('spiffe://a.test/server'), allowH2 });
    const generations = new Map<string | undefined, number>();
    const current = (): number => {
      const { svid, generation } = clientSource.current;
      generations.set(svid.leaf.serialNumber, generation);
      return generation;
    };
    const stale: unknown[] = [];
    const running = load(8, async () => {
      const atLeast = current();
      const shown = generations.get(
        serialOf(await ask(fetch, originOf(service), { method: 'POST', body: 'x' })),
      );
      if (shown === undefined || shown < atLeast) stale.push([shown, atLeast]);
    });

    for (let round = 0; round < 12; round += 1) {
      const isClient = round % 2 === 0;
      await rotate(isClient ? clientSource : serverSource, a, { path: isClient ? '/client' : '/server' });
      current();
      await running.more(25);
    }

    const { answers, failures } = await running.stop();
    expect(failures).toEqual([]);
    expect(stale).toEqual([]);
    expect(answers).toBeGreaterThanOrEqual(300);
    // Nothing was sent twice.
    expect(service.handled).toHaveLength(answers);
    expect(generations.size).toBe(7);
  });

  it('no request fails while the root of the trust domain is replaced', async () => {
    const first = await createTestCa({ trustDomain: 'a.test' });
    const { next, both } = await first.rotate();
    const sources = [
      await sourceOf(first, { path: '/server' }),
      await sourceOf(first, { path: '/client' }),
    ] as const;
    const service = await anyService(sources[0], { authorize: authorizeId('spiffe://a.test/client') });
    const fetch = fetchOf(sources[1], { authorize: authorizeId('spiffe://a.test/server'), allowH2 });
    const running = load(8, async () => {
      expect(await ask(fetch, originOf(service))).toContain('peer=spiffe://a.test/client ');
    });
    const all = async (change: (source: TestX509Source, path: string) => Promise<void>): Promise<void> => {
      for (const [index, source] of sources.entries()) {
        await change(source, index === 0 ? '/server' : '/client');
        await running.more(40);
      }
    };

    await all(async (source) => {
      const { bundles } = await first.context({ bundles: [both] });
      source.update(source.current.svid, bundles);
    });
    await all((source, path) => rotate(source, next, { path, bundles: [both] }));
    await all(async (source) => {
      const { bundles } = await next.context({ bundles: [next] });
      source.update(source.current.svid, bundles);
    });

    const { answers, failures } = await running.stop();
    expect(failures).toEqual([]);
    expect(answers).toBeGreaterThanOrEqual(240);
    expect(service.handled).toHaveLength(answers);
  });

  it('requests are answered again after a restart of the server', async () => {
    const { a } = await world();
    const start = async (port: number) => {
      const server = secureServer(
        createSecureServer({ allowHTTP1: true }, (asked, response) => response.end(describePeer(asked))),
        await sourceOf(a, { path: '/server' }),
        { authorize: authorizeAny() },
      );
      const sockets: TLSSocket[] = [];
      server.on('secureConnection', (socket: TLSSocket) => sockets.push(socket));
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      const stop = async (): Promise<void> => {
        const closed = new Promise((resolve) => server.close(resolve));
        for (const socket of sockets) socket.destroy();
        await closed;
      };
      return closing({ port: (server.address() as AddressInfo).port, stop }, (one) => one.stop());
    };
    const fetch = fetchOf(await sourceOf(a), { allowH2 });
    const first = await start(0);
    const sockets = new ClientSockets();
    await ask(fetch, originOf(first));
    await first.stop();
    await sockets.gone();
    expect(codeOf(await expectFailure(fetch(originOf(first))))).toBe('ECONNREFUSED');

    await start(first.port);

    expect(await ask(fetch, originOf(first))).toContain('peer=');
  });

  it('a handshake that began before a rotation serves what waited for it, and nothing after', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const source = await sourceOf(a, { path: '/client' });
    const fetch = fetchOf(source, { allowH2 });
    const slow = await valve(service.port);
    const before = source.current.svid.leaf.serialNumber;
    const early = ask(fetch, originOf(slow));
    await slow.taken;

    await rotate(source, a, { path: '/client' });
    const late = ask(fetch, originOf(slow));
    slow.open();

    expect(serialOf(await early)).toBe(before);
    expect(serialOf(await late)).toBe(source.current.svid.leaf.serialNumber);
  });
});

describe('a connection whose server has expired', () => {
  const HOUR = 3_600_000;
  const bodies: [name: string, init: () => RequestInit, sent: string][] = [
    ['no body', () => ({}), 'POST / '],
    ['a text', () => ({ body: 'a text' }), 'a text'],
    ['a stream', () => ({ body: new Blob(['a stream']).stream(), duplex: 'half' }), 'a stream'],
  ];

  it.each(bodies)(
    'carries no request more, however late the timers are: it goes over a new one, with %s',
    async (_, init, sent) => {
      const clock = manualClock();
      const ca = await createTestCa({ trustDomain: 'a.test', clock });
      const source = await sourceOf(ca, { path: '/client', lifetimeMs: 10 * HOUR });
      const server = await rawServer(await ca.issue({ path: '/server', lifetimeMs: HOUR }));
      const fetch = fetchOf(source, { clock, keepAliveTimeout: HOUR });
      await ask(fetch, originOf(server));
      clock.set(clock.now() + HOUR + 1_000); // No timer fires: the idle connection is still in the pool.
      const renewed = await ca.issue({ path: '/server', lifetimeMs: HOUR });
      server.server.setSecureContext({ cert: renewed.certPem, key: renewed.keyPem });

      expect(await ask(fetch, originOf(server), { method: 'POST', ...init() })).toContain('peer=');

      expect(server.seen.map(({ received }) => received.match(/^(?:GET|POST) /gm))).toEqual([
        ['GET '],
        ['POST '],
      ]);
      expect(server.seen[1]?.received).toContain(sent);
    },
  );

  it('leaves a request nowhere to go when the server does not renew', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const source = await sourceOf(ca, { path: '/client', lifetimeMs: 10 * HOUR });
    const server = await rawServer(await ca.issue({ path: '/server', lifetimeMs: HOUR }));
    const fetch = fetchOf(source, { clock, keepAliveTimeout: HOUR });
    await ask(fetch, originOf(server));
    clock.set(clock.now() + HOUR + 1_000);

    expect(codeOf(await expectFailure(fetch(originOf(server), { method: 'POST', body: SECRET })))).toBe(
      'ERR_CHAIN_EXPIRED',
    );
    await fetch.close();
    expect(await server.stolen()).not.toContain(SECRET);
  });

  it('is left before it ends, and so are those that are too old', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const source = await sourceOf(ca, { lifetimeMs: 10 * HOUR });
    const server = await rawServer(await ca.issue({ lifetimeMs: HOUR }));
    const fetch = fetchOf(source, { clock, keepAliveTimeout: HOUR });
    const aging = fetchOf(source, { clock, keepAliveTimeout: HOUR, maxConnectionAgeMs: 1_000 });
    for (const one of [fetch, aging]) await ask(one, originOf(server));

    clock.advance(1_100);
    for (const one of [fetch, aging]) await ask(one, originOf(server));
    expect(server.seen).toHaveLength(3);
    clock.advance(HOUR - 30_000);
    await ask(fetch, originOf(server));
    expect(server.seen).toHaveLength(4);
  });
});

describe('requests that wait for a connection whose authority is removed', () => {
  it('go over a new one, when another authority vouches for the server by then', async () => {
    const old = await createTestCa({ trustDomain: 'a.test' });
    const { next, both } = await old.rotate();
    const serverSource = await sourceOf(old, { path: '/server', bundles: [both] });
    const server = await holdingService(serverSource);
    const source = await sourceOf(next, { path: '/client', bundles: [both] });
    const dispatcher = dispatcherOf(source, { connections: 1 });
    const post = async (body: string | Readable): Promise<string> => {
      const response = await request(originOf(server), { dispatcher, method: 'POST', body });
      return response.body.text();
    };
    const answers = [post('first'), post('second'), post(Readable.from(['thi', 'rd']))];
    await server.arrived(1);

    await rotate(serverSource, next, { path: '/server', bundles: [both] });
    const { bundles } = await next.context({ bundles: [next] });
    source.update(source.current.svid, bundles);
    server.answerAll();
    for (const count of [2, 3]) {
      await server.arrived(count);
      server.answerAll();
    }

    expect(await Promise.all(answers)).toHaveLength(3);
    const [first, ...rest] = server.waiting.map((one) => one.request.socket.remotePort);
    expect(rest).not.toContain(first);
  });
});
