import { createPrivateKey, createPublicKey, type JsonWebKey, verify } from 'node:crypto';

import { expect, test } from 'vitest';

import { createTestWitAuthority } from '../src/index.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const authority = createTestWitAuthority({ trustDomain: 'prod.example', keyId: 'A', now: () => NOW });

function partOf(token: string, index: number): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[index] ?? '', 'base64url').toString();
  return JSON.parse(text) as Record<string, unknown>;
}

test('an entry has a token by the key of the bundle, and the private half of its cnf', () => {
  const { spiffeId, witSvid, witSvidKey, hint } = authority.issue({ subject: '/web' });
  expect([spiffeId, hint]).toEqual(['spiffe://prod.example/web', '']);
  expect(partOf(witSvid, 0)).toEqual({ alg: 'ES256', kid: 'A', typ: 'wit+jwt' });
  const { cnf, ...claims } = partOf(witSvid, 1);
  expect(claims).toEqual({ sub: spiffeId, exp: NOW / 1000 + 3_600, iat: NOW / 1000 });
  const { jwk } = cnf as { readonly jwk: JsonWebKey };
  expect(jwk).not.toHaveProperty('d');
  const key = createPrivateKey({ key: JSON.parse(witSvidKey) as JsonWebKey, format: 'jwk' });
  expect(createPublicKey(key).equals(createPublicKey({ key: jwk, format: 'jwk' }))).toBe(true);

  const [bundleKey] = (JSON.parse(authority.bundle()) as { readonly keys: readonly JsonWebKey[] }).keys;
  expect(bundleKey).toMatchObject({ kid: 'A', use: 'wit-svid' });
  const [header = '', payload = '', signature = ''] = witSvid.split('.');
  const issuer = createPublicKey({ key: bundleKey ?? {}, format: 'jwk' });
  const isSigned = (text: string): boolean =>
    verify(
      'sha256',
      Buffer.from(text),
      { key: issuer, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
  expect([isSigned(`${header}.${payload}`), isSigned(`${header}.x`)]).toEqual([true, false]);
});

test('a token can be made wrong, and each has a key of its own', () => {
  const { witSvid } = authority.issue({
    subject: '/web',
    claims: { cnf: undefined, aud: 'x' },
    header: { typ: 'JWT' },
  });
  expect(partOf(witSvid, 0)).toMatchObject({ typ: 'JWT' });
  expect(partOf(witSvid, 1)).not.toHaveProperty('cnf');
  expect(partOf(witSvid, 1)).toMatchObject({ aud: 'x' });
  const keys = [authority.issue({ subject: '/web' }), authority.issue({ subject: '/web' })];
  expect(keys[0]?.witSvidKey).not.toBe(keys[1]?.witSvidKey);
  expect(partOf(authority.issue({ subject: '/web', ttlMs: -1_000 }).witSvid, 1)).toMatchObject({
    exp: NOW / 1000 - 1,
  });
  expect(() => createTestWitAuthority({ algorithm: 'none' as 'ES256' })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
  );
});
