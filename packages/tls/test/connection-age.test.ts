import { once } from 'node:events';
import { connect as connectHttp2, createSecureServer } from 'node:http2';

import { authorizeAny } from '@svidkit/core';
import {
  createTestCa,
  type ManualClock,
  manualClock,
  type TestCa,
  type TestX509Source,
} from '@svidkit/testkit';
import {
  connectTls,
  createHttp2Client,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  peerOf,
  secureServer,
} from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  Events,
  get,
  httpsService,
  RawClient,
  rotate,
  serve,
  sourceOf,
} from './fixtures.ts';

afterEach(closeAll);

const MINUTE = 60_000;
const AGE = { maxConnectionAgeMs: 10 * MINUTE };
const DEADLINE = { drainDeadlineMs: MINUTE };

/** A trust domain with a clock of its own: SVIDs live for a day of it. */
async function timed(): Promise<{ clock: ManualClock; ca: TestCa; source: TestX509Source }> {
  const clock = manualClock();
  const ca = await createTestCa({ trustDomain: 'a.test', clock });
  return { clock, ca, source: await sourceOf(ca, { lifetimeMs: 24 * 60 * MINUTE }) };
}

const DAY = { lifetimeMs: 24 * 60 * MINUTE };

describe('maxConnectionAgeMs', () => {
  it('HTTP/1: the next answer after it says goodbye, one before it does not', async () => {
    const { clock, ca, source } = await timed();
    const { port } = await httpsService(source, { clock, ...AGE });
    const events = new Events();
    const client = new RawClient(port, await ca.issue(DAY));
    expect(await client.ask()).toContain('peer=');
    clock.advance(10 * MINUTE);
    expect(await client.ask()).toContain('peer=');
    expect(client.received.toString()).not.toMatch(/connection: close/i);
    expect(events.drained).toEqual([]);

    clock.advance(2);

    expect(events.drained).toMatchObject([
      { side: 'server', id: 'spiffe://a.test/workload', reason: 'max-age' },
    ]);
    expect(await client.ask()).toContain('peer=');
    await client.closed;
    expect(client.received.toString()).toMatch(/connection: close/i);
    expect(events.drained).toHaveLength(1);
  });

  it('HTTP/2: the session is told to go, and its streams finish', async () => {
    const { clock, ca, source } = await timed();
    const asked = Promise.withResolvers<{ end(text: string): void }>();
    const { port } = await serve(() =>
      secureServer(
        createSecureServer({}, (_, response) => asked.resolve(response)),
        source,
        { authorize: authorizeAny(), clock, ...AGE },
      ),
    );
    const { certPem: cert, keyPem: key } = await ca.issue(DAY);
    const session = closing(
      connectHttp2(`https://127.0.0.1:${port}`, { cert, key, rejectUnauthorized: false }),
      (one) => one.destroy(),
    );
    const stream = session.request();
    const response = await asked.promise;
    const goaway = once(session, 'goaway');
    clock.advance(10 * MINUTE + 2);
    await goaway;
    response.end('late answer');
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe('late answer');
    await once(session, 'close');
  });

  it('a plain TLS connection lives on to its expiry without a deadline, and ends at one', async () => {
    const { clock, ca, source } = await timed();
    const start = async (options: object): Promise<RawClient> => {
      const { port } = await serve(() =>
        createTlsServer(source, { authorize: authorizeAny(), clock, ...options }, (socket) =>
          socket.on('error', () => {}),
        ),
      );
      const events = new Events();
      const client = new RawClient(port, await ca.issue(DAY));
      await events.until(({ accepted }) => accepted.length === 1);
      return client;
    };
    const without = await start(AGE);
    const within = await start({ ...AGE, ...DEADLINE });
    clock.advance(11 * MINUTE + 3);
    await within.closed;
    expect(without.socket.destroyed).toBe(false);
  });

  it('clients: an agent opens another connection, the busy one finishes', async () => {
    const { clock, ca, source } = await timed();
    const serials = new Set<string>();
    const ports = new Set<number | undefined>();
    const held = Promise.withResolvers<{ end(text: string): void }>();
    const service = await httpsService(source, { clock }, (request, response) => {
      ports.add(request.socket.remotePort);
      serials.add(peerOf(request).certificate.serialNumber);
      if (request.headers['x-hold'] === undefined) response.end('done');
      else held.resolve(response);
    });
    const own = await sourceOf(ca, { ...DAY, path: '/web' });
    const agent = closing(createHttpsAgent(own, { authorize: authorizeAny(), clock, ...AGE }), (one) =>
      one.destroy(),
    );
    const target = { agent, host: '127.0.0.1', port: service.port };
    expect(await get(target)).toBe('done');
    expect(await get(target)).toBe('done');
    expect(ports.size).toBe(1);

    const busy = get({ ...target, headers: { 'x-hold': '1' } });
    const response = await held.promise;
    clock.advance(10 * MINUTE + 2);
    response.end('late');
    expect(await busy).toBe('late');
    expect(await get(target)).toBe('done');

    expect(ports.size).toBe(2);
    expect(serials.size).toBe(1);
    expect(Object.keys(agent.sockets)).toEqual([]);
  });

  it('clients: an HTTP/2 client opens another session', async () => {
    const { clock, ca, source } = await timed();
    const { port } = await serve(() =>
      secureServer(
        createSecureServer({}, (_, response) => void response.end('done')),
        source,
        { authorize: authorizeAny(), clock },
      ),
    );
    const client = closing(
      createHttp2Client(await sourceOf(ca, DAY), `https://127.0.0.1:${port}`, {
        authorize: authorizeAny(),
        clock,
        ...AGE,
      }),
      (one) => one.destroy(),
    );
    const first = await client.session();
    expect(await client.session()).toBe(first);
    clock.advance(10 * MINUTE + 2);
    expect(await client.session()).not.toBe(first);
    expect(first.closed).toBe(true);
  });
});

describe('drainDeadlineMs after a rotation', () => {
  it('HTTP/1: a request that takes too long is cut, one in time is answered', async () => {
    const { clock, ca, source } = await timed();
    const responses: { end(text: string): void }[] = [];
    const waiting: (() => void)[] = [];
    const { port } = await serve(() =>
      createHttpsServer(source, { authorize: authorizeAny(), clock, ...DEADLINE }, (_, response) => {
        responses.push(response);
        if (responses.length === 2) for (const go of waiting) go();
      }),
    );
    const both = new Promise<void>((resolve) => waiting.push(resolve));
    const quick = new RawClient(port, await ca.issue(DAY));
    const slow = new RawClient(port, await ca.issue(DAY));
    const quickly = quick.ask();
    const slowly = slow.ask();
    await both;

    await rotate(source, ca, DAY);
    clock.advance(MINUTE - 1);
    for (const response of responses.slice(0, 1)) response.end('peer=first\n');
    const first = await Promise.race([quickly, slowly]);
    expect(first).toBe('peer=first');
    clock.advance(5);

    expect((await Promise.all([quickly, slowly])).filter((line) => line !== undefined)).toEqual([
      'peer=first',
    ]);
    await Promise.all([quick.closed, slow.closed]);
  });

  it('HTTP/2: a stream that takes too long is cut', async () => {
    const { clock, ca, source } = await timed();
    const asked = Promise.withResolvers<void>();
    const { port } = await serve(() =>
      secureServer(
        createSecureServer({}, () => asked.resolve()),
        source,
        { authorize: authorizeAny(), clock, ...DEADLINE },
      ),
    );
    const { certPem: cert, keyPem: key } = await ca.issue(DAY);
    const session = closing(
      connectHttp2(`https://127.0.0.1:${port}`, { cert, key, rejectUnauthorized: false }),
      (one) => one.destroy(),
    );
    session.on('error', () => {});
    const stream = session.request().on('error', () => {});
    await asked.promise;
    const closed = new Promise((resolve) => stream.once('close', resolve));
    await rotate(source, ca, DAY);
    clock.advance(MINUTE - 1);
    expect(stream.destroyed).toBe(false);
    clock.advance(5);
    await closed;
  });

  it('clients: a connection ends at its deadline, and none without one', async () => {
    const { clock, ca, source } = await timed();
    const { port } = await serve(() =>
      createTlsServer(source, { authorize: authorizeAny(), clock }, (socket) => socket.on('error', () => {})),
    );
    const own = await sourceOf(ca, DAY);
    const options = { host: '127.0.0.1', port, authorize: authorizeAny(), clock };
    const within = closing(await connectTls(own, { ...options, ...DEADLINE }), (one) => one.destroy());
    const without = closing(await connectTls(own, options), (one) => one.destroy());
    const closed = new Promise((resolve) => within.once('close', resolve));
    await rotate(own, ca, DAY);
    clock.advance(MINUTE + 1);
    await closed;
    expect(without.destroyed).toBe(false);
  });
});

it.each([-1, 1.5, Number.NaN, '1'])('%s is no number of milliseconds', async (value) => {
  const { source } = await timed();
  for (const option of ['maxConnectionAgeMs', 'drainDeadlineMs']) {
    expect(() => createHttpsServer(source, { authorize: authorizeAny(), [option]: value })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }) as Error,
    );
  }
});
