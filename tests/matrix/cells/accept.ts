import { expect } from 'vitest';

import { sourceOf, world } from '../../../packages/tls/test/fixtures.ts';
import { type Cell } from './cell.ts';
import { CLIENT, connect, serialOf, serve } from './parties.ts';

/** Each end sees who the other one is. */
export const accept: Cell = {
  async run(transport) {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const source = await sourceOf(a, { path: '/client' });
    const { port, handled } = await serve(transport, serverSource);

    expect(await connect(transport, source, port).ask()).toEqual({
      server: serialOf(serverSource),
      client: serialOf(source),
      peer: CLIENT,
    });
    expect(handled.peers).toEqual([CLIENT]);
  },
};
