import { anyOf, authorizeId, authorizeMemberOf } from '@svidkit/core';
import { expect } from 'vitest';

import {
  Events,
  type Identity,
  RawClient,
  sourceOf,
  world,
  type World,
} from '../../../packages/tls/test/fixtures.ts';
import { HOST } from '../host.ts';
import { type Cell } from './cell.ts';
import { CLIENT, serve } from './parties.ts';

/** Who knocks, and who else may come in. */
interface Stranger {
  readonly shows: (world: World) => Promise<Identity | undefined>;
  readonly code: string;
  /** The nearest peer that is let in. Default: the client itself. */
  readonly twin?: (world: World) => Promise<Identity>;
}

const KNOCKS = 10;

/** A client that sends its request behind the handshake, without a care for our rules: it reaches no handler. */
export function badClient({ shows, code, twin }: Stranger): Cell {
  return {
    bad: 'client',
    async run(transport) {
      const all = await world();
      const { a, b } = all;
      const { port, handled } = await serve(
        transport,
        await sourceOf(a, { path: '/server', bundles: [a, b] }),
        { authorize: anyOf(authorizeId(CLIENT), authorizeMemberOf('b.test')) },
      );
      const options = {
        host: HOST,
        send: await transport.opening(),
        ...(transport.alpn === undefined ? {} : { ALPNProtocols: [transport.alpn] }),
      };
      const identity = await shows(all);
      const events = new Events();

      const strangers = Array.from({ length: KNOCKS }, () => new RawClient(port, identity, options));
      await Promise.race([Promise.all(strangers.map(({ closed }) => closed)), handled.reach(1)]);
      expect(handled.peers).toEqual([]);
      expect(events.codes('server')).toEqual(Array.from({ length: KNOCKS }, () => code));
      expect(strangers.map(({ received }) => received.includes('peer='))).not.toContain(true);

      // The same bytes from somebody who may.
      const good = new RawClient(port, await (twin?.(all) ?? a.issue({ path: '/client' })), options);
      await Promise.race([handled.reach(1), good.closed]);
      expect(handled.peers).toHaveLength(1);
      expect(events.rejected).toHaveLength(KNOCKS);
    },
  };
}
