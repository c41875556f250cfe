import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseSpiffeIdLenient, SpiffeId } from '../src/spiffe-id.ts';
import { outcomeOf } from './failure-of.ts';
import { SEGMENT_CHARACTERS, TRUST_DOMAIN_CHARACTERS } from './id-characters.ts';

describe('properties of the parser', () => {
  const name = fc.string({ unit: fc.constantFrom(...TRUST_DOMAIN_CHARACTERS), minLength: 1, maxLength: 255 });
  const segment = fc
    .string({ unit: fc.constantFrom(...SEGMENT_CHARACTERS), minLength: 1, maxLength: 30 })
    .filter((text) => text !== '.' && text !== '..');
  const segments = fc.array(segment, { maxLength: 20 });

  test('every legal ID is accepted and round-trips through text, JSON and its parts', () => {
    fc.assert(
      fc.property(name, segments, (trustDomain, parts) => {
        const text = `spiffe://${[trustDomain, ...parts].join('/')}`;
        const id = SpiffeId.parse(text);
        expect(id.toString()).toBe(text);
        expect(JSON.parse(JSON.stringify(id))).toBe(text);
        expect(SpiffeId.fromPath(id.trustDomain, id.path).equals(id)).toBe(true);
        expect(SpiffeId.fromSegments(id.trustDomain, ...parts).equals(id)).toBe(true);
        expect(parseSpiffeIdLenient(text).equals(id)).toBe(true);
      }),
    );
  });

  // Near misses: legal text with something put in, which random text hardly ever is.
  const nearly = fc
    .tuple(
      name,
      segments,
      fc.nat(80),
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.constantFrom('//', '/./', '%2e', '?', '#', '@', ':'),
      ),
    )
    .map(([trustDomain, parts, at, inserted]) => {
      const text = `spiffe://${[trustDomain, ...parts].join('/')}`;
      return text.slice(0, at) + inserted + text.slice(at);
    });

  test('nothing but a SpiffeError is ever thrown, and what is accepted is legal by an independent rule', () => {
    const legal = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[a-zA-Z0-9._-]+)*$/;
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' }), fc.anything()), (value) => {
        const accepted = typeof value === 'string' && value.length <= 2048 && legal.test(value);
        const outcome = outcomeOf(() => SpiffeId.parse(value as string));
        expect(['accepted', 'ERR_ID_INVALID', 'ERR_ID_TOO_LONG']).toContain(outcome);
        expect(outcome === 'accepted').toBe(accepted);
      }),
      { numRuns: 2000 },
    );
  });
});
