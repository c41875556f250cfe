import { generateKeyPairSync } from 'node:crypto';

import {
  authorizeAny,
  authorizeMemberOf,
  checkAuthorized,
  type JwtBundle,
  parseBundleDocument,
  staticDenyList,
  TrustDomain,
} from '@svidkit/core';
import { bearerHeader, JwtBundleSet, jwtSubject, requireNotDenied, validateJwtSvid } from '@svidkit/core/jwt';
import { createTestJwtAuthority, createTestWitAuthority } from '@svidkit/testkit';
import { describe, expect, test } from 'vitest';

import { parseWitBundle, type WitBundle, WitBundleSet, witSubject } from '../src/experimental/index.ts';
import { show } from './key-marks.ts';
import {
  authorityA,
  authorityB,
  bundles,
  check,
  CLIENT,
  domainA,
  domainB,
  issue,
  KID,
  NOW,
  outcome,
  own,
  SECONDS,
  token,
} from './wit-world.ts';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'] as const;
const now = (): number => NOW;
const jwk = confirmation();

/** The confirmation key of a good token. */
function confirmation(): Record<string, unknown> {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), alg: 'ES256' };
}

describe('headers', () => {
  test('W-01: kid has to be there, and its case counts', async () => {
    expect(await outcome(token())).toBe('accepted');
    expect(await outcome(token({}, { kid: undefined }))).toBe('ERR_JWT_KEY');
    expect(await outcome(token({}, { kid: KID.toUpperCase() }))).toBe('ERR_JWT_KEY');
    expect(await outcome(token({}, { kid: '' }))).toBe('ERR_JWT_KEY');
    expect(await outcome(token({}, { kid: 7 }))).toBe('ERR_JWT_HEADER');
  });

  test('W-02, W-19: one key ID is one key, also between JWT and WIT keys of a bundle', () => {
    const [key] = keysOf(authorityA.bundle());
    const [other] = keysOf(authorityB.bundle());
    expect(read({ ...key }, { ...other, kid: 'key-2' }).keyIds).toEqual(['key-1', 'key-2']);
    for (const twice of [
      [{ ...key }, { ...other }],
      [{ ...key }, { ...key }],
      [{ ...key }, { ...other, use: 'jwt-svid' }],
      [{ ...other, use: 'jwt-svid' }, { ...key }],
    ]) {
      expect(() => read(...twice)).toThrow(expect.objectContaining({ code: 'ERR_BUNDLE_INVALID' }));
    }
    // Two keys for JWT-SVIDs are the business of whoever reads those, and an X.509 authority has no key ID.
    expect(
      read({ ...key }, { ...other, kid: 'x', use: 'jwt-svid' }, { ...other, use: 'x509-svid' }).keyIds,
    ).toEqual(['key-1']);
  });

  test.for([
    'JWT',
    'JOSE',
    'WIT+JWT',
    'application/wit+jwt',
    'wpt+jwt',
    '',
    ' wit+jwt',
    undefined,
    null,
    7,
    ['wit+jwt'],
  ])('W-03, ID-25: typ %j is refused', async (typ) => {
    expect(await outcome(token({}, { typ }))).toBe('ERR_JWT_HEADER');
  });

  test('ID-25: a JWT-SVID is no WIT-SVID, and a WIT-SVID no JWT-SVID', async () => {
    const jwts = createTestJwtAuthority({ trustDomain: 'a.test', now });
    expect(await outcome(jwts.issue({ subject: '/client', audience: 'x' }))).toBe('ERR_JWT_HEADER');
    const [key] = keysOf(authorityA.bundle());
    const asJwt = parseBundleDocument(JSON.stringify({ keys: [{ ...key, use: 'jwt-svid' }] }), domainA).jwt;
    const options = { audience: 'x', clock: { now } };
    await expect(validateJwtSvid(token({ aud: 'x' }), JwtBundleSet.of(asJwt), options)).rejects.toMatchObject(
      {
        code: 'ERR_JWT_HEADER',
      },
    );
  });

  test.for(ALGORITHMS)('W-04: %s is accepted', async (algorithm) => {
    const authority = createTestWitAuthority({ trustDomain: 'a.test', algorithm, now });
    const trusted = WitBundleSet.of(parseWitBundle(authority.bundle(), domainA));
    expect(await outcome(issue({}, authority).witSvid, {}, trusted)).toBe('accepted');
    expect(await outcome(issue({}, authority).witSvid)).toMatch(/^ERR_JWT_(?:KEY|SIGNATURE)$/);
  });

  test.for(['none', 'HS256', 'EdDSA', 'Ed25519', 'ES256K', 'es256', '', undefined, 256])(
    'W-04: alg %j is refused',
    async (alg) => {
      expect(await outcome(token({}, { alg }))).toBe('ERR_JWT_ALGORITHM');
    },
  );

  test('W-05: headers that nobody knows are passed over, unless crit says that they count', async () => {
    expect(await outcome(token({}, { x: 1, jku: 'https://evil.test' }))).toBe('accepted');
    expect(await outcome(token({}, { x: 1, crit: ['x'] }))).toBe('ERR_JWT_HEADER');
  });

  test('W-05: a key in the header is never believed', async () => {
    const attacker = createTestWitAuthority({ trustDomain: 'a.test', now });
    const [key] = keysOf(attacker.bundle());
    const given = issue({ header: { jwk: { ...key } } }, attacker).witSvid;
    expect(await outcome(given)).toBe('ERR_JWT_SIGNATURE');
  });
});

describe('claims', () => {
  test.for([undefined, '', 7, null, 'client', 'https://a.test/client', ['spiffe://a.test/client']])(
    'W-06: %j as sub is refused',
    async (sub) => {
      expect(await outcome(token({ sub }))).toBe('ERR_JWT_CLAIM');
    },
  );

  test.for([
    undefined,
    null,
    'a key',
    {},
    { kid: KID },
    { jwk: null },
    { jwk: 'a key' },
    { jku: 'https://evil.test', kid: 'x' },
    { jwk, jku: 'https://evil.test' },
    { jwk, jwe: 'a.b.c.d.e' },
  ])('W-07: %j as cnf is refused', async (cnf) => {
    expect(await outcome(token({ cnf }))).toBe('ERR_JWT_CLAIM');
    expect(await outcome(token({ cnf: { jwk } }))).toBe('accepted');
  });

  test.for<[string, Record<string, unknown>]>([
    ['no alg', { alg: undefined }],
    ['HS256', { alg: 'HS256' }],
    ['none', { alg: 'none' }],
    ['EdDSA', { alg: 'EdDSA' }],
    ['an alg for another type', { alg: 'RS256' }],
    ['an alg for another curve', { alg: 'ES384' }],
    ['another kty', { kty: 'oct', k: 'c2VjcmV0' }],
    ['no kty', { kty: undefined }],
    ['a private member', { d: 'AAAA' }],
    ['an empty private member', { d: '' }],
    ['a symmetric member', { k: 'AAAA' }],
    ['a point that is none', { x: 'AAAA' }],
    ['a use that is none of ours', { use: 'enc' }],
    ['operations that are none of ours', { key_ops: ['encrypt'] }],
  ])('W-08: a cnf.jwk with %s is refused', async ([, members]) => {
    expect(await outcome(token({ cnf: { jwk: { ...jwk, ...members } } }))).toBe('ERR_JWT_CLAIM');
    expect(
      await outcome(token({ cnf: { jwk: { ...jwk, use: 'sig', key_ops: ['verify'], kid: 'x' } } })),
    ).toBe('accepted');
  });

  test.for(ALGORITHMS)('W-08: a cnf for %s is accepted', async (algorithm) => {
    const svid = await check(issue({ algorithm }).witSvid);
    expect(svid.claimedId.toString()).toBe(CLIENT);
  });

  test('W-09: jti is for people: the same one comes twice, and a strange one does not matter', async () => {
    const given = token({ jti: 'one' });
    expect([await outcome(given), await outcome(given), await outcome(token({ jti: 'one' }))]).toEqual([
      'accepted',
      'accepted',
      'accepted',
    ]);
    expect((await check(given)).jwtId).toBe('one');
    expect(await outcome(token({ jti: 7 }))).toBe('accepted');
  });

  test.for<[string, unknown, string]>([
    ['none', undefined, 'ERR_JWT_CLAIM'],
    ['a text', String(SECONDS + 60), 'ERR_JWT_CLAIM'],
    ['a negative one', -1, 'ERR_JWT_CLAIM'],
    ['one that is past', SECONDS - 31, 'ERR_JWT_EXPIRED'],
    ['one within the leeway', SECONDS - 29, 'accepted'],
    ['one ahead', SECONDS + 1, 'accepted'],
  ])('W-10: exp: %s', async ([, exp, wanted]) => {
    expect(await outcome(token({ exp }))).toBe(wanted);
  });

  test('W-10: the leeway is at most a minute', async () => {
    expect(await outcome(token({ exp: SECONDS }), { leewayMs: 0 })).toBe('ERR_JWT_EXPIRED');
    expect(await outcome(token({ exp: SECONDS - 59 }), { leewayMs: 60_000 })).toBe('accepted');
    for (const leewayMs of [-1, 60_001, Number.NaN]) {
      expect(await outcome(token(), { leewayMs })).toBe('ERR_CONFIG_OPTION');
    }
    expect(await outcome(token(), { clock: { now: () => Number.NaN } })).toBe('ERR_JWT_EXPIRED');
  });

  test('W-11: nbf ahead is refused, and a life that is too long where that is wanted', async () => {
    expect(await outcome(token({ nbf: SECONDS + 31 }))).toBe('ERR_JWT_NOT_YET_VALID');
    expect(await outcome(token({ nbf: SECONDS + 29 }))).toBe('accepted');
    expect(await outcome(token({ nbf: 'soon' }))).toBe('ERR_JWT_CLAIM');
    const hour = token({ nbf: SECONDS, exp: SECONDS + 3_600 });
    expect(await outcome(hour, { maxTokenMs: 3_600_000 })).toBe('accepted');
    expect(await outcome(hour, { maxTokenMs: 3_599_999 })).toBe('ERR_JWT_CLAIM');
    expect(await outcome(token(), { maxTokenMs: 3_600_000 })).toBe('ERR_JWT_CLAIM');
    expect(await outcome(token(), { maxTokenMs: -1 })).toBe('ERR_CONFIG_OPTION');
  });

  test.for([SECONDS + 3_600, SECONDS + 1e9, 'soon', -1, null])('W-12: iat %j limits nothing', async (iat) => {
    expect(await outcome(token({ iat }))).toBe('accepted');
  });

  test('W-13: iss is the business of the issuer', async () => {
    expect(await outcome(token({ iss: 'https://issuer.example' }))).toBe('accepted');
    expect(await outcome(token({ iss: 7 }))).toBe('accepted');
  });

  test.for(['x', '', [], ['x'], null, 7, {}])('W-14: %j as aud is refused', async (aud) => {
    expect(await outcome(token({ aud }))).toBe('ERR_JWT_CLAIM');
  });

  test('W-15: claims that nobody knows are kept, and decide nothing', async () => {
    expect((await check(token({ role: 'admin', nested: [{ a: 1 }] }))).claims).toMatchObject({
      role: 'admin',
      nested: [{ a: 1 }],
    });
  });
});

describe('trust', () => {
  test('W-20, A-09: keys for other SVIDs prove nothing', async () => {
    const [key] = keysOf(authorityA.bundle());
    const judge = (use: unknown): Promise<string> =>
      outcome(
        token(),
        {},
        WitBundleSet.of(parseWitBundle(JSON.stringify({ keys: [{ ...key, use }] }), domainA)),
      );
    expect(await judge('wit-svid')).toBe('accepted');
    for (const use of [undefined, 'jwt-svid', 'x509-svid', 'sig', 'WIT-SVID', ['wit-svid']]) {
      expect(await judge(use)).toBe('ERR_BUNDLE_EMPTY');
    }
  });

  test('A-09: a bundle of another kind is none, whatever is in it', async () => {
    const [key] = keysOf(authorityA.bundle());
    const jwt = JwtBundleSet.of(
      parseBundleDocument(JSON.stringify({ keys: [{ ...key, use: 'jwt-svid' }] }), domainA).jwt,
    );
    // @ts-expect-error keys for JWT-SVIDs are not for WIT-SVIDs
    const trusted: WitBundleSet = jwt;
    expect(await outcome(token(), {}, trusted)).toBe('ERR_BUNDLE_UNKNOWN');
    // @ts-expect-error and the other way round
    const other: JwtBundle = parseWitBundle(authorityA.bundle(), domainA);
    expect(other).not.toHaveProperty('authorities');
  });

  test('the key of another trust domain proves nothing, although both are trusted and call their keys alike', async () => {
    expect(await outcome(issue({ subject: 'spiffe://b.test/client' }, authorityB).witSvid)).toBe('accepted');
    expect(await outcome(issue({ subject: 'spiffe://b.test/client' }).witSvid)).toBe('ERR_JWT_SIGNATURE');
    expect(await outcome(issue({ subject: 'spiffe://sub.a.test/client' }).witSvid)).toBe(
      'ERR_BUNDLE_UNKNOWN',
    );
    const wrong = { get: () => bundles.get(domainB) } as unknown as WitBundleSet;
    expect(await outcome(issue({ subject: CLIENT }, authorityB).witSvid, {}, wrong)).toBe(
      'ERR_BUNDLE_UNKNOWN',
    );
  });

  test('a set has one bundle for each trust domain', () => {
    const one = parseWitBundle(authorityA.bundle(), domainA);
    expect(() => WitBundleSet.of(one, one)).toThrow(expect.objectContaining({ code: 'ERR_BUNDLE_INVALID' }));
    expect(bundles.trustDomains).toEqual([domainA, domainB]);
    expect(show(bundles)).toContain(KID);
    expect(show(one)).toContain(KID);
  });

  test('a weak key, or one without a key ID, is left out and said so', () => {
    const [key] = keysOf(authorityA.bundle());
    const bundle = parseWitBundle(
      JSON.stringify({
        keys: [
          { ...key, kid: undefined },
          { kty: 'AKP', kid: 'a', use: 'wit-svid' },
        ],
      }),
      domainA,
    );
    expect(bundle.keyIds).toEqual([]);
    expect(bundle.skipped).toHaveLength(2);
    expect(() => parseWitBundle('[]', domainA)).toThrow(
      expect.objectContaining({ code: 'ERR_BUNDLE_INVALID' }),
    );
  });
});

describe('W-16: without its proof a WIT-SVID is nobody', () => {
  test('nothing that authorizes takes it', async () => {
    const unproven = await check(token());
    expect(unproven).not.toHaveProperty('id');
    // @ts-expect-error it is no subject
    const letIn = (): void => checkAuthorized(authorizeAny(), unproven);
    expect(letIn).toBeTypeOf('function');
    // @ts-expect-error nor of a trust domain
    expect(() => checkAuthorized(authorizeMemberOf('a.test'), unproven)).toThrow(TypeError);
    // @ts-expect-error it is no peer
    expect(() => witSubject(unproven)).toThrow(expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }));
    // What only looks like a peer is none.
    const like = {
      id: unproven.claimedId,
      expiry: unproven.expiry,
      claims: unproven.claims,
      boundHeaders: [],
    };
    // @ts-expect-error it is no peer
    expect(() => witSubject(like)).toThrow(expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }));
    // @ts-expect-error it is no JWT-SVID
    expect(() => jwtSubject(unproven).id.toString()).toThrow(TypeError);
    // @ts-expect-error nor for deny lists
    expect(() => requireNotDenied(staticDenyList({}), unproven)).not.toThrow();
  });

  test('W-17: what makes bearer headers does not take ours', () => {
    const svid = own(issue());
    // @ts-expect-error it is no bearer token
    expect(bearerHeader(svid)).not.toContain('ey');
  });
});

describe('W-23: the example of the standard', () => {
  // Appendix A, in parts: its issuer's key is not given.
  const example = [
    'eyJhbGciOiJFUzI1NiIsImtpZCI6ImxRU2kzaFpGbmRhMkQtWEprajF6bDdmb0pvdWl3STRuckF5aHk0alppSmciLCJ0eXAiOiJ3aXQrand0In0',
    'eyJjbmYiOnsiandrIjp7ImFsZyI6IkVTMjU2IiwiY3J2IjoiUC0yNTYiLCJrdHkiOiJFQyIsIngiOiJyelA3bUxDS0FIV21zTTZYMEV3VklTQ19oSTN1amN1OTVmZlVreWVER0dvIiwieSI6InVPcmZEbGp0WDltM2pZLWhzeWhMSllheHRHa3pEdjVlNWttQ2U1OFo5N2cifX0sImV4cCI6MTc2NTQ1NjUwMywiaWF0IjoxNzY1NDUyOTAzLCJqdGkiOiIxeWoxOVY0TWNPQXpNY0ZpN3F2c2dfQWdDeGxyWTVFX3g1MDl3bEtLUXRjIiwic3ViIjoic3BpZmZlOi8vZXhhbXBsZS5jb20vbXktd29ya2xvYWQifQ',
    'sfhEvZNdY_kWrICF08lX0u__rn39YnTavnW-VPBS20zgowDh6-X43v5eOUKZbjZf06yLBQM-Mry5w1g1QFsCkg',
  ].join('.');

  test('is read, and its signature is what is left to ask', async () => {
    const keys = [{ ...keysOf(authorityA.bundle())[0], kid: 'lQSi3hZFnda2D-XJkj1zl7foJouiwI4nrAyhy4jZiJg' }];
    const trusted = WitBundleSet.of(
      parseWitBundle(JSON.stringify({ keys }), TrustDomain.parse('example.com')),
    );
    const at = { clock: { now: () => 1_765_456_000_000 } };
    expect(await outcome(example, at, trusted)).toBe('ERR_JWT_SIGNATURE');
  });
});

describe('secrets', () => {
  test('nothing that prints a token or a bundle shows them', async () => {
    const entry = issue({ claims: { secret: 'do-not-tell' } });
    const signature = entry.witSvid.split('.')[2] ?? '';
    const { d } = JSON.parse(entry.witSvidKey) as { readonly d: string };
    for (const one of [await check(entry.witSvid), own(entry)]) {
      expect(show(one)).toContain(CLIENT);
      for (const secret of [signature, d.slice(0, 12), 'do-not-tell'])
        expect(show(one)).not.toContain(secret);
    }
    for (const bad of [
      `${entry.witSvid}.`,
      entry.witSvid.slice(0, -1),
      token({ sub: entry.witSvid }),
      token({ cnf: { jwk: { ...jwk, d } } }),
    ]) {
      const error = await check(bad).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ name: 'SpiffeError' });
      for (const secret of [signature, d.slice(0, 12)]) expect(show(error)).not.toContain(secret);
    }
  });
});

/** The bundle with these keys. */
function read(...keys: readonly object[]): WitBundle {
  return parseWitBundle(JSON.stringify({ keys }), domainA);
}

/** The keys of a JWK Set. */
function keysOf(text: string): readonly Record<string, unknown>[] {
  return (JSON.parse(text) as { readonly keys: readonly Record<string, unknown>[] }).keys;
}
