import { inspect } from 'node:util';

import {
  Certificate,
  type MigrationPolicySource,
  staticMigrationPolicy,
  staticX509Source,
} from '@svidkit/core';
import { manualClock } from '@svidkit/testkit';
import {
  createHttpsAgent,
  createHttpsServer,
  type IdentityInput,
  legacyAnyOf,
  legacyCommonName,
  legacyDnsName,
  legacyIdentity,
  type LegacyMatcher,
} from '@svidkit/tls';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, Events, get, knock, sourceOf } from './fixtures.ts';
import {
  anyServer,
  authorizeServer,
  authorizeWeb,
  bothKinds,
  decisionsOf,
  legacyOf,
  legacyOptions,
  legacyServer,
  lineOf,
  LOCALHOST,
  MIGRATION_CLIENTS,
  migrationWorld,
  WEB,
  webIdentity,
} from './migration-fixtures.ts';

afterEach(closeAll);

const PERMISSIVE = { accept: 'permissive' } as const;

async function certificate(names: Parameters<typeof legacyOf>[1]): Promise<Certificate> {
  const { legacy } = await migrationWorld();
  return Certificate.parse((await legacy.issueLegacy(names ?? {})).chainDer[0] ?? new Uint8Array());
}

describe('what is given', () => {
  const policy = staticMigrationPolicy();

  it.each<[string, Record<string, unknown>]>([
    ['accept', { accept: 'lax' }],
    ['prefer', { prefer: 'none' }],
    ['dryRun', { dryRun: 'yes' }],
    ['policy', { policy: {} }],
    ['accept', { policy, accept: 'strict' }],
    ['prefer', { policy, prefer: 'spiffe' }],
    ['dryRun', { policy, dryRun: false }],
  ])('%s of %o is refused, by servers and clients', async (name, options) => {
    const identity = await bothKinds();
    const wanted = expect.objectContaining({
      code: 'ERR_CONFIG_OPTION',
      message: expect.stringContaining(name) as unknown,
    }) as Error;
    expect(() => createHttpsServer(identity, { authorize: authorizeWeb(), ...options })).toThrow(wanted);
    expect(() => createHttpsAgent(identity, { authorize: authorizeServer(), ...options })).toThrow(wanted);
  });

  it('permissive mode and a preference for legacy need a legacy identity', async () => {
    const { spiffe } = await bothKinds();
    for (const options of [PERMISSIVE, { prefer: 'legacy' }] as const) {
      expect(() => createHttpsServer(spiffe, { authorize: authorizeWeb(), ...options })).toThrow(
        /needs a legacy identity/,
      );
    }
  });

  it('a legacy identity alone, or half of the two, is no identity', async () => {
    const { spiffe, legacy } = await bothKinds();
    for (const input of [legacy, { spiffe }, { legacy }, { spiffe: legacy, legacy }, {}, null]) {
      expect(() =>
        createHttpsServer(input as unknown as IdentityInput, { authorize: authorizeWeb() }),
      ).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }) as Error);
    }
  });

  it('a legacy certificate needs its key, authorities that may sign, and a matcher that is one', async () => {
    const { legacy } = await migrationWorld();
    const own = await legacy.issueLegacy(WEB);
    const other = await legacy.issueLegacy(WEB);
    const good = legacyOptions(legacy, own);
    const failing: [Partial<typeof good>, string][] = [
      [{ privateKey: undefined as never }, 'ERR_CONFIG_OPTION'],
      [{ certificates: undefined as never }, 'ERR_CONFIG_OPTION'],
      [{ privateKey: other.keyPem }, 'ERR_SVID_KEY_MISMATCH'],
      [{ authorities: '' }, 'ERR_BUNDLE_EMPTY'],
      [{ authorities: own.certPem }, 'ERR_BUNDLE_EMPTY'],
      [{ authorities: own.keyPem }, 'ERR_BUNDLE_INVALID'],
      [{ authorities: 'none' }, 'ERR_BUNDLE_INVALID'],
      [{ clients: {} as LegacyMatcher }, 'ERR_CONFIG_OPTION'],
    ];
    for (const [change, code] of failing) {
      expect(() => legacyIdentity({ ...good, ...change })).toThrow(
        expect.objectContaining({ code }) as Error,
      );
    }
    const { current } = legacyIdentity({ ...good, authorities: `${own.certPem}${legacy.bundlePem}` });
    expect(current.authorities).toHaveLength(1);
    expect(current.skipped).toEqual([expect.stringContaining('is no authority')]);
  });

  it('a certificate that TLS does not take replaces nothing', async () => {
    const { legacy } = await migrationWorld();
    const identity = await legacyOf(legacy);
    const before = identity.current;
    // Which of the two OpenSSL minds depends on its version.
    const weak = await legacy.issueLegacy({ ...WEB, defects: ['weak-key', 'sha1-signature'] });
    expect(() => identity.update(legacyOptions(legacy, weak))).toThrow(
      expect.objectContaining({ code: 'ERR_SVID_CERTIFICATE_INVALID' }) as Error,
    );
    expect(identity.current).toBe(before);
  });
});

describe('matchers', () => {
  it('by DNS name: exact or one label below, whatever the case', async () => {
    const web = await certificate({ commonName: 'other.corp.test', dnsNames: ['Web.Corp.test'] });
    const matches = (pattern: string): boolean => legacyDnsName(pattern).matches(web);
    expect(
      ['web.corp.test', '*.corp.test', 'WEB.corp.TEST', '*.CORP.test'].filter((one) => !matches(one)),
    ).toEqual([]);
    expect(
      ['*.test', 'corp.test', '*.web.corp.test', 'other.corp.test', 'eb.corp.test'].filter(matches),
    ).toEqual([]);
  });

  it('a wildcard certificate is not every client below it', async () => {
    const wildcard = await certificate({ dnsNames: ['*.corp.test'] });
    expect(legacyDnsName('*.corp.test', 'web.corp.test').matches(wildcard)).toBe(false);
    expect(legacyDnsName('*.corp.test').matches(await certificate(WEB))).toBe(true);
  });

  it('by common name: the one there is, exactly', async () => {
    const web = await certificate({ commonName: 'web', dnsNames: ['batch'] });
    expect(legacyCommonName('web').matches(web)).toBe(true);
    for (const name of ['Web', 'web ', 'we', 'batch', '*']) {
      expect(legacyCommonName(name).matches(web)).toBe(false);
    }
  });

  it('names that are none are refused', () => {
    for (const name of [
      '',
      '*.',
      '*',
      'a b',
      'a.*.b',
      'web.corp.test.',
      'spiffe://a.test/web',
      '\u212A.test',
    ]) {
      expect(() => legacyDnsName(name)).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }) as Error,
      );
    }
    expect(() => legacyCommonName('')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }) as Error,
    );
  });

  it('only `true` is a yes, also inside of legacyAnyOf', async () => {
    const web = await certificate(WEB);
    const promising = { description: 'x', matches: () => Promise.resolve(true) } as unknown as LegacyMatcher;
    const truthy = { description: 'x', matches: () => 1 } as unknown as LegacyMatcher;
    expect(legacyAnyOf(promising, truthy).matches(web)).toBe(false);
    expect(legacyAnyOf(promising, legacyDnsName('web.corp.test')).matches(web)).toBe(true);
  });

  it.each([
    ['throws', () => expect.fail('no'), 'caller'],
    ['promises', () => Promise.resolve(true), 'peer'],
  ] as const)('one that %s admits nobody', async (_, matches, blame) => {
    const { spiffe, legacy } = await migrationWorld();
    const clients = { description: 'anyone', matches } as unknown as LegacyMatcher;
    const identity = {
      spiffe: await sourceOf(spiffe),
      legacy: await legacyOf(legacy, LOCALHOST, { clients }),
    };
    const server = await anyServer(identity, PERMISSIVE);
    const events = new Events();
    expect((await knock(server.port, await legacy.issueLegacy(WEB))).line).toBeUndefined();
    expect(events.rejected).toMatchObject([{ error: { code: 'ERR_PEER_UNAUTHORIZED', blame } }]);
  });

  it('nobody is let in where none is given', async () => {
    const { spiffe, legacy } = await migrationWorld();
    const { clients: _, ...rest } = legacyOptions(legacy, await legacy.issueLegacy(LOCALHOST));
    const server = await anyServer(
      { spiffe: await sourceOf(spiffe), legacy: legacyIdentity(rest) },
      PERMISSIVE,
    );
    expect((await knock(server.port, await legacy.issueLegacy(WEB))).line).toBeUndefined();
  });
});

async function nameOf(names: Parameters<typeof legacyOf>[1]): Promise<string | undefined> {
  const { spiffe, legacy } = await migrationWorld();
  const clients = { description: 'anyone', matches: () => true };
  const identity = {
    spiffe: await sourceOf(spiffe),
    legacy: await legacyOf(legacy, LOCALHOST, { clients }),
  };
  const server = await anyServer(identity, PERMISSIVE);
  await knock(server.port, await legacy.issueLegacy(names ?? {}));
  return server.handled[0]?.replace('peer=legacy ', '');
}

describe('the name of a legacy peer', () => {
  it.each([
    [{ dnsNames: ['web.corp.test', 'b.test'], commonName: 'w' }, 'web.corp.test'],
    [{ commonName: 'Web Service 1' }, 'Web Service 1'],
    [{ commonName: 'spiffe://a.test/admin' }, 'CN="spiffe://a.test/admin"'],
    [{ dnsNames: ['spiffe://a.test/admin'], commonName: 'w' }, 'w'],
    [{ commonName: 'a\nb\u202E' }, String.raw`CN="a\nb\u202e"`],
    [{ commonName: 'x'.repeat(64) }, 'x'.repeat(64)],
  ])('%o is %s: neither an ID nor a line of its own', async (names, name) => {
    expect(await nameOf(names)).toBe(name);
  });

  it('is never a SPIFFE ID, and always one line of ASCII', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }), async (commonName) => {
        const name = (await nameOf({ commonName, dnsNames: ['*'.repeat(300)] })) ?? '';
        expect(name).toMatch(/^[ -~]+$/);
        expect(name).not.toMatch(/^\s*spiffe:/i);
      }),
      { numRuns: 30 },
    );
  });
});

describe('an end of one of the two', () => {
  it('an expired legacy certificate is not presented, though it is preferred; its peers are still believed', async () => {
    // Ahead of what is issued from now on, which is not valid before its own second.
    const clock = manualClock(Date.now() + 60_000);
    const { spiffe, legacy } = await migrationWorld();
    const own = await legacy.issueLegacy({ ...LOCALHOST, notAfter: new Date(clock.now() + 60_000) });
    const identity = {
      spiffe: await sourceOf(spiffe, { path: '/server', lifetimeMs: 7_200_000 }),
      legacy: legacyIdentity(legacyOptions(legacy, own)),
    };
    const server = await anyServer(identity, { ...PERMISSIVE, prefer: 'legacy', clock });
    const client = await legacy.issueLegacy({ ...WEB, lifetimeMs: 7_200_000 });
    const decisions = decisionsOf('server');

    expect((await knock(server.port, client)).line).toBe('peer=legacy web.corp.test');
    clock.advance(62_000);
    expect((await knock(server.port, client)).line).toBe('peer=legacy web.corp.test');

    expect(decisions.map(({ presented }) => presented)).toEqual(['legacy', 'spiffe']);
  });

  it('without an SVID the legacy certificate is left, and SPIFFE peers cannot be judged', async () => {
    const clock = manualClock();
    const { spiffe, legacy } = await migrationWorld();
    const { svid, bundles } = await spiffe.context({ path: '/server', lifetimeMs: 60_000 });
    const source = closing(staticX509Source({ svid, bundles, clock }), (one) => one.close());
    const own = await legacy.issueLegacy({ ...LOCALHOST, lifetimeMs: 7_200_000 });
    const identity = { spiffe: source, legacy: legacyIdentity(legacyOptions(legacy, own)) };
    const server = await anyServer(identity, { ...PERMISSIVE, clock });
    const decisions = decisionsOf('server');
    clock.advance(62_000);

    expect((await knock(server.port, await legacy.issueLegacy(WEB))).line).toBe('peer=legacy web.corp.test');
    expect((await knock(server.port, await spiffe.issue({ path: '/web' }))).line).toBeUndefined();

    expect(decisions.map(lineOf)).toEqual([
      'legacy shown legacy in permissive: accepted web.corp.test',
      'spiffe shown legacy in permissive: rejected ERR_SOURCE_EXPIRED',
    ]);
  });

  it('a closed source ends both', async () => {
    const identity = await webIdentity();
    const legacyOne = await legacyServer({});
    const own = await bothKinds();
    const server = await anyServer(own, PERMISSIVE);
    const ask = MIGRATION_CLIENTS['createHttpsAgent'];
    const agent = createHttpsAgent(identity, { authorize: authorizeServer(), ...PERMISSIVE });
    expect(await ask?.(identity, { port: legacyOne.port, ...PERMISSIVE })).toContain('peer=unknown');
    const { legacy } = await migrationWorld();

    await identity.spiffe.close();
    await own.spiffe.close();

    expect((await knock(server.port, await legacy.issueLegacy(WEB))).line).toBeUndefined();
    await expect(get({ agent, host: 'localhost', family: 4, port: legacyOne.port })).rejects.toMatchObject({
      code: 'ERR_SOURCE_CLOSED',
    });
    agent.destroy();
  });
});

describe('a legacy identity that is replaced', () => {
  it('tells all who listen, whatever one of them throws', async () => {
    const { legacy } = await migrationWorld();
    const identity = await legacyOf(legacy);
    const told: string[] = [];
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    identity.onUpdate(() => expect.fail('broken listener'));
    const second = identity.onUpdate(() => told.push('second'));
    identity.update(legacyOptions(legacy, await legacy.issueLegacy(LOCALHOST)));
    second[Symbol.dispose]();
    identity.update(legacyOptions(legacy, await legacy.issueLegacy(LOCALHOST)));
    expect(told).toEqual(['second']);
    expect(String(await warned)).toContain('broken listener');
  });

  it('counts from the next handshake on: certificate, authorities and clients', async () => {
    const { spiffe, legacy, foreign } = await migrationWorld();
    const identity = { spiffe: await sourceOf(spiffe), legacy: await legacyOf(legacy) };
    const server = await anyServer(identity, { ...PERMISSIVE, prefer: 'legacy' });
    const [old, next] = [await legacy.issueLegacy(WEB), await foreign.issueLegacy(WEB)];
    expect((await knock(server.port, old)).line).toBe('peer=legacy web.corp.test');
    expect((await knock(server.port, next)).line).toBeUndefined();

    const own = await foreign.issueLegacy(LOCALHOST);
    identity.legacy.update(legacyOptions(foreign, own));

    expect((await knock(server.port, old)).line).toBeUndefined();
    const client = await knock(server.port, next);
    expect(client.line).toBe('peer=legacy web.corp.test');
    expect(client.serverLeaf).toEqual(Buffer.from(own.chainDer[0] ?? []));
  });
});

describe('secrets', () => {
  it('the key of a legacy identity shows nowhere', async () => {
    const { legacy } = await migrationWorld();
    const own = await legacy.issueLegacy(LOCALHOST);
    const identity = { ...(await bothKinds()), legacy: legacyIdentity(legacyOptions(legacy, own)) };
    const policy: MigrationPolicySource = staticMigrationPolicy({ mode: 'permissive', prefer: 'legacy' });
    const server = await anyServer(identity, { policy });
    const agent = createHttpsAgent(identity, { authorize: authorizeServer(), policy });
    const decisions = decisionsOf('server');
    await knock(server.port, await legacy.issueLegacy(WEB));
    await knock(server.port, await legacy.issueLegacy({ commonName: 'stranger' }));

    const secret = own.keyPem.split('\n')[1] ?? '';
    const { legacy: held } = identity;
    for (const thing of [
      identity,
      held,
      held.current,
      held.current.keyPair,
      server.server,
      agent,
      decisions,
    ]) {
      // Not both at once: the getters of the prototypes of node:http answer for every later message of this process.
      const [hidden, got] = [{ showHidden: true }, { getters: true }].map((more) =>
        inspect(thing, { depth: Infinity, ...more }),
      );
      const shown = `${hidden}\n${got}`;
      expect(shown).not.toContain(secret);
      expect(shown).not.toContain('PRIVATE KEY');
    }
    expect(JSON.stringify([held.current, decisions])).not.toContain(secret);
    expect(decisions).toHaveLength(2);
    agent.destroy();
  });
});
