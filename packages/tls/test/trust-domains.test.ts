import { authorizeAny, authorizeId, authorizeMemberOf, authorizeOneOf } from '@svidkit/core';
import { createTestCa, type LeafDefect } from '@svidkit/testkit';
import { afterEach, describe, expect, it } from 'vitest';

import {
  CLIENTS,
  closeAll,
  Events,
  type Identity,
  knock,
  rawServer,
  SECRET,
  SERVICES,
  sourceOf,
  tlsService,
  withChain,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

interface Trap {
  readonly name: string;
  /** What is wrong, and what the same chain is like when nothing is. */
  readonly make: () => Promise<{ readonly bad: Identity; readonly good: Identity }>;
}

const TRAPS: readonly Trap[] = [
  {
    name: 'merged bundles (a leaf of a.test, signed by the federated root of b.test)',
    make: async () => {
      const { a, b } = await world();
      return { bad: await b.issue({ id: 'spiffe://a.test/admin' }), good: await a.issue({ path: '/admin' }) };
    },
  },
  {
    name: 'merged bundles (the same behind an intermediate of b.test)',
    make: async () => {
      const { a, b } = await world();
      const [intermediateOfA, intermediateOfB] = await Promise.all([a.intermediate(), b.intermediate()]);
      return {
        bad: await intermediateOfB.issue({ id: 'spiffe://a.test/admin' }),
        good: await intermediateOfA.issue({ path: '/admin' }),
      };
    },
  },
  {
    name: 'spoofed displayed root (leaf, forged expired decoy, real intermediate of b.test)',
    make: async () => {
      const { a, b } = await world();
      const real = await b.intermediate();
      const decoy = await a.crossSign(real, { defects: ['expired', 'bad-signature'] });
      const leaf = await real.issue({ id: 'spiffe://a.test/admin' });
      const honest = await a.intermediate();
      return {
        bad: withChain(leaf, decoy.der, real.der),
        good: withChain(await honest.issue({ path: '/admin' }), honest.der),
      };
    },
  },
  {
    name: 'cross-signed intermediate (the copy by a.test expired, the copy by b.test valid)',
    make: async () => {
      const { a, b } = await world();
      const copyOfB = await b.intermediate();
      const expired = await a.crossSign(copyOfB, { defects: ['expired'] });
      const valid = await a.crossSign(copyOfB);
      const leaf = await copyOfB.issue({ id: 'spiffe://a.test/admin' });
      return {
        bad: withChain(leaf, expired.der, copyOfB.der),
        good: withChain(leaf, valid.der, copyOfB.der),
      };
    },
  },
  {
    name: 'cross-signed intermediate (only the copy by b.test is sent)',
    make: async () => {
      const { a, b } = await world();
      const copyOfB = await b.intermediate();
      const copyOfA = await a.crossSign(copyOfB);
      const leaf = await copyOfB.issue({ id: 'spiffe://a.test/admin' });
      return { bad: withChain(leaf, copyOfB.der), good: withChain(leaf, copyOfA.der) };
    },
  },
  {
    name: 'an SVID signs an SVID',
    make: async () => {
      const { a } = await world();
      const workload = await a.intermediate({
        id: 'spiffe://a.test/workload',
        defects: ['not-ca', 'no-key-cert-sign'],
      });
      const authority = await a.intermediate();
      return {
        bad: await workload.issue({ path: '/admin' }),
        good: await authority.issue({ path: '/admin' }),
      };
    },
  },
  {
    name: 'a root that is in no bundle',
    make: async () => {
      const { a, rogue } = await world();
      return { bad: await rogue.issue({ path: '/admin' }), good: await a.issue({ path: '/admin' }) };
    },
  },
  {
    name: 'the root of another trust domain that nobody is federated with',
    make: async () => {
      const { a } = await world();
      const c = await createTestCa({ trustDomain: 'c.test' });
      return { bad: await c.issue({ path: '/admin' }), good: await a.issue({ path: '/admin' }) };
    },
  },
  ...(
    [
      'expired',
      'not-yet-valid',
      'leaf-is-ca',
      'leaf-key-cert-sign',
      'leaf-no-key-usage',
      'two-uri-sans',
      'no-uri-san',
    ] as const
  ).map((defect: LeafDefect) => ({
    name: `leaf profile (${defect})`,
    make: async () => {
      const { a } = await world();
      return {
        bad: await a.issue({ path: '/admin', defects: [defect] }),
        good: await a.issue({ path: '/admin' }),
      };
    },
  })),
];

describe.each(TRAPS)('trap: $name', ({ make }) => {
  it.each(Object.entries(SERVICES))('%s rejects it, and accepts its honest twin', async (_, start) => {
    const { a, b } = await world();
    const { bad, good } = await make();
    const { port, handled } = await start(await sourceOf(a, { bundles: [b, a] }));
    const events = new Events();

    const attack = await knock(port, bad);

    expect(attack.secured).toBe(true);
    expect(attack.line).toBeUndefined();
    expect(handled).toEqual([]);
    expect(events.codes('server')).toEqual([expect.stringMatching(/^ERR_(CHAIN|BUNDLE)_/)]);

    expect((await knock(port, good)).line).toContain('peer=spiffe://a.test/admin ');
    expect(handled).toEqual(['spiffe://a.test/admin']);
  });

  it.each(Object.entries(CLIENTS))('%s sends it nothing, and speaks to its honest twin', async (_, call) => {
    const { a, b } = await world();
    const { bad, good } = await make();
    const source = await sourceOf(a, { bundles: [b, a] });
    const attacker = await rawServer(bad);
    const honest = await rawServer(good);
    const authorize = authorizeMemberOf('a.test');
    const events = new Events();

    await expectFailure(call(source, authorize, { port: attacker.port }));
    expect(await attacker.stolen()).toBe('');
    expect(events.accepted).toEqual([]);

    await expect(call(source, authorize, { port: honest.port })).resolves.toContain('peer=');
    expect(honest.seen[0]?.received).toContain(SECRET);
  });
});

const hostileWorld = async () => {
  const { a } = await world();
  const hostile = await createTestCa({
    trustDomain: 'b.test',
    defects: ['copied-subject', 'copied-skid'],
    copyFrom: a,
  });
  return { a, hostile };
};

describe('trap: a hostile federated root copies subject and key identifier of ours', () => {
  it.each([0, 1])(
    'does not lock honest clients out, and lets none of its own in (order %i)',
    async (order) => {
      const { a, hostile } = await hostileWorld();
      const bundles = order === 0 ? [hostile, a] : [a, hostile];
      const { port, handled } = await tlsService(await sourceOf(a, { bundles }));

      expect((await knock(port, await a.issue({ path: '/honest' }))).line).toContain(
        'peer=spiffe://a.test/honest ',
      );
      expect((await knock(port, await hostile.issue({ id: 'spiffe://a.test/forged' }))).line).toBeUndefined();
      expect((await knock(port, await hostile.issue({ path: '/own' }))).line).toContain(
        'peer=spiffe://b.test/own ',
      );
      expect(handled).toEqual(['spiffe://a.test/honest', 'spiffe://b.test/own']);
    },
  );

  it.each(Object.entries(CLIENTS))('does not lock %s out of honest servers', async (_, call) => {
    const { a, hostile } = await hostileWorld();
    const source = await sourceOf(a, { bundles: [hostile, a] });
    const honest = await rawServer(await a.issue());
    const forged = await rawServer(await hostile.issue({ id: 'spiffe://a.test/workload' }));
    const authorize = authorizeMemberOf('a.test');

    await expect(call(source, authorize, honest)).resolves.toContain('peer=');
    await expectFailure(call(source, authorize, forged));
    expect(await forged.stolen()).toBe('');
  });
});

const behindTwo = async () => {
  const { a } = await world();
  return (await (await a.intermediate()).intermediate()).issue({ path: '/deep' });
};

describe('trap N2: lost intermediates of Node 24.21', () => {
  it.each(Object.entries(SERVICES))(
    '%s accepts a client behind two intermediates, each time',
    async (_, start) => {
      const { a } = await world();
      const identity = await behindTwo();
      const { port, handled } = await start(await sourceOf(a));

      for (let round = 0; round < 3; round += 1) {
        expect((await knock(port, identity)).line).toContain('peer=spiffe://a.test/deep ');
      }
      expect(handled).toHaveLength(3);
      expect((await knock(port, withChain(await behindTwo()))).line).toBeUndefined();
    },
  );

  it.each(Object.entries(CLIENTS))(
    '%s accepts a server behind two intermediates, each time',
    async (_, call) => {
      const { a } = await world();
      const source = await sourceOf(a);
      const whole = await rawServer(await behindTwo());
      const lacking = await rawServer(withChain(await behindTwo()));
      const authorize = authorizeId('spiffe://a.test/deep');

      await expect(call(source, authorize, whole)).resolves.toContain('peer=');
      await expect(call(source, authorize, whole)).resolves.toContain('peer=');
      await expectFailure(call(source, authorize, lacking));
    },
  );

  it('our own intermediates are presented by servers and clients', async () => {
    const { a } = await world();
    const issuer = await (await a.intermediate()).intermediate();
    const service = await tlsService(await sourceOf(issuer, { path: '/service' }));
    const client = await sourceOf(issuer, { path: '/client' });

    for (const call of Object.values(CLIENTS)) {
      await expect(call(client, authorizeId('spiffe://a.test/service'), service)).resolves.toContain(
        '/client ',
      );
    }
  });
});

describe('several trust domains', () => {
  it('a federated peer is accepted in both directions, each judged by the bundle of its own trust domain', async () => {
    const { a, b } = await world();
    const sourceOfA = await sourceOf(a, { path: '/in-a', bundles: [a, b] });
    const sourceOfB = await sourceOf(b, { path: '/in-b', bundles: [a, b] });
    const [serviceOfA, serviceOfB] = await Promise.all([tlsService(sourceOfA), tlsService(sourceOfB)]);

    for (const call of Object.values(CLIENTS)) {
      await expect(call(sourceOfB, authorizeMemberOf('a.test'), serviceOfA)).resolves.toContain(
        'peer=spiffe://b.test/in-b ',
      );
      await expect(call(sourceOfA, authorizeMemberOf('b.test'), serviceOfB)).resolves.toContain(
        'peer=spiffe://a.test/in-a ',
      );
    }
  });

  it('the end of a federation shuts the other trust domain out, and nobody else', async () => {
    const { a, b } = await world();
    const source = await sourceOf(a, { bundles: [a, b] });
    const { port } = await tlsService(source);
    const events = new Events();
    expect((await knock(port, await b.issue())).line).toContain('peer=spiffe://b.test/');

    const { svid, bundles } = await a.context();
    source.update(svid, bundles);

    expect((await knock(port, await b.issue())).line).toBeUndefined();
    expect(events.codes('server')).toEqual(['ERR_BUNDLE_UNKNOWN']);
    expect((await knock(port, await a.issue())).line).toContain('peer=spiffe://a.test/');
  });

  it('one server and one client serve five trust domains at once', async () => {
    const { a } = await world();
    const others = await Promise.all(
      ['one', 'two', 'three', 'four'].map((name) => createTestCa({ trustDomain: `${name}.test` })),
    );
    const all = [a, ...others];
    const source = await sourceOf(a, { bundles: all });
    const { port, handled } = await tlsService(source);

    const own = await Promise.all(all.map((ca) => ca.issue()));
    const lines = await Promise.all(own.map(async (identity) => (await knock(port, identity)).line));
    expect(lines.map((line) => line?.split(' ')[0])).toEqual(own.map(({ id }) => `peer=${id}`));
    // Everyone claims to be of the next trust domain.
    const forged = await Promise.all(
      all.map((ca, index) =>
        ca.issue({ id: `spiffe://${all[(index + 1) % all.length]?.trustDomain}/workload` }),
      ),
    );
    await Promise.all(forged.map((identity) => knock(port, identity)));
    expect(handled).toHaveLength(5);

    const authorize = authorizeOneOf(own.map(({ id }) => id));
    for (const [index, identity] of own.entries()) {
      const honest = await rawServer(identity);
      const liar = await rawServer(forged[index] ?? identity);
      await expect(CLIENTS['connectTls']?.(source, authorize, honest)).resolves.toContain('peer=');
      await expectFailure(CLIENTS['createHttpsAgent']?.(source, authorize, liar));
      expect(await liar.stolen()).toBe('');
    }
  });

  it('a verified peer whom the authorizer does not want is rejected, with the reason in the event', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const { port, handled } = await tlsService(source, { authorize: authorizeId('spiffe://a.test/wanted') });
    const events = new Events();

    expect((await knock(port, await a.issue({ path: '/other' }))).line).toBeUndefined();
    expect(events.rejected[0]?.error).toMatchObject({
      code: 'ERR_PEER_UNAUTHORIZED',
      message: expect.stringContaining('spiffe://a.test/other') as string,
    });
    expect((await knock(port, await a.issue({ path: '/wanted' }))).line).toContain('/wanted ');
    expect(handled).toEqual(['spiffe://a.test/wanted']);
  });

  it('authorizeAny admits every identity that is verified, and no other', async () => {
    const { a, rogue } = await world();
    const { port } = await tlsService(await sourceOf(a), { authorize: authorizeAny() });

    expect((await knock(port, await a.issue({ path: '/anyone' }))).line).toContain('/anyone ');
    expect((await knock(port, await rogue.issue({ path: '/anyone' }))).line).toBeUndefined();
    expect((await knock(port)).line).toBeUndefined();
  });
});

describe('an SVID for one role only', () => {
  it('is not taken in the other role, however well known it is in its own', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const { port } = await tlsService(source);
    const forClients = await a.issue({ path: '/client', extendedKeyUsage: ['clientAuth'] });
    const forServers = await a.issue({ path: '/server', extendedKeyUsage: ['serverAuth'] });
    const [wrong, right] = [await rawServer(forClients), await rawServer(forServers)];

    for (let round = 0; round < 2; round += 1) {
      expect((await knock(port, forClients)).line).toContain('/client ');
      expect((await knock(port, forServers)).line).toBeUndefined();
      for (const call of Object.values(CLIENTS)) {
        await expect(call(source, authorizeMemberOf('a.test'), right)).resolves.toContain('peer=');
        await expectFailure(call(source, authorizeMemberOf('a.test'), wrong));
      }
    }
    expect(await wrong.stolen()).toBe('');
  });
});
