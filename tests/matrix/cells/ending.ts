import { expect } from 'vitest';

import { rotate, sourceOf, world } from '../../../packages/tls/test/fixtures.ts';
import { refusal, untilNobodyListens } from '../failure.ts';
import { type Cell } from './cell.ts';
import { CLIENT, connect, serialOf, serve } from './parties.ts';

/** A server ends in good order: what it works on is answered, and nothing is taken after. */
export const drain: Cell = {
  async run(transport) {
    const { a } = await world();
    const held = Promise.withResolvers<void>();
    let isHeld = false;
    const service = await serve(transport, await sourceOf(a, { path: '/server' }), {
      hold: async () => (isHeld ? held.promise : undefined),
    });
    const client = connect(transport, await sourceOf(a, { path: '/client' }), service.port);
    await client.ask();
    isHeld = true;
    const inFlight = client.ask();
    await Promise.race([service.handled.reach(2), inFlight]);
    expect(service.handled.peers).toHaveLength(2);

    const drained = service.drain();
    held.resolve();

    expect(await inFlight).toMatchObject({ peer: CLIENT });
    expect(await drained).toBe(true);
    await untilNobodyListens(client);
    expect(service.handled.peers).toHaveLength(2);
  },
};

/** A server is gone at once, and comes back with another identity: its client finds it again by itself. */
export const restart: Cell = {
  async run(transport) {
    const { a } = await world();
    const source = await sourceOf(a, { path: '/server' });
    const first = await serve(transport, source);
    const client = connect(transport, await sourceOf(a, { path: '/client' }), first.port);
    expect((await client.ask()).server).toBe(serialOf(source));

    await first.kill();
    await refusal(client);
    await untilNobodyListens(client);
    await rotate(source, a, { path: '/server' });
    const second = await serve(transport, source, { port: first.port });
    await client.ready?.();

    expect((await client.ask()).server).toBe(serialOf(source));
    expect([first, second].map(({ handled }) => handled.peers)).toEqual([[CLIENT], [CLIENT]]);
  },
};
