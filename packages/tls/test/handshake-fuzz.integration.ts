import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect as connectTcp, createServer as createTcp, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { authorizeId, type Clock } from '@svidkit/core';
import { manualClock } from '@svidkit/testkit';
import { afterEach, describe, expect, it } from 'vitest';

import {
  CLIENTS,
  closeAll,
  knock,
  listen,
  RawClient,
  rawServer,
  SERVICES,
  sourceOf,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

const ATTEMPTS = 120;

/** Numbers from 0 to 1, the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Spoiling {
  /** After how many bytes in each direction the connection is cut. */
  readonly up: number;
  readonly down: number;
  /** Which byte inside of records is changed on its way up or down, if any. */
  readonly flipUp: number;
  readonly flipDown: number;
  readonly reset: boolean;
}

/** A way to a port that changes and cuts what passes through it, connection by connection as `next` says. */
async function spoiledWay(port: number, next: () => Spoiling): Promise<number> {
  const server = createTcp((inner) => {
    const plan = next();
    const cut = (socket: Socket): unknown => (plan.reset ? socket.resetAndDestroy() : socket.destroy());
    const outer = connectTcp(port, '127.0.0.1');
    const end = (): void => {
      for (const socket of [inner, outer]) if (!socket.destroyed) cut(socket);
    };
    const forward = (from: Socket, to: Socket, limit: number, flip: number): void => {
      let passed = 0;
      const change = flipper(flip);
      from.on('error', end).on('close', end);
      from.on('data', (chunk: Buffer) => {
        change(chunk);
        const rest = limit - passed;
        passed += chunk.length;
        if (!to.destroyed) to.write(chunk.subarray(0, Math.max(0, rest)));
        if (passed >= limit) end();
      });
    };
    forward(inner, outer, plan.up, plan.flipUp);
    forward(outer, inner, plan.down, plan.flipDown);
  });
  return listen(server);
}

/** Changes one byte of a TLS stream. Never the head of a record: a longer one would be waited for without end. */
function flipper(target: number): (chunk: Buffer) => void {
  const head: number[] = [];
  let left = 0;
  let inside = 0;
  return (chunk) => {
    for (const [at, byte] of chunk.entries()) {
      if (left > 0) {
        if (inside === target) chunk[at] = byte ^ 0x41;
        inside += 1;
        left -= 1;
      } else if (head.push(byte) === 5) {
        left = ((head[3] ?? 0) << 8) | (head[4] ?? 0);
        head.length = 0;
      }
    }
  };
}

/** A clock on which time-outs come fifty times sooner: some changed handshakes end by them alone. */
function hastyClock(): Clock & { readonly pending: number } {
  const pending = new Set<NodeJS.Timeout>();
  return {
    now: () => Date.now(),
    setTimer(callback, delayMs) {
      const timeout = setTimeout(
        () => {
          pending.delete(timeout);
          callback();
        },
        Math.min(delayMs / 50, 2 ** 30),
      );
      pending.add(timeout);
      return {
        clear: () => {
          pending.delete(timeout);
          clearTimeout(timeout);
        },
        unref: () => timeout.unref(),
      };
    },
    get pending() {
      return pending.size;
    },
  };
}

function plans(random: () => number): () => Spoiling {
  const upTo = (most: number): number => Math.floor(random() * most);
  return () => {
    const kind = upTo(4);
    return {
      up: kind === 0 ? upTo(2600) : Infinity,
      down: kind === 1 ? upTo(2600) : Infinity,
      flipUp: kind === 2 ? upTo(2600) : -1,
      flipDown: kind === 3 ? upTo(2600) : -1,
      reset: random() < 0.5,
    };
  };
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Waits until no more than `most` descriptors are open: closing takes a few turns of the loop. */
async function descriptorsDownTo(most: number): Promise<number> {
  for (let turn = 0; turn < 5000 && descriptors() > most; turn += 1) await nextTurn();
  return descriptors();
}

/** A TLS record, or what says so. */
const record = (type: number, length: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 1, length >> 8, length & 0xff]), body]);

describe.each(Object.entries(SERVICES))('%s', (_, start) => {
  it(`survives ${ATTEMPTS} handshakes that are cut, changed or reset, keeps nothing of them, and serves after`, async () => {
    const { a } = await world();
    const clock = hastyClock();
    const identity = await a.issue();
    const { server, port, handled } = await start(await sourceOf(a), {
      clock,
      maxHandshakes: 4,
      maxFailuresPerAddress: 0,
    });
    const way = await spoiledWay(port, plans(seeded(7)));
    expect((await knock(port, identity)).line).toContain('peer=');
    const timers = clock.pending;
    const open = descriptors();

    let answered = 0;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = handled.length;
      const { line } = await knock(way, identity);
      if (line !== undefined) answered += 1;
      // Whoever was handled had finished a whole handshake with our honest client's certificate.
      expect(handled.slice(before).every((id) => id === 'spiffe://a.test/workload')).toBe(true);
    }

    expect(answered).toBeLessThan(ATTEMPTS);
    const connections = await new Promise<number>((resolve, reject) => {
      const look = (): void => {
        server.getConnections((error, count) => {
          if (error !== null) reject(error);
          else if (count === 0) resolve(count);
          else setImmediate(look);
        });
      };
      look();
    });
    expect(connections).toBe(0);
    await nextTurn(); // A connection is counted out before its 'close'.
    // No handshake is taken to be in flight: neither its timer nor its place is kept.
    expect(clock.pending).toBe(timers);
    expect(await descriptorsDownTo(open)).toBeLessThanOrEqual(open);
    expect((await knock(port, identity)).line).toContain('peer=');
  });

  it('survives garbage, plain HTTP and silence, and serves after', async () => {
    const { a } = await world();
    // A minute ahead: what is issued by the clock of this machine meanwhile is valid on it.
    const clock = manualClock(Date.now() + 60_000);
    const { server, port, handled } = await start(await sourceOf(a), {
      clock,
      maxHandshakes: 4,
      maxFailuresPerAddress: 0,
    });
    const random = seeded(11);
    const bytes = (length: number): Buffer =>
      Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
    const openings: readonly Buffer[] = [
      Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'),
      Buffer.alloc(20_000, 0x16),
      record(0x16, 0xffff, bytes(100)),
      record(0x16, 4, Buffer.from([1, 0, 0, 0])),
      record(0x16, 0, Buffer.alloc(0)),
      record(0x17, 32, bytes(32)),
      record(0x15, 2, Buffer.from([2, 40])),
      record(0x14, 1, Buffer.from([1])),
      ...Array.from({ length: 20 }, () => bytes(1 + Math.floor(random() * 600))),
      ...Array.from({ length: 10 }, () =>
        record(0x16, 300, Buffer.concat([Buffer.from([1, 0, 1, 40]), bytes(296)])),
      ),
    ];
    for (const [index, opening] of openings.entries()) {
      const taken = once(server, 'connection');
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      const closed = new Promise((resolve) => {
        socket.once('close', resolve);
      });
      await taken;
      socket.write(opening);
      if (index % 3 === 0) socket.end();
      else if (index % 3 === 1) socket.resetAndDestroy();
      // The last third waits: the server drops it, at the latest by its time-out.
      else clock.advance(10_000);
      await closed;
    }
    expect(handled).toEqual([]);
    expect((await knock(port, await a.issue())).line).toContain('peer=');
  });
});

describe.each(Object.entries(CLIENTS))('%s', (_, call) => {
  it(`survives ${ATTEMPTS} servers that are cut, changed or reset, and speaks to an honest one after`, async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const honest = await rawServer(await a.issue({ path: '/server' }), { handshakeTimeout: 300 });
    const way = await spoiledWay(honest.port, plans(seeded(13)));
    const authorize = authorizeId('spiffe://a.test/server');
    const open = descriptors();

    let failed = 0;
    const answers: string[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const outcome: unknown = await call(source, authorize, { port: way }).catch((error: unknown) => error);
      if (outcome instanceof Error) failed += 1;
      else answers.push(String(outcome));
    }
    expect(answers.every((answer) => answer.includes('peer='))).toBe(true);

    expect(failed).toBeGreaterThan(0);
    await expect(call(source, authorize, honest)).resolves.toContain('peer=');
    expect(await descriptorsDownTo(open)).toBeLessThanOrEqual(open);
  });

  it('survives servers that speak something else, and sends them nothing of the application', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const authorize = authorizeId('spiffe://a.test/server');
    const answers: readonly ((socket: Socket) => unknown)[] = [
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      (socket) => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 40])),
      (socket) => socket.end(Buffer.alloc(5000, 0x16)),
      (socket) => socket.end(),
      (socket) => socket.resetAndDestroy(),
      (socket) => socket.destroy(),
      (socket) => socket.once('data', (hello: Buffer) => socket.end(hello)),
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
    ];
    for (const answer of answers) {
      let heard = '';
      const server = createTcp((socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
          heard += chunk.toString('latin1');
        });
        answer(socket);
      });
      await expectFailure(call(source, authorize, { port: await listen(server) }));
      expect(heard).not.toContain('GET');
    }
    const refused = await closedPort();
    await expect(call(source, authorize, { port: refused })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('a server of ours', () => {
  it('whose clients vanish in the middle of requests goes on', async () => {
    const { a } = await world();
    for (const start of Object.values(SERVICES)) {
      const { port } = await start(await sourceOf(a));
      for (let round = 0; round < 5; round += 1) {
        const socket = connectTcp(port, '127.0.0.1');
        const client = new RawClient(0, await a.issue(), { socket });
        expect(await client.ask()).toContain('peer=');
        client.socket.write('GET / HTTP/1.1\r\nHost: l');
        socket.resetAndDestroy();
        await client.closed;
      }
      expect((await knock(port, await a.issue())).line).toContain('peer=');
    }
  });
});

async function closedPort(): Promise<number> {
  const server = createTcp();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
