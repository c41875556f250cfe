import { describe, expect, test } from 'vitest';

import { parseJwtSvid } from '../../src/jwt/index.ts';
import { outcomeOf } from '../failure-of.ts';
import { CLAIMS, HEADER, keyA, outcome, token } from './jwt-world.ts';
import { mint, part, signInput } from './mint-token.ts';

const good = token();
const [header = '', payload = '', signature = ''] = good.split('.');

const fill = (length: number): string => token({ fill: 'x'.repeat(length) });

describe('compact serialization', () => {
  const forms: Readonly<Record<string, string>> = {
    'one part': header,
    'two parts': `${header}.${payload}`,
    'a detached payload': `${header}..${signature}`,
    'no signature': `${header}.${payload}.`,
    'four parts': `${good}.`,
    'five parts (JWE)': `${header}.${payload}.${signature}.${payload}.${signature}`,
    'a leading dot': `.${payload}.${signature}`,
    nothing: '',
    'dots alone': '..',
    'flattened JSON': JSON.stringify({ protected: header, payload, signature }),
    'general JSON': JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
    'a scheme before it': `Bearer ${good}`,
    'a newline after it': `${good}\n`,
    padding: `${header}=.${payload}.${signature}`,
    'standard base64': `${header}.${payload}.${signature.replace(/./, '+')}`,
    'a newline in it': `${header}.${payload.slice(0, 4)}\n${payload.slice(4)}.${signature}`,
    'a letter that is none': `${header}.${payload}.${signature.slice(0, -1)}é`,
  };

  test.for(Object.entries(forms))('J-01: %s is refused', async ([, form]) => {
    expect(await outcome(form)).toBe('ERR_JWT_MALFORMED');
    expect(outcomeOf(() => parseJwtSvid(form))).toBe('ERR_JWT_MALFORMED');
  });

  test('J-01: bits that mean nothing are refused', async () => {
    // 64 bytes leave four bits over in the last character.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(signature.at(-1) ?? '');
    const other = `${good.slice(0, -1)}${alphabet[last + 1]}`;
    expect(Buffer.from(other.split('.')[2] ?? '', 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
    expect(await outcome(other)).toBe('ERR_JWT_MALFORMED');
  });

  test.for([undefined, null, 7, {}, ['a.b.c'], Buffer.from(good)])('J-01: %j is no token', async (given) => {
    expect(await outcome(given as string)).toBe('ERR_JWT_MALFORMED');
  });

  test('J-01: a token within a token is refused', async () => {
    expect(await outcome(mint(keyA, { ...HEADER, cty: 'JWT' }, good))).toBe('ERR_JWT_MALFORMED');
  });

  test('a token of at most 16,384 characters is read', async () => {
    // Three bytes are four characters: the last bytes decide, so the two lengths are tried out.
    let length = 12_000;
    while (fill(length + 1).length <= 16_384) length++;
    expect(await outcome(fill(length))).toBe('accepted');
    expect(await outcome(fill(length + 1))).toBe('ERR_JWT_TOO_LONG');
    expect(await outcome(`${good}${'A'.repeat(1024 * 1024)}`)).toBe('ERR_JWT_TOO_LONG');
  });
});

describe('JSON', () => {
  const claims = JSON.stringify(CLAIMS);
  const payloads: Readonly<Record<string, string>> = {
    'an array': '[]',
    'a text': '"spiffe://a.test/client"',
    null: 'null',
    nothing: ' ',
    'a byte order mark': `\uFEFF${claims}`,
    'another value after it': `${claims}{}`,
    'a second sub': claims.replace('{', '{"sub":"spiffe://a.test/admin",'),
    'a second sub in disguise': claims.replace('{', String.raw`{"\u0073ub":"spiffe://a.test/admin",`),
    'a comment': `/**/${claims}`,
    NaN: claims.replace(/"exp":\d+/, '"exp":NaN'),
    'nesting without end': claims.replace('{', `{"deep":${'['.repeat(4_000)}${']'.repeat(4_000)},`),
  };

  test.for(Object.entries(payloads))('claims that are %s are refused', async ([, text]) => {
    expect(await outcome(mint(keyA, HEADER, text))).toBe('ERR_JWT_MALFORMED');
  });

  test('claims that are no UTF-8 are refused', async () => {
    const bytes = Buffer.from(claims.replace('{', '{"name":"\u00E9",'), 'latin1').toString('base64url');
    const input = `${part(HEADER)}.${bytes}`;
    expect(await outcome(`${input}.${signInput(input, keyA).toString('base64url')}`)).toBe(
      'ERR_JWT_MALFORMED',
    );
  });

  test('a header with two alg or two kid is refused', async () => {
    const text = JSON.stringify(HEADER);
    expect(await outcome(mint(keyA, text.replace('{', '{"alg":"none",'), CLAIMS))).toBe('ERR_JWT_MALFORMED');
    expect(await outcome(mint(keyA, text.replace('{', '{"kid":"other",'), CLAIMS))).toBe('ERR_JWT_MALFORMED');
  });

  test('blanks and escapes mean nothing', async () => {
    const text = ` { "sub" : "spiffe:\\/\\/a.test/client" ,\n"aud":"${CLAIMS.aud}","exp":${CLAIMS.exp}}\t`;
    expect(await outcome(mint(keyA, HEADER, text))).toBe('accepted');
  });
});
