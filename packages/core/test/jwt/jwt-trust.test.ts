import { inspect } from 'node:util';

import { describe, expect, test } from 'vitest';

import { SpiffeError } from '../../src/errors.ts';
import { JwtBundle, parseJwtBundle } from '../../src/jwt-bundle.ts';
import { JwtBundleSet, type JwtJudge, parseJwtSvid, validateJwtSvidBy } from '../../src/jwt/index.ts';
import { SpiffeId } from '../../src/spiffe-id.ts';
import { TrustDomain } from '../../src/trust-domain.ts';
import { failureOf } from '../failure-of.ts';
import {
  bundles,
  CLAIMS,
  domainA,
  domainB,
  HEADER,
  keyA,
  keyB,
  KID,
  NOW,
  outcome,
  token,
  validate,
} from './jwt-world.ts';
import { mint, signingKey } from './mint-token.ts';

const jwks = (use: string | undefined): string =>
  JSON.stringify({ keys: [{ ...keyA.publicKey.export({ format: 'jwk' }), kid: KID, use }] });

const judge = (use: string | undefined): Promise<string> =>
  outcome(token(), {}, JwtBundleSet.of(parseJwtBundle(jwks(use), domainA)));

/** What comes of a token with these claims when somebody else judges. */
const judgedBy = async (whom: JwtJudge, given: Record<string, unknown> = {}): Promise<string> => {
  try {
    const svid = await validateJwtSvidBy(whom, token(given), {
      audience: CLAIMS.aud,
      clock: { now: () => NOW },
    });
    return `${svid.verified} ${Object.keys(svid.claims).toSorted().join()}`;
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error;
    return error.code;
  }
};

const never: JwtJudge = () => Promise.reject(new Error('asked'));

describe('somebody else who judges', () => {
  test('A-23: vouches for the one that the token says to be of, and for the claims that it names', async () => {
    const claims = { jti: 'other', extra: 1 };
    expect(await judgedBy(async ({ id }) => ({ id, claims }), { jti: '1' })).toBe('true aud,exp,jti,sub');
    const other = SpiffeId.parse('spiffe://a.test/other');
    expect(await judgedBy(async () => ({ id: other, claims }))).toBe('ERR_JWT_SIGNATURE');
    expect(await judgedBy(() => Promise.reject(new SpiffeError('ERR_JWT_KEY', 'no')))).toBe('ERR_JWT_KEY');
  });

  test('A-23: is not asked about a token that is not for us, or not valid now', async () => {
    expect(await judgedBy(never, { aud: 'y' })).toBe('ERR_JWT_AUDIENCE');
    expect(await judgedBy(never, { exp: NOW / 1_000 - 31 })).toBe('ERR_JWT_EXPIRED');
    expect(await judgedBy(never, { nbf: NOW / 1_000 + 31 })).toBe('ERR_JWT_NOT_YET_VALID');
    expect(await judgedBy(never, { sub: 'a.test' })).toBe('ERR_JWT_CLAIM');
  });
});

describe('trust domains', () => {
  test('J-15: the key of another trust domain proves nothing, although both are trusted and call their keys alike', async () => {
    expect(await outcome(token({ sub: 'spiffe://b.test/client' }, {}, keyB))).toBe('accepted');
    expect(await outcome(token({ sub: 'spiffe://b.test/client' }, {}, keyA))).toBe('ERR_JWT_SIGNATURE');
    expect(await outcome(token({ sub: 'spiffe://b.test/client' }, { kid: undefined }, keyA))).toBe(
      'ERR_JWT_SIGNATURE',
    );
    expect(await outcome(token({ sub: 'spiffe://sub.a.test/client' }))).toBe('ERR_BUNDLE_UNKNOWN');
  });

  test('J-15: a trust domain that is not known is not trusted', async () => {
    expect(await outcome(token(), {}, JwtBundleSet.empty)).toBe('ERR_BUNDLE_UNKNOWN');
    expect(await outcome(token(), {}, bundles.without(domainA))).toBe('ERR_BUNDLE_UNKNOWN');
  });

  test('J-15: what answers with the bundle of another trust domain is not believed', async () => {
    const wrong = { get: () => bundles.get(domainB) } as unknown as JwtBundleSet;
    expect(await outcome(token({}, {}, keyB), {}, wrong)).toBe('ERR_BUNDLE_UNKNOWN');
  });

  test('J-20: without JWT authorities a trust domain has no JWT-SVIDs', async () => {
    const empty = parseJwtBundle('{"keys":[]}', domainA);
    expect(await outcome(token(), {}, bundles.with(empty))).toBe('ERR_BUNDLE_EMPTY');
  });

  test('J-19: keys for something else prove nothing; keys without a use do, as the Workload API gives them', async () => {
    expect(await judge('jwt-svid')).toBe('accepted');
    expect(await judge(undefined)).toBe('accepted');
    for (const use of ['x509-svid', 'wit-svid', 'sig', 'JWT-SVID'])
      expect(await judge(use)).toBe('ERR_BUNDLE_EMPTY');
  });

  test('J-18: a key without a key ID is no authority', () => {
    expect(failureOf(() => JwtBundle.fromAuthorities(domainA, [['', keyA.publicKey]])).code).toBe(
      'ERR_BUNDLE_INVALID',
    );
  });

  test('J-15: after a rotation the old key under the same name proves nothing', async () => {
    const next = signingKey('ES256');
    const after = bundles.with(JwtBundle.fromAuthorities(domainA, [[KID, next.publicKey]]));
    expect(await outcome(token(), {}, after)).toBe('ERR_JWT_SIGNATURE');
    expect(await outcome(token({}, {}, next), {}, after)).toBe('accepted');
    expect(await outcome(token())).toBe('accepted');
  });

  test('J-15: a bit of header, claims or signature decides', async () => {
    const [header = '', payload = '', signature = ''] = token().split('.');
    const other = token({ sub: 'spiffe://a.test/admin' }).split('.');
    expect(await outcome(`${header}.${other[1]}.${signature}`)).toBe('ERR_JWT_SIGNATURE');
    expect(await outcome(`${token({}, { x: 1 }).split('.')[0]}.${payload}.${signature}`)).toBe(
      'ERR_JWT_SIGNATURE',
    );
    const flipped = Buffer.from(signature, 'base64url');
    flipped.writeUInt8(flipped.readUInt8(5) ^ 1, 5);
    expect(await outcome(`${header}.${payload}.${flipped.toString('base64url')}`)).toBe('ERR_JWT_SIGNATURE');
  });
});

describe('a set of bundles', () => {
  test('has one for each trust domain', () => {
    const a = JwtBundle.fromAuthorities(domainA, []);
    expect(failureOf(() => JwtBundleSet.of(a, a)).code).toBe('ERR_BUNDLE_INVALID');
    expect(bundles.trustDomains).toEqual([domainA, domainB]);
    expect(bundles.with(a).size).toBe(2);
    expect(bundles.with(a).get(domainA)).toBe(a);
    expect(bundles.without(domainA).get(domainA)).toBeUndefined();
    expect(bundles.get(TrustDomain.parse('c.test'))).toBeUndefined();
    expect(inspect(bundles)).toContain(KID);
  });
});

describe('secrets', () => {
  const secret = token({ secret: 'do-not-tell' });
  const signature = secret.split('.')[2] ?? '';

  test('nothing that prints an SVID shows its token or its other claims', async () => {
    for (const svid of [await validate(secret), parseJwtSvid(secret)]) {
      const shown = [
        String(svid),
        inspect(svid, { depth: 9, showHidden: true }),
        JSON.stringify(svid),
        inspect({ svid }),
      ];
      for (const text of shown) {
        expect(text).toContain(CLAIMS.sub);
        expect(text).not.toContain(signature);
        expect(text).not.toContain('do-not-tell');
      }
      expect(Object.values(svid)).not.toContain(secret);
    }
  });

  test('no error shows a token', async () => {
    const broken = [
      `${secret}.`,
      `Bearer ${secret}`,
      secret.slice(0, -1),
      token({ sub: secret }),
      token({ aud: 7, secret }),
      token({}, { typ: 7, secret }),
      token({ secret }, {}, keyB),
      token({ exp: 1, secret }),
      token({ aud: 'other', secret }),
      mint(keyA, HEADER, secret),
      mint(keyA, secret, CLAIMS),
    ];
    for (const given of broken) {
      const error: unknown = await validate(given).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(SpiffeError);
      const shown = `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`;
      expect(shown).not.toContain(signature);
      expect(shown).not.toContain('do-not-tell');
      expect((error as SpiffeError).cause).toBeUndefined();
    }
  });
});
