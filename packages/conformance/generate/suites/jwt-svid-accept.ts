import { type Draft } from '../draft.ts';
import { mint, tokenKey } from '../jwt/token.ts';
import { JWT_SPEC } from '../spec-quotes-jwt.ts';
import {
  accept,
  AUDIENCE,
  BUNDLES,
  bundleOf,
  claimsWith,
  either,
  EVIL,
  headerWith,
  KEY,
  KEY_B,
  refuse,
  token,
} from './jwt-svid-case.ts';
import { EXP } from './token-case.ts';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];

const DEEP = JSON.stringify(claimsWith()).replace('{', `{"deep":${'['.repeat(5_000)}${']'.repeat(5_000)},`);

/** Rows 186 to 193, 208, 217 and 218: what is accepted, and what may be. */
export function jwtAcceptDrafts(): readonly Draft[] {
  return [
    ...ALGORITHMS.map((alg) => {
      const key = tokenKey(alg);
      return accept(186, `accept/${alg.toLowerCase()}`, `a token signed by ${alg} is accepted`, {
        token: token({}, {}, key),
        bundles: { 'example.org': bundleOf(key) },
        spec: [JWT_SPEC.alg],
      });
    }),
    accept(187, 'accept/aud-string', 'an audience may be a text', {
      token: token({ aud: AUDIENCE }),
      spec: [JWT_SPEC.rfc7519('4.1.3')],
      found: { audience: [AUDIENCE] },
    }),
    accept(187, 'accept/aud-array', 'an audience may be a list', {
      token: token({ aud: [AUDIENCE] }),
      spec: [JWT_SPEC.rfc7519('4.1.3')],
      found: { audience: [AUDIENCE] },
    }),
    accept(187, 'accept/aud-among-others', 'one name of ours among theirs is enough', {
      token: token({ aud: ['other', AUDIENCE] }),
      spec: [JWT_SPEC.aud],
    }),
    either(
      187,
      'choice/aud-of-several',
      'of several names of ours one may be enough, or all are wanted',
      ['jwt.aud'],
      {
        token: token({ aud: ['other', AUDIENCE] }),
        audience: ['not-in-the-token', AUDIENCE],
        spec: [JWT_SPEC.aud],
        why: 'a service goes by several names; the standard speaks of the one value that it identifies with',
        control: 'accept/aud-among-others',
      },
    ),
    accept(188, 'accept/typ-jwt', 'typ JWT is accepted', {
      token: token({}, { typ: 'JWT' }),
      spec: [JWT_SPEC.typ],
    }),
    accept(188, 'accept/typ-jose', 'typ JOSE is accepted', {
      token: token({}, { typ: 'JOSE' }),
      spec: [JWT_SPEC.typ],
    }),
    accept(188, 'accept/typ-absent', 'a token without typ is accepted', {
      token: token({}, { typ: undefined }),
      spec: [JWT_SPEC.typ],
    }),
    accept(189, 'accept/extra-claims', 'other claims are kept', {
      token: token({ role: 'admin', nested: { list: [1, true, null] } }),
      spec: [JWT_SPEC.claims],
      found: { claims: { role: 'admin', nested: { list: [1, true, null] } } },
    }),
    accept(190, 'accept/iss-and-jti', 'iss and jti may be whatever their issuer likes', {
      token: token({ iss: 'https://anything.example', jti: 'one' }),
      spec: [JWT_SPEC.claims],
    }),
    accept(190, 'accept/iat-absent', 'a token without iat is accepted', {
      token: token({ iat: undefined }),
      spec: [JWT_SPEC.rfc7519('4.1.6')],
    }),
    either(190, 'choice/iat-future', 'a token that says to be made in the future', ['jwt.iat', 'jwt.nbf'], {
      token: token({ iat: EXP }),
      spec: [JWT_SPEC.rfc7519('4.1.6')],
      why: 'iat says how old a token is and decides nothing; several libraries refuse it all the same',
    }),
    accept(
      191,
      'accept/federated-td',
      'a token of a federated trust domain is judged by the bundle of that one',
      {
        token: token({ sub: 'spiffe://b.test/web' }, {}, KEY_B),
        bundles: { ...BUNDLES, 'b.test': bundleOf(KEY_B) },
        spec: [JWT_SPEC.ownTd],
        id: 'spiffe://b.test/web',
      },
    ),
    either(192, 'choice/kid-absent', 'a token that does not name its key', ['jwt.kid'], {
      token: token({}, { kid: undefined }),
      spec: [JWT_SPEC.kid],
    }),
    ...extraHeaders(),
    either(208, 'choice/sub-path-less', 'the ID of a trust domain itself as subject', ['jwt.sub'], {
      token: token({ sub: 'spiffe://example.org' }),
      spec: [JWT_SPEC.sub],
      id: 'spiffe://example.org',
    }),
    either(
      217,
      'choice/huge',
      'a token of 100 KiB is read or refused, and soon',
      ['jwt.length', 'jwt.malformed'],
      {
        token: token({ fill: 'x'.repeat(75_000) }),
        spec: [JWT_SPEC.kit('jwt.validate')],
        why: 'whoever is sent a token must not be kept busy by its size',
        deadlineMs: 5_000,
      },
    ),
    either(
      217,
      'choice/deep',
      'a claim of 5000 nested lists is read or refused, and soon',
      ['jwt.length', 'jwt.malformed'],
      {
        token: mint(headerWith(), DEEP, KEY),
        spec: [JWT_SPEC.kit('jwt.validate')],
        why: 'whoever is sent a token must not run out of stack by its depth',
        deadlineMs: 5_000,
      },
    ),
    accept(218, 'rotate/new-signature', 'after a rotation that keeps the kid the new key counts', {
      token: token({}, {}, EVIL),
      bundles: { 'example.org': bundleOf(EVIL) },
      spec: [JWT_SPEC.replaced],
    }),
    refuse(
      218,
      'rotate/old-signature',
      'after a rotation that keeps the kid the old key counts no more',
      ['jwt.signature'],
      {
        token: token(),
        bundles: { 'example.org': bundleOf(EVIL) },
        spec: [JWT_SPEC.replaced],
        control: 'rotate/new-signature',
      },
    ),
  ];
}

/** Headers that name keys: they may be there, and must never be believed. */
function extraHeaders(): readonly Draft[] {
  const values = {
    jwk: { ...(EVIL.publicKey.export({ format: 'jwk' }) as { kty: string }), kid: 'key-1' },
    jku: 'https://evil.test/keys',
    x5u: 'https://evil.test/chain',
    x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA',
  } as const;
  return Object.entries(values).flatMap(([name, value]) => [
    either(193, `choice/header-${name}`, `a header ${name} that nobody needs`, ['jwt.header', 'jwt.key'], {
      token: token({}, { [name]: value }),
      spec: [JWT_SPEC.headers],
    }),
    refuse(
      193,
      `reject/header-${name}-as-key`,
      `the key that a header ${name} offers is not believed`,
      ['jwt.signature', 'jwt.header', 'jwt.key'],
      {
        token: token({}, { [name]: value }, EVIL),
        spec: [JWT_SPEC.headers],
        why: 'otherwise everybody could sign for everybody',
      },
    ),
  ]);
}
