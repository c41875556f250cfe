import { type Authorizer, authorizeId, authorizeMemberOf } from '@svidkit/core';
import { expect } from 'vitest';

import { Events, type Identity, sourceOf, world, type World } from '../../../packages/tls/test/fixtures.ts';
import { refusal, tell } from '../failure.ts';
import { trap } from '../trap.ts';
import { type Cell } from './cell.ts';
import { connect, SERVER } from './parties.ts';

/** Who answers, and who may. */
interface Impostor {
  readonly shows: (world: World) => Promise<Identity | undefined>;
  readonly code: string;
  /** What it is called where OpenSSL judges. Default: `code`, since it lets ours judge that. */
  readonly openssl?: RegExp;
  /** The nearest server that is spoken to, and by what rule. Default: the server itself. */
  readonly twin?: Twin;
}

interface Twin {
  readonly shows: (world: World) => Promise<Identity>;
  readonly authorize: Authorizer;
}

const ITSELF: Twin = {
  shows: ({ a }) => a.issue({ path: '/server' }),
  authorize: authorizeId(SERVER),
};

/** A server that takes everybody and keeps what it is sent: it gets not one byte. */
export function badServer({ shows, code, openssl, twin = ITSELF }: Impostor): Cell {
  return {
    bad: 'server',
    async run(transport) {
      const all = await world();
      const source = await sourceOf(all.a, { path: '/client', bundles: [all.a, all.b] });
      const impostor = await trap(await shows(all), transport.alpn);
      const client = connect(transport, source, impostor.port);
      const events = new Events();

      const failure = await Promise.race([refusal(client), impostor.bitten]);
      client.close();
      expect(await impostor.stolen()).toBe(0);
      const byOpenssl = transport.judge === 'openssl' ? openssl : undefined;
      expect(tell(failure)).toMatch(byOpenssl ?? new RegExp(`\\b${code}\\b`));
      if (byOpenssl === undefined) expect(new Set(events.codes('client'))).toEqual(new Set([code]));

      const good = await trap(await twin.shows(all), transport.alpn);
      const other = connect(transport, source, good.port, twin.authorize);
      const asked = other.ask().catch(() => {});
      await Promise.race([good.bitten, asked]);
      other.close();
      await asked;
      expect(await good.stolen()).toBeGreaterThan(0);
    },
  };
}

/** What a federated trust domain may do: speak for itself. */
export const FEDERATED: Twin = {
  shows: ({ b }) => b.issue({ path: '/server' }),
  authorize: authorizeMemberOf('b.test'),
};

/** How OpenSSL calls a chain that leads nowhere. */
export const NOWHERE: RegExp = /UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT_LOCALLY)/;
