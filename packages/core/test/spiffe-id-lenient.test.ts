import { describe, expect, test } from 'vitest';

import { parseSpiffeIdLenient } from '../src/spiffe-id.ts';
import { failureOf } from './failure-of.ts';

describe('parseSpiffeIdLenient', () => {
  test.each([
    ['SPIFFE://PROD.Example/A/b', 'spiffe://prod.example/A/b'],
    ['Spiffe://td', 'spiffe://td'],
    ['spiffe://TD', 'spiffe://td'],
    ['spiffe://td/A', 'spiffe://td/A'],
  ])('reads %j as %j: scheme and trust domain in lower case, the path as it is (ID-20)', (text, expected) => {
    expect(parseSpiffeIdLenient(text).toString()).toBe(expected);
  });

  test.each([
    '',
    'spiffe:/TD/a',
    'http://TD/a',
    ' SPIFFE://TD',
    'SPIFFE://TD/',
    'SPIFFE://TD//a',
    'SPIFFE://TD/%41',
    'SPIFFE://TD:80/a',
    'SPIFFE://TD/a?x',
    'SPIFFE://T\u212ad/a',
    '\u017fpiffe://td/a',
  ])('is as strict as the strict parser about everything else: %j', (text) => {
    expect(failureOf(() => parseSpiffeIdLenient(text)).code).toBe('ERR_ID_INVALID');
  });

  test.each([undefined, null, 1, {}])('refuses %o, which is not a string', (value) => {
    expect(failureOf(() => parseSpiffeIdLenient(value as string)).code).toBe('ERR_ID_INVALID');
  });

  test('keeps both limits (ID-17, ID-19)', () => {
    expect(parseSpiffeIdLenient(`SPIFFE://${'A'.repeat(255)}`).trustDomain.name).toHaveLength(255);
    expect(failureOf(() => parseSpiffeIdLenient(`SPIFFE://${'A'.repeat(256)}`)).code).toBe('ERR_ID_TOO_LONG');
    expect(failureOf(() => parseSpiffeIdLenient(`SPIFFE://TD/${'a'.repeat(2037)}`)).code).toBe(
      'ERR_ID_TOO_LONG',
    );
  });
});
