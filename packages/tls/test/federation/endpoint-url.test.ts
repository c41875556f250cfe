import { isSpiffeError } from '@svidkit/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseEndpointUrl, redirectTarget } from '../../src/federation/endpoint-url.ts';

const PIECES: readonly string[] = [
  'https:',
  'http:',
  'HTTPS:',
  'javascript:',
  '//',
  '/',
  '\\',
  '@',
  ':',
  '?',
  '#',
  '.',
  '..',
  '[',
  ']',
  'a.test',
  'b.test',
  '::1',
  '443',
  '8443',
  '%40',
  '%2f',
  '\t',
  '\n',
  ' ',
  '\u00a0',
  'ü',
  '。',
  'user',
  '',
];
const texts = fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join(''));
const likely = fc
  .tuple(fc.constantFrom('https://', 'https:/', 'HTTPS://'), texts)
  .map((parts) => parts.join(''));

function parsed(text: string): URL | undefined {
  try {
    return parseEndpointUrl(text);
  } catch (error) {
    if (isSpiffeError(error) && error.code === 'ERR_CONFIG_OPTION') return undefined;
    throw error;
  }
}

test('F-09: whatever is taken is what is written there: https, no user, and the host between the slashes', () => {
  fc.assert(
    fc.property(fc.oneof(likely, texts), (text) => {
      const url = parsed(text);
      if (url === undefined) return;
      const [, authority = ''] = /^https:\/\/([^/?#]*)/i.exec(text) ?? [];
      expect([url.protocol, url.username, url.password, authority.includes('@')]).toEqual([
        'https:',
        '',
        '',
        false,
      ]);
      const isAddress = authority.startsWith('[');
      expect(isAddress || url.host === authority.toLowerCase().replace(/:(?:443)?$/, '')).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

test.for([
  'https://a.test',
  'https://A.test:443/x?y#z',
  'https://a.test:8443/',
  'https://127.0.0.1/',
  'https://[0:0::1]:8443/',
  'https://xn--bcher-kva.test/',
  'https://a.test:/',
])('F-09: %s is taken', (text) => {
  expect(parsed(text)?.protocol).toBe('https:');
});

test.for([
  'https://443/',
  'https://0x7f.1/',
  'https://%61.test/',
  'https://a.test%2f@b.test/',
  'https://127.1/',
])('F-09: %s is refused: it says another host than it shows', (text) => {
  expect(parsed(text)).toBeUndefined();
  expect(redirectTarget(text, new URL('https://from.test/'))).toContain('it');
});

test('F-13: a redirect leads to https without a user, and a relative one to the same host', () => {
  const from = new URL('https://from.test:8443/path');
  fc.assert(
    fc.property(fc.oneof(likely, texts), (location) => {
      const target = redirectTarget(location, from);
      if (typeof target === 'string') return;
      expect([target.protocol, target.username, target.password]).toEqual(['https:', '', '']);
      const isAbsolute = /^(?:[a-z][a-z\d+.-]*:|\/\/)/i.test(location);
      expect(isAbsolute || target.host === from.host).toBe(true);
    }),
    { numRuns: 3000 },
  );
});
