import { inspect } from 'node:util';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { SpiffeId } from '../src/spiffe-id.ts';
import { failureOf, outcomeOf } from './failure-of.ts';
import { BYTES, SEGMENT_CHARACTERS, TRUST_DOMAIN_CHARACTERS } from './id-characters.ts';

const UNPRINTABLE = ['\x7f', 'é', 'ｅ', '😀', 'пример', '\u212a', '\u2028', '\u202e', '\ud800', '\uffff'];

function expectRefused(text: string, defect: string, offset?: number): void {
  const failure = failureOf(() => SpiffeId.parse(text));
  expect({ text, code: failure.code }).toEqual({ text, code: 'ERR_ID_INVALID' });
  expect(failure.message).toContain(`: ${defect}${offset === undefined ? '' : ` at offset ${offset}`}`);
}

function expectAccepted(text: string): void {
  expect(SpiffeId.parse(text).toString()).toBe(text);
}

describe('SpiffeId.parse', () => {
  test('splits an ID into trust domain and path, and writes it as it was read', () => {
    const id = SpiffeId.parse('spiffe://prod.example/ns/a/SA_1');
    expect(id.trustDomain.name).toBe('prod.example');
    expect(id.path).toBe('/ns/a/SA_1');
    expect(String(id)).toBe('spiffe://prod.example/ns/a/SA_1');
    expect(JSON.stringify({ id })).toBe('{"id":"spiffe://prod.example/ns/a/SA_1"}');
    expect(inspect(id)).toBe('SpiffeId(spiffe://prod.example/ns/a/SA_1)');
  });

  test.each([
    ['s', 1],
    ['spiffe', 6],
    ['spiffe:', 7],
    ['spiffe:/td', 8],
    ['spiffe:td', 7],
    ['http://td/p', 0],
    ['spiffes://td/p', 6],
    ['xspiffe://td', 0],
    [' spiffe://td', 0],
    ['/td', 0],
    ['td', 0],
  ])('refuses %j, whose scheme is not spiffe, at offset %i (ID-01)', (text, offset) => {
    expectRefused(text, 'it does not start with "spiffe://"', offset);
  });

  test('refuses the empty text by saying that it is empty (ID-01)', () => {
    expectRefused('', 'it is empty');
  });

  test.each(['spiffe://', 'spiffe:///', 'spiffe:///path'])('refuses %j: no trust domain (ID-02)', (text) => {
    expectRefused(text, 'its trust domain is empty', 9);
  });

  test.each([
    ['spiffe://td/p?', 13],
    ['spiffe://td/p?a=b', 13],
    ['spiffe://td?x', 11],
    ['spiffe://td?', 11],
    ['spiffe://td/?', 12],
  ])('refuses %j, which has a query (ID-03)', (text, offset) => {
    expectRefused(text, 'it has a query', offset);
  });

  test.each([
    ['spiffe://td/p#', 13],
    ['spiffe://td/p#f', 13],
    ['spiffe://td#x', 11],
  ])('refuses %j, which has a fragment (ID-04)', (text, offset) => {
    expectRefused(text, 'it has a fragment', offset);
  });

  test.each([
    ['spiffe://u@td/p', 10],
    ['spiffe://@td', 9],
  ])('refuses %j, which has user information (ID-05)', (text, offset) => {
    expectRefused(text, 'it has user information before the trust domain', offset);
  });

  test('refuses a user with a password, at the colon that comes first (ID-05)', () => {
    expectRefused('spiffe://u:p@td', 'it has a port (or an IPv6 address) in the trust domain', 10);
  });

  test.each([
    ['spiffe://td:80/p', 11],
    ['spiffe://td:/p', 11],
    ['spiffe://td:', 11],
    ['spiffe://::1/p', 9],
  ])('refuses %j, which has a port or is IPv6 (ID-06, ID-10)', (text, offset) => {
    expectRefused(text, 'it has a port (or an IPv6 address) in the trust domain', offset);
  });

  test('refuses a bracketed IPv6 address as trust domain (ID-10)', () => {
    expectRefused('spiffe://[::1]/p', 'it has an IPv6 address as trust domain', 9);
  });

  test.each([
    ['spiffe://TD/p', 9],
    ['spiffe://tD/p', 10],
  ])(
    'refuses %j, whose trust domain is not lower case, and points to the lenient parser (ID-07, ID-20)',
    (text, offset) => {
      expectRefused(text, 'its trust domain is not in lower case', offset);
      expect(failureOf(() => SpiffeId.parse(text)).hint).toContain('parseSpiffeIdLenient');
    },
  );

  test.each([
    ['Spiffe://td', 0],
    ['spiffE://td', 5],
    ['SPIFFE://TD', 0],
  ])('refuses %j, whose scheme is not lower case (ID-20)', (text, offset) => {
    expectRefused(text, 'its scheme is not in lower case', offset);
    expect(failureOf(() => SpiffeId.parse(text)).hint).toContain('parseSpiffeIdLenient');
  });

  test('takes exactly [a-z0-9.-_] of all 256 bytes in a trust domain, wherever it stands (ID-08)', () => {
    for (const character of BYTES) {
      for (const name of [character, `${character}d`, `t${character}d`, `t${character}`]) {
        // A slash ends the name: at its start there is then none, elsewhere a path follows.
        if (character === '/') continue;
        const text = `spiffe://${name}/p`;
        const expected = TRUST_DOMAIN_CHARACTERS.has(character) ? 'accepted' : 'ERR_ID_INVALID';
        expect([text, outcomeOf(() => SpiffeId.parse(text))]).toEqual([text, expected]);
      }
    }
  });

  test.each(UNPRINTABLE)('refuses %j in trust domain and path (ID-08, ID-16)', (character) => {
    const shown = `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    expectRefused(`spiffe://t${character}d/p`, `its trust domain has the illegal character "${shown}"`, 10);
    expectRefused(`spiffe://td/p${character}`, `its path has the illegal character "${shown}"`, 13);
  });

  test.each([
    ['spiffe://%74d/p', 9],
    ['spiffe://%F0%9F%A4%AF/p', 9],
    ['spiffe://td%2fp', 11],
    ['spiffe://td/%61', 12],
    ['spiffe://td/%2e', 12],
    ['spiffe://td/%2e%2e/a', 12],
    ['spiffe://td/a%2Fb', 13],
    ['spiffe://td/%F0%9F%A4%AF', 12],
  ])('refuses %j, which is percent-encoded (ID-09, ID-12)', (text, offset) => {
    expectRefused(text, 'it is percent-encoded', offset);
  });

  test.each([
    'spiffe://127.0.0.1/p',
    'spiffe://999.0.0.256/p',
    'spiffe://-a_b..c-/p',
    'spiffe://.../p',
    'spiffe://_/p',
    'spiffe://1/p',
    'spiffe://0x7f.1/p',
    'spiffe://017700000001/p',
    'spiffe://xn--bcher-kva.example/p',
  ])('keeps %j as it is: a trust domain is neither a DNS name nor an IP address (ID-10, ID-11)', (text) => {
    expectAccepted(text);
  });

  test.each([
    ['spiffe://td//a', 11],
    ['spiffe://td/a//b', 13],
    ['spiffe://td//', 11],
    ['spiffe://td///', 11],
    ['spiffe://td/a//', 13],
  ])('refuses %j, which has an empty segment (ID-13)', (text, offset) => {
    expectRefused(text, 'its path has an empty segment', offset);
  });

  test.each([
    ['spiffe://td/.', 12],
    ['spiffe://td/..', 12],
    ['spiffe://td/./a', 12],
    ['spiffe://td/a/../b', 14],
    ['spiffe://td/a/.', 14],
    ['spiffe://td/a/..', 14],
  ])('refuses %j, which has a dot segment (ID-14)', (text, offset) => {
    expectRefused(text, 'its path has a "." or ".." segment', offset);
  });

  test.each(['/...', '/.a', '/..a', '/a.', '/a..', '/....', '/a.b', '/.-', '/-.', '/._.'])(
    'accepts the path %j, which only looks like a dot segment (ID-14)',
    (path) => {
      expectAccepted(`spiffe://td${path}`);
    },
  );

  test.each([
    ['spiffe://td/', 11],
    ['spiffe://td/a/', 13],
    ['spiffe://td/a/b/', 15],
  ])('refuses %j, which ends with a slash, otherwise than an empty segment (ID-15)', (text, offset) => {
    expectRefused(text, 'it ends with "/"', offset);
  });

  test('takes exactly [a-zA-Z0-9.-_] of all 256 bytes in a path segment, wherever it stands (ID-16)', () => {
    for (const character of BYTES) {
      for (const segment of [`${character}b`, `a${character}b`, `a${character}`]) {
        if (character === '/') continue;
        const text = `spiffe://td/x/${segment}/y`;
        const expected = SEGMENT_CHARACTERS.has(character) ? 'accepted' : 'ERR_ID_INVALID';
        expect([text, outcomeOf(() => SpiffeId.parse(text))]).toEqual([text, expected]);
      }
    }
  });

  test('accepts an ID of exactly 2048 bytes (ID-17) and refuses one of 2049 (ID-18)', () => {
    const longest = `spiffe://td/${'a'.repeat(2036)}`;
    expect(longest).toHaveLength(2048);
    expectAccepted(longest);
    const failure = failureOf(() => SpiffeId.parse(`${longest}a`));
    expect(failure.code).toBe('ERR_ID_TOO_LONG');
    expect(failure.message).toContain('want a SPIFFE ID of at most 2048 bytes, got 2049');
    expect(failure.message.length).toBeLessThan(300);
  });

  test('accepts a trust domain of 255 bytes and refuses one of 256 (ID-19)', () => {
    expectAccepted(`spiffe://${'a'.repeat(255)}/p`);
    const failure = failureOf(() => SpiffeId.parse(`spiffe://${'a'.repeat(256)}/p`));
    expect(failure.code).toBe('ERR_ID_TOO_LONG');
    expect(failure.message).toContain('want a trust domain of at most 255 bytes, got 256');
  });

  test('accepts an ID without a path, the ID of a trust domain itself (ID-26)', () => {
    const id = SpiffeId.parse('spiffe://td');
    expect(id.path).toBe('');
    expect(id.equals(id.trustDomain.id)).toBe(true);
  });

  test.each([
    undefined,
    null,
    1,
    true,
    {},
    [],
    ['spiffe://td/a'],
    Buffer.from('spiffe://td/a'),
    new URL('spiffe://td/a'),
  ])('refuses %o, which is not a string, and shows nothing of it', (value) => {
    const failure = failureOf(() => SpiffeId.parse(value as string));
    expect(failure.code).toBe('ERR_ID_INVALID');
    expect(failure.message).toMatch(/^want a SPIFFE ID as a string, got (an? \w+|bytes|null|undefined)$/);
  });

  test.each(['\t', '\n', '\r', ' ', '\0', '\\'])(
    'never drops or repairs %j, as a URL parser would',
    (character) => {
      for (const text of [
        `${character}spiffe://td/a`,
        `spiffe://td/a${character}`,
        `spiffe://t${character}d/a`,
        `spi${character}ffe://td/a`,
        `spiffe:${character}//td/a`,
      ]) {
        expect(failureOf(() => SpiffeId.parse(text)).code).toBe('ERR_ID_INVALID');
      }
    },
  );

  test('a message cannot break or re-order a log line, whatever was given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { message } = failureOf(() => SpiffeId.parse(`spiffe://td/!${text}`));
        // eslint-disable-next-line no-control-regex
        expect(message).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  test('is frozen, so that a checked ID stays what it was', () => {
    const id = SpiffeId.parse('spiffe://td/a');
    expect(Object.isFrozen(id)).toBe(true);
    expect(() => Object.assign(id, { path: '/b' })).toThrow(TypeError);
  });
});
