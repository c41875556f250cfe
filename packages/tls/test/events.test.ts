import { createServer as createTcp } from 'node:net';

import { authorizeAny, authorizeId, authorizeMemberOf } from '@svidkit/core';
import { connectTls, peerOf } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  Events,
  expectFailure,
  knock,
  listen,
  rawServer,
  sourceOf,
  tlsService,
  world,
} from './fixtures.ts';

afterEach(closeAll);

describe('events', () => {
  it('each connection is accepted or rejected exactly once, with side, address and reason', async () => {
    const { a, b, rogue } = await world();
    const { port, handled } = await tlsService(await sourceOf(a), { authorize: authorizeMemberOf('a.test') });
    const events = new Events();

    const good = await knock(port, await a.issue({ path: '/good' }));
    expect(good.line).toContain('/good ');
    expect(events.accepted).toEqual([
      {
        side: 'server',
        generation: 1,
        kind: 'spiffe',
        id: 'spiffe://a.test/good',
        group: undefined,
        remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      },
    ]);
    await knock(port, await rogue.issue());
    await knock(port);
    await knock(port, await b.issue());

    expect(events.accepted).toHaveLength(1);
    expect(events.rejected.map(({ side, generation, error }) => [side, generation, error.code])).toEqual([
      ['server', 1, 'ERR_CHAIN_UNTRUSTED'],
      ['server', 1, 'ERR_PEER_NO_CERTIFICATE'],
      ['server', 1, 'ERR_BUNDLE_UNKNOWN'],
    ]);
    for (const { remote } of events.rejected) expect(remote).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(handled).toHaveLength(1);
  });

  it('a handshake that fails below us, or is cut off, is rejected exactly once too', async () => {
    const { a } = await world();
    const { port } = await tlsService(await sourceOf(a));
    const events = new Events();

    await knock(port, await a.issue(), { maxVersion: 'TLSv1.2' });
    await events.until(({ rejected }) => rejected.length > 0);
    expect(events.codes('server')).toEqual(['ERR_PEER_HANDSHAKE']);

    await knock(port, await a.issue());
    expect(events.accepted).toHaveLength(1);
    expect(events.rejected).toHaveLength(1);
  });

  it('a client tells of each server that it turned away exactly once, and of the network nothing', async () => {
    const { a, rogue } = await world();
    const source = await sourceOf(a);
    const garbage = createTcp((socket) => socket.once('data', () => socket.end('no TLS here, sorry')));
    const impostor = await rawServer(await rogue.issue());
    const unwanted = await rawServer(await a.issue({ path: '/other' }));
    const authorize = authorizeId('spiffe://a.test/server');
    const events = new Events();
    const target = { authorize, host: '127.0.0.1' };

    await expectFailure(connectTls(source, { ...target, port: impostor.port }));
    await expectFailure(connectTls(source, { ...target, port: unwanted.port }));
    await expectFailure(connectTls(source, { ...target, port: await listen(garbage) }));
    await expectFailure(connectTls(source, { ...target, port: 1 }));

    expect(events.codes('client')).toEqual([
      'ERR_CHAIN_UNTRUSTED',
      'ERR_PEER_UNAUTHORIZED',
      'ERR_PEER_HANDSHAKE',
    ]);
    expect(events.accepted).toEqual([]);
    expect(events.rejected[0]?.remote).toBe(`127.0.0.1:${impostor.port}`);
  });

  it('accepts and rejections of both sides of one connection are told apart', async () => {
    const { a } = await world();
    const service = await tlsService(await sourceOf(a, { path: '/service' }));
    const source = await sourceOf(a, { path: '/client' });
    const events = new Events();

    const socket = closing(
      await connectTls(source, { authorize: authorizeAny(), host: '127.0.0.1', port: service.port }),
      (open) => open.destroy(),
    );
    await events.until(({ accepted }) => accepted.length === 2);

    expect(events.accepted.map(({ side, id }) => `${side} ${id}`).toSorted()).toEqual([
      'client spiffe://a.test/service',
      'server spiffe://a.test/client',
    ]);
    expect(events.accepted.find(({ side }) => side === 'client')?.remote).toBe(`127.0.0.1:${service.port}`);
    expect(peerOf(socket)).toMatchObject({ role: 'server', generation: 1 });
  });
});
