import { describe, expect, test } from 'vitest';

import { parseJwtSvid, type ValidateJwtSvidOptions } from '../../src/jwt/index.ts';
import { CLAIMS, HEADER, keyA, NOW, outcome, SECONDS, token, validate } from './jwt-world.ts';
import { mint } from './mint-token.ts';

describe('sub', () => {
  test.for([
    undefined,
    null,
    7,
    '',
    'client',
    'https://a.test/client',
    'spiffe://A.test/client',
    'spiffe://a.test/',
    'spiffe://a.test//client',
    'spiffe://a.test/client?',
    ['spiffe://a.test/client'],
    `spiffe://a.test/${'x'.repeat(2048)}`,
  ])('J-07: %j is refused', async (sub) => {
    expect(await outcome(token({ sub }))).toBe('ERR_JWT_CLAIM');
  });

  test('J-07: the ID of a trust domain itself is one too', async () => {
    expect((await validate(token({ sub: 'spiffe://a.test' }))).id.toString()).toBe('spiffe://a.test');
  });
});

describe('aud', () => {
  test.for([
    undefined,
    null,
    7,
    '',
    [],
    [''],
    ['spiffe://a.test/server', 7],
    [['spiffe://a.test/server']],
    {},
  ])('J-08: %j is refused', async (aud) => {
    expect(await outcome(token({ aud }))).toBe('ERR_JWT_CLAIM');
  });

  test.for(['x', ['x'], ['y', 'x', 'z'], ['x', 'x']])('J-10: %j is for x', async (aud) => {
    const svid = await validate(token({ aud }), { audience: 'x' });
    expect(svid.audience).toEqual([aud].flat());
  });

  test('J-09: any of ours among theirs', async () => {
    expect(await outcome(token({ aud: ['b', 'c'] }), { audience: ['a', 'b'] })).toBe('accepted');
    expect(await outcome(token({ aud: ['c', 'd'] }), { audience: ['a', 'b'] })).toBe('ERR_JWT_AUDIENCE');
  });

  test.for([
    'spiffe://a.test/serve',
    'spiffe://a.test/server/',
    'spiffe://a.test/Server',
    'spiffe://b.test/server',
    '*',
  ])('J-09: %j is not for us', async (aud) => {
    expect(await outcome(token({ aud }))).toBe('ERR_JWT_AUDIENCE');
    expect(await outcome(token({ aud: [aud, aud] }))).toBe('ERR_JWT_AUDIENCE');
  });

  test.for([undefined, [], '', [''], null, 7, ['a', undefined], [['a']]])(
    'J-09: a validator whose audience is %j accepts nobody',
    async (audience) => {
      const options = { audience } as ValidateJwtSvidOptions;
      expect(await outcome(token(), options)).toBe('ERR_CONFIG_OPTION');
      // Also not a token for exactly that.
      expect(await outcome(token({ aud: audience }), options)).toBe('ERR_CONFIG_OPTION');
    },
  );
});

describe('exp', () => {
  test.for([undefined, null, '1780315500', true, -1, [1780315500], {}])(
    'J-12: %j is refused',
    async (exp) => {
      expect(await outcome(token({ exp }))).toBe('ERR_JWT_CLAIM');
    },
  );

  test.for(['1e400', '1e300', '8640000000001', '99999999999999999999999', '-0.5'])(
    'J-12: %s is no time',
    async (exp) => {
      const text = JSON.stringify(CLAIMS).replace(/"exp":\d+/, `"exp":${exp}`);
      expect(await outcome(mint(keyA, HEADER, text))).toBe('ERR_JWT_CLAIM');
    },
  );

  test('J-13: the leeway is 30 s, and at the end of it a token is over', async () => {
    expect(await outcome(token({ exp: SECONDS - 29.999 }))).toBe('accepted');
    expect(await outcome(token({ exp: SECONDS - 30 }))).toBe('ERR_JWT_EXPIRED');
    expect(await outcome(token({ exp: 0 }))).toBe('ERR_JWT_EXPIRED');
  });

  test('J-13: the leeway is 0 to 60 s', async () => {
    expect(await outcome(token({ exp: SECONDS + 0.001 }), { leewayMs: 0 })).toBe('accepted');
    expect(await outcome(token({ exp: SECONDS }), { leewayMs: 0 })).toBe('ERR_JWT_EXPIRED');
    expect(await outcome(token({ exp: SECONDS - 59 }), { leewayMs: 60_000 })).toBe('accepted');
    expect(await outcome(token({ exp: SECONDS - 60 }), { leewayMs: 60_000 })).toBe('ERR_JWT_EXPIRED');
    for (const leewayMs of [-1, 60_001, Number.NaN, Infinity, '30' as unknown as number]) {
      expect(await outcome(token(), { leewayMs })).toBe('ERR_CONFIG_OPTION');
    }
  });

  test('J-13: a clock that does not know the time accepts nothing', async () => {
    expect(await outcome(token(), { clock: { now: () => Number.NaN } })).toBe('ERR_JWT_EXPIRED');
  });
});

describe('nbf, iat and jti', () => {
  test('J-14: nbf is kept, with the leeway', async () => {
    expect(await outcome(token({ nbf: SECONDS + 30 }))).toBe('accepted');
    expect(await outcome(token({ nbf: SECONDS + 30.5 }))).toBe('ERR_JWT_NOT_YET_VALID');
    expect(await outcome(token({ nbf: SECONDS + 1 }), { leewayMs: 0 })).toBe('ERR_JWT_NOT_YET_VALID');
    expect(await outcome(token({ nbf: 0 }))).toBe('accepted');
  });

  test.for(['soon', null, -1, []])('J-14: %j as nbf is refused', async (nbf) => {
    expect(await outcome(token({ nbf }))).toBe('ERR_JWT_CLAIM');
  });

  test('J-14: iat decides nothing', async () => {
    expect((await validate(token({ iat: SECONDS + 3600 }))).issuedAt).toBe(NOW + 3_600_000);
    for (const iat of [undefined, 'yesterday', -5, null]) {
      expect((await validate(token({ iat }))).issuedAt).toBeUndefined();
    }
  });

  test('J-21: jti is told and not remembered', async () => {
    const given = token({ jti: 'one' });
    expect((await validate(given)).jwtId).toBe('one');
    expect((await validate(given)).jwtId).toBe('one');
    expect((await validate(token({ jti: 7 }))).jwtId).toBeUndefined();
  });
});

describe('claims', () => {
  const text = JSON.stringify({ ...CLAIMS, iss: 'x', roles: ['a', { b: null }], n: 1.5 }).replace(
    '{',
    '{"__proto__":{"admin":true},',
  );

  test('J-06: others are kept, by their names alone', async () => {
    const { claims } = await validate(mint(keyA, HEADER, text));
    expect({ ...claims }).toMatchObject({ iss: 'x', roles: ['a', { b: null }], n: 1.5, sub: CLAIMS.sub });
    expect(claims['admin']).toBeUndefined();
    expect(claims['toString']).toBeUndefined();
    expect(Object.keys(claims)).toContain('__proto__');
  });

  test('J-06: nothing about an SVID can be changed', async () => {
    const svid = await validate(mint(keyA, HEADER, text));
    expect(Object.isFrozen(svid)).toBe(true);
    expect(Object.isFrozen(svid.claims)).toBe(true);
    expect(Object.isFrozen(svid.claims['roles'])).toBe(true);
    expect(Object.isFrozen(svid.audience)).toBe(true);
  });

  test('what is read without proof says so, and looks at no time, audience or signature', async () => {
    const given = token({ exp: 1, aud: 'somebody' }).replace(/.{4}$/, 'AAAA');
    const svid = parseJwtSvid(given);
    expect(svid).toMatchObject({ verified: false, audience: ['somebody'], expiry: 1000, token: given });
    expect(await outcome(given)).toBe('ERR_JWT_SIGNATURE');
    expect((await validate(token())).verified).toBe(true);
  });
});
