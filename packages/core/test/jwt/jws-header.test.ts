import { sign } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { JwtBundle } from '../../src/jwt-bundle.ts';
import { JwtBundleSet, parseJwtSvid } from '../../src/jwt/index.ts';
import { outcomeOf } from '../failure-of.ts';
import { bundles, CLAIMS, domainA, HEADER, keyA, KID, outcome, token, validate } from './jwt-world.ts';
import { ALGORITHMS, mint, mintHmac, part, signInput, signingKey } from './mint-token.ts';

describe('algorithms', () => {
  test.for(ALGORITHMS)('J-03: %s is accepted', async (algorithm) => {
    const key = signingKey(algorithm);
    const trusted = JwtBundleSet.of(JwtBundle.fromAuthorities(domainA, [[KID, key.publicKey]]));
    const given = mint(key, { alg: algorithm, kid: KID }, CLAIMS);
    expect(await outcome(given, {}, trusted)).toBe('accepted');
  });

  test.for([
    'none',
    'None',
    'nOnE',
    'HS256',
    'HS512',
    'EdDSA',
    'Ed25519',
    'ES256K',
    'ML-DSA-65',
    'RSA-OAEP',
    'es256',
    '',
  ])('J-03: alg %j is refused before anything else is looked at', async (alg) => {
    const signed = mint(keyA, { ...HEADER, alg }, 'no JSON at all');
    const unsigned = `${part({ ...HEADER, alg })}.${part(CLAIMS)}.`;
    expect([await outcome(signed), await outcome(unsigned)]).toEqual([
      'ERR_JWT_ALGORITHM',
      'ERR_JWT_ALGORITHM',
    ]);
  });

  test.for([undefined, null, 256, ['ES256'], { name: 'ES256' }])(
    'J-03: %j as alg is refused',
    async (alg) => {
      expect(await outcome(token({}, { alg }))).toBe('ERR_JWT_ALGORITHM');
    },
  );

  test('J-03: the public key of the bundle is never a secret', async () => {
    const pem = keyA.publicKey.export({ format: 'pem', type: 'spki' });
    const der = keyA.publicKey.export({ format: 'der', type: 'spki' });
    const jwk = JSON.stringify(keyA.publicKey.export({ format: 'jwk' }));
    for (const secret of [pem, der, jwk]) {
      const given = mintHmac(secret, { ...HEADER, alg: 'HS256' }, CLAIMS);
      expect(await outcome(given)).toBe('ERR_JWT_ALGORITHM');
      // Nor when it claims to be another algorithm.
      expect(await outcome(mintHmac(secret, HEADER, CLAIMS))).toBe('ERR_JWT_SIGNATURE');
    }
  });

  test('J-03: a key signs with the algorithms of its type and curve alone', async () => {
    const [p384, rsa] = [signingKey('ES384'), signingKey('RS256')];
    const wrong = [
      mint(keyA, { ...HEADER, alg: 'ES384' }, CLAIMS).replace(
        /[^.]+$/,
        Buffer.alloc(96, 1).toString('base64url'),
      ),
      mint(rsa, { ...HEADER, alg: 'RS256' }, CLAIMS),
      mint(p384, { ...HEADER, alg: 'ES384' }, CLAIMS),
    ];
    for (const given of wrong) expect(await outcome(given)).toBe('ERR_JWT_KEY');
    const trusted = JwtBundleSet.of(JwtBundle.fromAuthorities(domainA, [[KID, p384.publicKey]]));
    expect(await outcome(mint(p384, { ...HEADER, alg: 'ES384' }, CLAIMS), {}, trusted)).toBe('accepted');
    const asEs256 = mint({ ...p384, algorithm: 'ES256' }, { ...HEADER, alg: 'ES256' }, CLAIMS);
    expect(await outcome(asEs256, {}, trusted)).toBe('ERR_JWT_KEY');
  });

  test('J-03: a signature of ECDSA is r and s, of the length of the curve', async () => {
    const input = `${part(HEADER)}.${part(CLAIMS)}`;
    const good = signInput(input, keyA);
    const withSignature = (bytes: Buffer): string => `${input}.${bytes.toString('base64url')}`;
    expect(await outcome(withSignature(good))).toBe('accepted');
    const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
    const bad = [
      sign('sha256', Buffer.from(input), keyA.privateKey), // in DER
      Buffer.concat([Buffer.alloc(1), good]),
      Buffer.concat([good, Buffer.alloc(1)]),
      good.subarray(0, 63),
      Buffer.concat([Buffer.alloc(32), good.subarray(32)]),
      Buffer.concat([good.subarray(0, 32), order]),
      Buffer.alloc(64),
    ];
    for (const bytes of bad) expect(await outcome(withSignature(bytes))).toBe('ERR_JWT_SIGNATURE');
  });
});

describe('headers', () => {
  test.for(['JWT', 'JOSE', undefined])('J-05: typ %j is accepted', async (typ) => {
    expect(await outcome(token({}, { typ }))).toBe('accepted');
  });

  // ID-25: another kind of SVID is not this one.
  test.for(['at+jwt', 'wit+jwt', 'jwt', 'jose', '', ' JWT', 7, null, ['JWT']])(
    'J-05, ID-25: typ %j is refused',
    async (typ) => {
      expect(await outcome(token({}, { typ }))).toBe('ERR_JWT_HEADER');
    },
  );

  test.for([
    { crit: ['exp'] },
    { crit: [] },
    { crit: ['b64'], b64: false },
    { crit: null },
    { b64: false },
    { b64: true },
  ])('J-01: %j is refused, since it changes what is signed', async (header) => {
    expect(await outcome(token({}, header))).toBe('ERR_JWT_HEADER');
  });

  test('J-01: an unencoded payload is refused', async () => {
    const input = `${part({ ...HEADER, b64: false, crit: ['b64'] })}.${JSON.stringify(CLAIMS).replaceAll('.', '')}`;
    expect(await outcome(`${input}.${signInput(input, keyA).toString('base64url')}`)).toBe('ERR_JWT_HEADER');
  });

  const attacker = signingKey('ES256');
  const embedded = {
    jwk: { ...attacker.publicKey.export({ format: 'jwk' }), kid: KID },
    jku: 'https://evil.test/keys',
    x5u: 'https://evil.test/chain',
    x5c: ['MIIB'],
    x5t: 'AAAA',
  };
  test.for(Object.entries(embedded))(
    'J-02: %s in the header is never a source of keys',
    async ([name, value]) => {
      expect(await outcome(token({}, { [name]: value }, attacker))).toBe('ERR_JWT_SIGNATURE');
      expect(await outcome(token({}, { [name]: value, kid: undefined }, attacker))).toBe('ERR_JWT_SIGNATURE');
      // DEC-4: tolerated by default, refused where one wants to be strict.
      expect(await outcome(token({}, { [name]: value }))).toBe('accepted');
      expect(await outcome(token({}, { [name]: value }), { strict: true })).toBe('ERR_JWT_HEADER');
    },
  );

  test('J-02: strict accepts what the standard has', async () => {
    expect(await outcome(token(), { strict: true })).toBe('accepted');
    expect(parseJwtSvid(token(), { strict: true }).id.toString()).toBe(CLAIMS.sub);
    expect(outcomeOf(() => parseJwtSvid(token({}, { x: 1 }), { strict: true }))).toBe('ERR_JWT_HEADER');
    expect(outcomeOf(() => parseJwtSvid(token({}, { kid: undefined }), { strict: true }))).toBe(
      'ERR_JWT_KEY',
    );
  });
});

describe('kid', () => {
  const unnamed = token({}, { kid: undefined });

  test('J-04: without one every key that fits is tried', async () => {
    const more = Array.from(
      { length: 5 },
      (_, index) => [`key-${index + 2}`, signingKey('ES256').publicKey] as const,
    );
    const trusted = JwtBundleSet.of(
      JwtBundle.fromAuthorities(domainA, [
        ['rsa', signingKey('RS256').publicKey],
        ...more,
        [KID, keyA.publicKey],
      ]),
    );
    expect(await outcome(unnamed, {}, trusted)).toBe('accepted');
    const without = JwtBundleSet.of(JwtBundle.fromAuthorities(domainA, more));
    expect(await outcome(unnamed, {}, without)).toBe('ERR_JWT_SIGNATURE');
    const others = JwtBundleSet.of(
      JwtBundle.fromAuthorities(domainA, [['rsa', signingKey('RS256').publicKey]]),
    );
    expect(await outcome(unnamed, {}, others)).toBe('ERR_JWT_KEY');
  });

  test('J-04: at most 32 keys are tried', async () => {
    const { publicKey } = signingKey('ES256');
    const many = (count: number): JwtBundleSet =>
      JwtBundleSet.of(
        JwtBundle.fromAuthorities(domainA, [
          ...Array.from({ length: count - 1 }, (_, index) => [`other-${index}`, publicKey] as const),
          [KID, keyA.publicKey],
        ]),
      );
    expect(await outcome(unnamed, {}, many(32))).toBe('accepted');
    expect(await outcome(unnamed, {}, many(33))).toBe('ERR_JWT_KEY');
    expect(await outcome(token(), {}, many(33))).toBe('accepted');
  });

  test('J-04: it can be required', async () => {
    expect(await outcome(unnamed)).toBe('accepted');
    expect(await outcome(unnamed, { kidPolicy: 'required' })).toBe('ERR_JWT_KEY');
    expect(await outcome(unnamed, { strict: true })).toBe('ERR_JWT_KEY');
    expect(await outcome(unnamed, { strict: true, kidPolicy: 'optional' })).toBe('accepted');
    expect(await outcome(token(), { kidPolicy: 'required' })).toBe('accepted');
  });

  test.for(['key-2', 'KEY-1', '', '__proto__', 'key-1 '])(
    'J-19: %j, which the bundle does not have, is refused',
    async (kid) => {
      expect(await outcome(token({}, { kid }))).toBe('ERR_JWT_KEY');
    },
  );

  test.for([1, null, ['key-1'], { kid: 'key-1' }])('J-04: %j is no kid', async (kid) => {
    expect(await outcome(token({}, { kid }))).toBe('ERR_JWT_HEADER');
  });
});

test('the twin of all of these is accepted', async () => {
  expect((await validate(token())).id.toString()).toBe(CLAIMS.sub);
  expect(bundles.size).toBe(2);
});
