import { JwtBundle, parseJwtBundle, TrustDomain } from '@svidkit/core';
import { JwtBundleSet, validateJwtSvid } from '@svidkit/core/jwt';
import { expect, test } from 'vitest';

import { createTestJwtAuthority, type JwtKeyAlgorithm } from '../src/index.ts';

const ALGORITHMS: readonly JwtKeyAlgorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
];
const NOW = Date.parse('2026-06-01T12:00:00Z');
const clock = { now: () => NOW };

test.for(ALGORITHMS)(
  'a token of %s is accepted by the bundle of its authority, and by no other',
  async (algorithm) => {
    const make = (): ReturnType<typeof createTestJwtAuthority> =>
      createTestJwtAuthority({ trustDomain: 'a.test', keyId: 'k', algorithm, now: () => NOW });
    const [authority, other] = [make(), make()];
    const token = authority.issue({ subject: '/web', audience: 'x', claims: { role: 'r' } });
    const options = { audience: 'x', clock };
    const svid = await validateJwtSvid(token, JwtBundleSet.of(authority.bundle()), options);
    expect([svid.id.toString(), svid.expiry, svid.claims['role']]).toEqual([
      'spiffe://a.test/web',
      NOW + 300_000,
      'r',
    ]);
    const asJwks = parseJwtBundle(authority.jwks(), TrustDomain.parse('a.test'));
    expect(asJwks.equals(authority.bundle())).toBe(true);
    await expect(validateJwtSvid(token, JwtBundleSet.of(other.bundle()), options)).rejects.toMatchObject({
      code: 'ERR_JWT_SIGNATURE',
    });
  },
);

test('claims and headers can be left out and be others', async () => {
  const authority = createTestJwtAuthority({ now: () => NOW });
  const bundles = JwtBundleSet.of(authority.bundle());
  const judge = (claims: object, header: object): Promise<string> =>
    validateJwtSvid(
      authority.issue({
        subject: 'spiffe://example.test/web',
        audience: ['x', 'y'],
        claims: { ...claims },
        header: { ...header },
      }),
      bundles,
      { audience: 'y', clock },
    ).then(
      ({ id }) => id.toString(),
      (error: unknown) => (error as { code: string }).code,
    );
  expect(await judge({}, {})).toBe('spiffe://example.test/web');
  expect(await judge({ exp: undefined }, {})).toBe('ERR_JWT_CLAIM');
  expect(await judge({}, { alg: 'none' })).toBe('ERR_JWT_ALGORITHM');
  expect(authority.bundle()).toBeInstanceOf(JwtBundle);
});

test('wants a trust domain and an algorithm', () => {
  expect(() => createTestJwtAuthority({ trustDomain: 'A' })).toThrow(
    expect.objectContaining({ code: 'ERR_ID_INVALID' }),
  );
  expect(() => createTestJwtAuthority({ algorithm: 'HS256' as never })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
  );
});
