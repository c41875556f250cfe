import { type Draft } from '../draft.ts';
import { mint, part, signed } from '../jwt/token.ts';
import { WIT_SPEC } from '../spec-quotes-wit.ts';
import { claimsWith, either, headerWith, KEY, refuse, token, type Variant } from './wit-svid-case.ts';

const CODES = ['jwt.malformed', 'jwt.signature', 'jwt.length', 'jwt.alg', 'jwt.sub'];
const DEEP = JSON.stringify(claimsWith()).replace('{', `{"deep":${'['.repeat(5_000)}${']'.repeat(5_000)},`);

/** Row 221: what a token is made of. */
export function witFormDrafts(): readonly Draft[] {
  const [header = '', payload = '', signature = ''] = token().split('.');
  const flipped = Buffer.from(signature, 'base64url');
  flipped[5] = (flipped[5] ?? 0) ^ 1;
  const tampered: readonly Variant<string>[] = [
    [
      'header',
      'a token whose header was changed is refused',
      `${part(headerWith({ x: 1 }))}.${payload}.${signature}`,
    ],
    [
      'payload',
      'a token whose claims were changed is refused',
      `${header}.${part(claimsWith({ sub: 'spiffe://example.org/admin' }))}.${signature}`,
    ],
    [
      'signature',
      'a token whose signature was changed is refused',
      `${header}.${payload}.${flipped.toString('base64url')}`,
    ],
  ];
  const forms: readonly Variant<string>[] = [
    ['two-parts', 'a token without a signature is refused', `${header}.${payload}`],
    ['four-parts', 'a token of four parts is refused', `${header}.${payload}.${signature}.AA`],
    ['empty', 'no token is refused', ''],
    [
      'flattened',
      'the flattened JSON serialization is refused',
      JSON.stringify({ protected: header, payload, signature }),
    ],
    [
      'general',
      'the general JSON serialization is refused',
      JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
    ],
    ['padding', 'base64 with padding is refused', `${header}.${payload}.${signature}==`],
    ['list', 'claims that are a list are refused', signed(`${header}.${part('[]')}`, KEY)],
  ];
  return [
    ...tampered.map(([id, title, value]) =>
      refuse(221, `reject/tampered-${id}`, title, ['jwt.signature'], {
        token: value,
        spec: [WIT_SPEC.rfc7515('5.2')],
      }),
    ),
    ...forms.map(([id, title, value]) =>
      refuse(221, `reject/form-${id}`, title, CODES, {
        token: value,
        spec: [WIT_SPEC.compact, WIT_SPEC.rfc7515('7.1')],
      }),
    ),
    either(
      221,
      'choice/huge',
      'a token of 100 KiB is read or refused, and soon',
      ['jwt.length', 'jwt.malformed'],
      {
        token: token({ fill: 'x'.repeat(75_000) }),
        spec: [WIT_SPEC.kit('wit.validate')],
        why: 'whoever is sent a token must not be kept busy by its size',
        deadlineMs: 5_000,
      },
    ),
    either(
      221,
      'choice/deep',
      'a claim of 5000 nested lists is read or refused, and soon',
      ['jwt.length', 'jwt.malformed'],
      {
        token: mint(headerWith(), DEEP, KEY),
        spec: [WIT_SPEC.kit('wit.validate')],
        why: 'whoever is sent a token must not run out of stack by its depth',
        deadlineMs: 5_000,
      },
    ),
  ];
}
