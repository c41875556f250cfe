import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcp } from 'node:net';
import { duplexPair } from 'node:stream';
import { type ConnectionOptions, type Server } from 'node:tls';

import { authorizeAny } from '@svidkit/core';
import { type ManualClock, manualClock } from '@svidkit/testkit';
import { connectTls, createHttpsAgent } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  Events,
  get,
  type Identity,
  knock,
  listen,
  RawClient,
  rawServer,
  sourceOf,
  tlsService,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

/** Stands still, a minute ahead: what is issued by the clock of this machine meanwhile is valid on it. */
const frozenClock = (): ManualClock => manualClock(Date.now() + 60_000);

/** A TCP client that says nothing. Resolves when the server has taken it. */
async function stall(server: Server, port: number) {
  const taken = new Promise((resolve) => {
    server.once('connection', resolve);
  });
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  closing(socket, (open) => open.destroy());
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  socket.resume();
  await taken;
  return { socket, closed };
}

describe('handshake time-out', () => {
  it('a client that stalls is dropped after ten seconds, and not before', async () => {
    const { a } = await world();
    const clock = frozenClock();
    const { server, port, handled } = await tlsService(await sourceOf(a), { clock });
    const { socket, closed } = await stall(server, port);
    const events = new Events();

    clock.advance(9_999);
    expect((await knock(port, await a.issue())).line).toContain('peer=');
    expect(socket.destroyed).toBe(false);
    clock.advance(1);
    await closed;

    expect(events.codes('server')).toEqual(['ERR_PEER_HANDSHAKE_TIMEOUT']);
    expect(handled).toHaveLength(1);
  });

  it('a client that stalls in the middle of its handshake is dropped too', async () => {
    const { a } = await world();
    const clock = frozenClock();
    const { server, port } = await tlsService(await sourceOf(a), { clock, handshakeTimeoutMs: 3_000 });
    const { socket, closed } = await stall(server, port);
    const events = new Events();
    // The first half of a record of a ClientHello.
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc]));
    expect((await knock(port, await a.issue())).line).toContain('peer=');

    clock.advance(3_000);
    await closed;

    expect(events.codes('server')).toEqual(['ERR_PEER_HANDSHAKE_TIMEOUT']);
  });

  it('each of several has its own time, also after the clock of the machine was set back', async () => {
    const { a } = await world();
    const clock = frozenClock();
    const { server, port } = await tlsService(await sourceOf(a), { clock });
    const first = await stall(server, port);
    clock.advance(4_000);
    const second = await stall(server, port);
    clock.advance(5_000);
    const third = await stall(server, port);

    clock.advance(1_000);
    await first.closed;
    expect(second.socket.destroyed).toBe(false);

    clock.advance(4_000);
    await second.closed;
    expect(third.socket.destroyed).toBe(false);

    clock.set(clock.now() - 3_600_000);
    clock.advance(5_000);
    await third.closed;
  });

  it('an admitted connection has no time-out', async () => {
    const { a } = await world();
    const clock = frozenClock();
    const { port } = await tlsService(await sourceOf(a), { clock });
    const client = new RawClient(port, await a.issue());
    expect(await client.ask()).toContain('peer=');

    clock.advance(60_000);
    expect(await client.ask()).toContain('peer=');
  });

  it('clients give up on a server that stalls', async () => {
    const { a } = await world();
    const clock = frozenClock();
    const source = await sourceOf(a);
    const silent = createTcp((socket) => socket.resume());
    const port = await listen(silent);
    const agent = closing(
      createHttpsAgent(source, { authorize: authorizeAny(), clock, handshakeTimeoutMs: 5_000 }),
      (one) => one.destroy(),
    );
    const timedOut = { code: 'ERR_PEER_HANDSHAKE_TIMEOUT' };

    const taken = once(silent, 'connection');
    const connecting = expectFailure(
      connectTls(source, { authorize: authorizeAny(), clock, host: '127.0.0.1', port }),
    );
    await taken;
    clock.advance(10_000);
    expect(await connecting).toMatchObject(timedOut);

    const takenAgain = once(silent, 'connection');
    const requesting = expectFailure(get({ agent, host: '127.0.0.1', port }));
    await takenAgain;
    clock.advance(5_000);
    expect(await requesting).toMatchObject(timedOut);
    expect(clock.pending).toBe(0);
  });

  it('an AbortSignal ends connecting with its reason, before and during', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const silent = createTcp((socket) => socket.resume());
    const port = await listen(silent);
    const reason = new Error('changed my mind');
    const target = { authorize: authorizeAny(), host: '127.0.0.1', port };

    await expect(connectTls(source, { ...target, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const taken = once(silent, 'connection');
    const connecting = expectFailure(connectTls(source, { ...target, signal: controller.signal }));
    await taken;
    controller.abort(reason);
    expect(await connecting).toBe(reason);

    const server = await rawServer(await a.issue());
    const later = new AbortController();
    const socket = await connectTls(source, { ...target, port: server.port, signal: later.signal });
    later.abort(reason);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });
});

describe('handshakes in flight', () => {
  it('are bounded: one too many is dropped, and there is room again when one ends', async () => {
    const { a } = await world();
    const clock = frozenClock();
    const { server, port } = await tlsService(await sourceOf(a), { clock, maxHandshakes: 2 });
    const first = await stall(server, port);
    const second = await stall(server, port);
    const events = new Events();

    expect((await knock(port, await a.issue())).line).toBeUndefined();
    expect(events.codes('server')).toEqual(['ERR_PEER_LIMIT']);

    const gone = new Promise((resolve) => {
      server.once('tlsClientError', resolve);
    });
    first.socket.destroy();
    await gone;
    expect((await knock(port, await a.issue())).line).toContain('peer=');
    clock.advance(10_000);
    await second.closed;
    expect((await knock(port, await a.issue())).line).toContain('peer=');
  });

  it('do not count what was admitted', async () => {
    const { a } = await world();
    const { port } = await tlsService(await sourceOf(a), { maxHandshakes: 1 });
    const identity = await a.issue();
    for (let round = 0; round < 5; round += 1) {
      const client = new RawClient(port, identity);
      expect(await client.ask()).toContain('peer=');
    }
  });

  it('0 disables the bound', async () => {
    const { a } = await world();
    const { server, port } = await tlsService(await sourceOf(a), { maxHandshakes: 0 });
    for (let round = 0; round < 5; round += 1) await stall(server, port);
    expect((await knock(port, await a.issue())).line).toContain('peer=');
  });
});

describe('failures per address', () => {
  it('shut an address out, leave others alone, and are earned back', async () => {
    const { a, rogue } = await world();
    const clock = frozenClock();
    const { port } = await tlsService(await sourceOf(a), { clock, maxFailuresPerAddress: 3 });
    const events = new Events();
    const [good, bad] = [await a.issue(), await rogue.issue()];

    for (let round = 0; round < 3; round += 1) await knock(port, bad);
    expect((await knock(port, good)).line).toBeUndefined();
    expect(events.codes('server')).toEqual([
      ...Array<string>(3).fill('ERR_CHAIN_UNTRUSTED'),
      'ERR_PEER_LIMIT',
    ]);
    expect(events.rejected.at(-1)?.error.message).toContain('127.0.0.1');

    expect((await knock(port, good, { localAddress: '127.0.0.2' } as ConnectionOptions)).line).toContain(
      'peer=',
    );
    clock.advance(100);
    expect((await knock(port, good)).line).toContain('peer=');
  });

  const failing: Record<string, (port: number, server: Server, clock: ManualClock) => Promise<unknown>> = {
    'another version of TLS': async (port) =>
      knock(port, await (await world()).a.issue(), { maxVersion: 'TLSv1.2' }),
    'no TLS at all': async (port, server) => {
      const { socket, closed } = await stall(server, port);
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await closed;
    },
    'a stalled handshake': async (port, server, clock) => {
      const { closed } = await stall(server, port);
      clock.advance(10_000);
      await closed;
    },
    'a handshake that is cut off': async (port, server) => {
      const { socket } = await stall(server, port);
      const noticed = once(server, 'tlsClientError');
      socket.destroy();
      await noticed;
    },
    'a handshake that is reset': async (port, server) => {
      const { socket } = await stall(server, port);
      const noticed = once(server, 'tlsClientError');
      socket.resetAndDestroy();
      await noticed;
    },
  };

  it.each(Object.entries(failing))('count %s, and tell of it once', async (_, fail) => {
    const { a } = await world();
    const clock = frozenClock();
    const identity = await a.issue();
    const { server, port } = await tlsService(await sourceOf(a), { clock, maxFailuresPerAddress: 1 });
    const events = new Events();
    expect((await knock(port, identity)).line).toContain('peer=');

    await fail(port, server, clock);

    expect(events.rejected.map(({ error }) => error.code)).toEqual([
      expect.stringMatching(/^ERR_PEER_HANDSHAKE/),
    ]);
    expect((await knock(port, identity)).line).toBeUndefined();
    expect(events.codes('server').at(-1)).toBe('ERR_PEER_LIMIT');
  });

  it('0 disables the count', async () => {
    const { a, rogue } = await world();
    const { port } = await tlsService(await sourceOf(a), { maxFailuresPerAddress: 0, clock: frozenClock() });
    const bad = await rogue.issue();
    for (let round = 0; round < 20; round += 1) await knock(port, bad);
    expect((await knock(port, await a.issue())).line).toContain('peer=');
  });
});

describe('chains that are too long', () => {
  it('are refused, and shorter ones are not', async () => {
    const { a } = await world();
    const { port } = await tlsService(await sourceOf(a));
    const events = new Events();
    const behind = async (depth: number): Promise<Identity> => {
      let issuer = a;
      for (let level = 0; level < depth; level += 1) issuer = await issuer.intermediate();
      return issuer.issue();
    };
    expect((await knock(port, await behind(3))).line).toContain('peer=');
    expect((await knock(port, await behind(12))).line).toBeUndefined();
    expect(events.codes('server')).toEqual(['ERR_CHAIN_TOO_LONG']);
  });
});

describe('connections that the application hands in', () => {
  it('go through the same gate', async () => {
    const { a, rogue } = await world();
    const { server, handled } = await tlsService(await sourceOf(a));
    const through = async (identity: Identity): Promise<string | undefined> => {
      const [ours, theirs] = duplexPair();
      // A pair of streams does not pass on that one of them was destroyed.
      ours.once('close', () => theirs.destroy());
      server.emit('connection', ours);
      const client = new RawClient(0, identity, { socket: theirs });
      return client.ask('Connection: close\r\n');
    };

    expect(await through(await rogue.issue())).toBeUndefined();
    expect(await through(await a.issue())).toContain('peer=');
    expect(handled).toHaveLength(1);
  });
});
