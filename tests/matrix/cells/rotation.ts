import { createTestCa } from '@svidkit/testkit';
import { expect } from 'vitest';

import { Events, RawClient, rotate, sourceOf, world } from '../../../packages/tls/test/fixtures.ts';
import { HOST } from '../host.ts';
import { Load } from '../load.ts';
import { type Answer } from '../transport.ts';
import { type Cell } from './cell.ts';
import { CLIENT, connect, serialOf, serve } from './parties.ts';

const ROUNDS = 4;
/** Answers to wait for after each step; there are eight askers. */
const SOME = 24;

/** Both ends are renewed again and again while they are busy: nothing fails, and each SVID is seen at the other end. */
export const rotationUnderLoad: Cell = {
  rotations: ROUNDS,
  async run(transport) {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const source = await sourceOf(a, { path: '/client' });
    const { port, handled } = await serve(transport, serverSource);
    const client = connect(transport, source, port);
    const conversation = await client.converse?.();
    const said = await conversation?.say();
    const events = new Events();
    const load = new Load(client, source);
    await load.more(SOME);

    for (let round = 0; round < ROUNDS; round += 1) {
      await rotate(serverSource, a, { path: '/server' });
      const newcomer = connect(transport, source, port);
      expect((await newcomer.ask()).server).toBe(serialOf(serverSource));
      newcomer.close();
      await rotate(source, a, { path: '/client' });
      const isNew = ({ server, client: shown }: Answer): boolean =>
        server === serialOf(serverSource) && shown === serialOf(source);
      await load.more(SOME, isNew);
      // What began under an identity goes on under it.
      expect(await conversation?.say()).toEqual(said);
    }

    // Requests begin in the very turn of a rotation, too: each time the identities change a little later in it.
    for (const later of [0, 1, 2, 3, 5, 8, 13]) {
      const [forServer, forClient] = [
        await a.context({ path: '/server' }),
        await a.context({ path: '/client' }),
      ];
      const asked = Array.from({ length: 8 }, () => client.ask());
      for (let turn = 0; turn < later; turn += 1) await Promise.resolve();
      source.update(forClient.svid, forClient.bundles);
      serverSource.update(forServer.svid, forServer.bundles);
      expect((await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected')).toEqual([]);
    }

    await load.stop();
    conversation?.end();
    expect(load.failures).toEqual([]);
    expect(load.answers).toBeGreaterThanOrEqual((ROUNDS + 1) * SOME);
    expect(new Set(handled.peers)).toEqual(new Set([CLIENT]));
    expect(events.rejected).toEqual([]);
  },
};

/** The root of the trust domain is replaced while both ends are busy: nothing fails, and the old one is out. */
export const rootRotationUnderLoad: Cell = {
  rotations: 1,
  async run(transport) {
    const first = await createTestCa({ trustDomain: 'a.test' });
    const { next, both } = await first.rotate();
    const serverSource = await sourceOf(first, { path: '/server' });
    const source = await sourceOf(first, { path: '/client' });
    const { port, handled } = await serve(transport, serverSource);
    const load = new Load(connect(transport, source, port), source);
    const ends = [
      [serverSource, '/server'],
      [source, '/client'],
    ] as const;
    await load.more(SOME);

    for (const [end] of ends) {
      end.update(end.current.svid, (await first.context({ bundles: [both] })).bundles);
      await load.more(SOME);
    }
    for (const [end, path] of ends) {
      await rotate(end, next, { path, bundles: [both] });
      await load.more(SOME);
    }
    // By now nothing rests on the old root: a renewed client has opened new connections to the renewed server.
    for (const [end] of ends) {
      end.update(end.current.svid, (await next.context({ bundles: [next] })).bundles);
      await load.more(
        SOME,
        ({ server, client }) => server === serialOf(serverSource) && client === serialOf(source),
      );
    }

    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.answers).toBeGreaterThanOrEqual(7 * SOME);
    await expectOldRootIsOut(transport, port, first, next, handled);
  },
};

async function expectOldRootIsOut(
  transport: Parameters<Cell['run']>[0],
  port: number,
  ...[first, next, handled]: readonly [
    Awaited<ReturnType<typeof createTestCa>>,
    Awaited<ReturnType<typeof createTestCa>>,
    Awaited<ReturnType<typeof serve>>['handled'],
  ]
): Promise<void> {
  const before = handled.peers.length;
  const options = {
    host: HOST,
    send: await transport.opening(),
    ...(transport.alpn === undefined ? {} : { ALPNProtocols: [transport.alpn] }),
  };
  const old = new RawClient(port, await first.issue({ path: '/client' }), options);
  await Promise.race([old.closed, handled.reach(before + 1)]);
  expect(handled.peers).toHaveLength(before);
  const renewed = new RawClient(port, await next.issue({ path: '/client' }), options);
  await Promise.race([renewed.closed, handled.reach(before + 1)]);
  expect(handled.peers).toHaveLength(before + 1);
}
