import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { SpiffeError } from '../src/errors.ts';
import { isJsonObject, type JsonValue, readJson } from '../src/json-reader.ts';
import { failureOf, outcomeOf } from './failure-of.ts';

const fail = (want: string, got: string): SpiffeError =>
  new SpiffeError('ERR_POLICY_INVALID', `want ${want}, got ${got}`);
const read = (input: string | Uint8Array, maxBytes = 1_000_000): JsonValue =>
  readJson(input, { maxBytes, fail });

/** What JSON is made of, and some more. */
const NOISE: readonly string[] = '{}[]:,"\\u0019eE+-. \n\tntrfals\u0000\u00a0ü'.split('');

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const wide = (values: number): string => `[${'1,'.repeat(values - 2)}1]`;

/** As `JSON.parse` would give it, so that both can be compared. */
function plain(value: JsonValue): unknown {
  if (isJsonObject(value)) {
    return Object.fromEntries(Array.from(value, ([name, member]) => [name, plain(member)]));
  }
  if (Array.isArray(value)) return value.map((one: JsonValue) => plain(one));
  return typeof value === 'bigint' ? Number(value) : value;
}

describe('JSON is read', () => {
  test('as JSON.parse does, whatever the values and the blanks between them', () => {
    const blanks = fc.constantFrom(undefined, 1, '\t', 7);
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme', maxDepth: 6 }), blanks, (text, space) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, space);
        expect(plain(read(spaced))).toEqual(JSON.parse(spaced.replaceAll(/-0(?=[\s,\]}]|$)/g, '0')));
        expect(read(Buffer.from(spaced))).toEqual(read(spaced));
      }),
    );
  });

  test('and what JSON.parse refuses is refused', () => {
    const noise = fc.string({ unit: fc.constantFrom(...NOISE), maxLength: 12 });
    fc.assert(
      fc.property(noise, (text) => {
        const isRefused = outcomeOf(() => read(text)) === 'ERR_POLICY_INVALID';
        expect(isRefused || outcome(() => JSON.parse(text)) === 'accepted').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('with whole numbers exact, and every other number as it is', () => {
    expect(read('[0,-1,9007199254740993,18446744073709551615,1.0,1e3,1.5]')).toEqual([
      0n,
      -1n,
      9_007_199_254_740_993n,
      18_446_744_073_709_551_615n,
      1,
      1000,
      1.5,
    ]);
    // More digits than anything that is counted: not exact, so not whole.
    expect(read(`[1e400,-1e400,${'9'.repeat(100_000)}]`)).toEqual([Infinity, -Infinity, Infinity]);
  });

  test.for([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"x":{"b":1,"c":2,"b":3}}]',
    '{"__proto__":1,"__proto__":1}',
  ])('a member twice is refused: %s', (text) => {
    expect(failureOf(() => read(text)).message).toMatch(/want each member once, got "\w+" twice/);
  });

  test('names mean nothing but themselves', () => {
    const value = read('{"__proto__":{"x":1},"constructor":2,"toString":3}');
    expect(value instanceof Map && [...value.keys()]).toEqual(['__proto__', 'constructor', 'toString']);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test.for<[string, string | Uint8Array]>([
    ['a byte order mark', '\uFEFF{}'],
    ['a byte order mark in bytes', Buffer.from('\uFEFF{}')],
    ['text after the value', '{}x'],
    ['two values', '{}{}'],
    ['NaN', '[NaN]'],
    ['a leading zero', '[01]'],
    ['a comma at the end', '[1,]'],
    ['a comment', '{}//'],
    ['a name in single quotes', "{'a':1}"],
    ['a line break in a string', '"a\nb"'],
    ['an unknown escape', '"\\x41"'],
    ['a blank that JSON does not know', '\u00a0{}'],
    ['half a surrogate pair', '"\\ud800"'],
    ['half a surrogate pair as a name', '{"\\udc00":1}'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['half of a pair of bytes', Buffer.from([0x22, 0xc3, 0x22])],
    ['nothing', ''],
    ['null in place of a text', null as unknown as string],
  ])('%s is refused', ([, input]) => {
    expect(outcomeOf(() => read(input))).toBe('ERR_POLICY_INVALID');
  });

  test('with bounds: bytes, levels, values', () => {
    expect(outcomeOf(() => read(nested(65)))).toBe('accepted');
    expect(failureOf(() => read(nested(66))).message).toContain('levels');
    expect(failureOf(() => read('['.repeat(900_000))).message).toContain('levels');
    expect(failureOf(() => read('{"a":'.repeat(100_000))).message).toContain('levels');
    expect(outcomeOf(() => read(wide(500_000)))).toBe('accepted');
    expect(failureOf(() => read(wide(500_001), 2_000_000)).message).toContain('values');
    expect(outcomeOf(() => read('"äb"', 5))).toBe('accepted');
    expect(failureOf(() => read('"äb"', 4)).message).toContain('at most 4 bytes, got 5');
  });

  test('and errors say where, and never what', () => {
    const { message } = failureOf(() => read('{\n  "secret": "s3cr3t",\n  "x": hunter2}'));
    expect(message).toBe('want JSON, got text that is none (line 3, column 8)');
  });
});

function outcome(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch {
    return 'refused';
  }
}
