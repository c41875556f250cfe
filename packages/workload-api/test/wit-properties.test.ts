import { SpiffeError } from '@svidkit/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createWitProof, parseWitBundle, verifyWitProof } from '../src/experimental/index.ts';
import { check, clock, domainA, issue, outcome, outcomeOf, own, token } from './wit-world.ts';

const CHARACTERS = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é');
const entry = issue({ claims: { roles: ['a', { b: 1 }] } });
const good = entry.witSvid;
const AUDIENCE = 'https://payments.example/charge';
const proof = await createWitProof(own(entry), { audience: AUDIENCE, clock });

function judge(given: string): Promise<string> {
  const verified = check(good).then((svid) =>
    verifyWitProof(svid, given, { audience: AUDIENCE, replays: false, clock }),
  );
  return outcomeOf(verified);
}

const part = (text: string): string => Buffer.from(text).toString('base64url');

test('the token and the proof that these tests change are good', async () => {
  expect([await outcome(good), await judge(proof)]).toEqual(['accepted', 'accepted']);
});

test.each([
  ['W-04: no token', good, (text: string) => outcome(text)],
  ['W-16: no proof', proof, judge],
])('%s with another character in it is accepted', async (_name, text, run) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom(...CHARACTERS), async (index, character) => {
      fc.pre(text[index] !== character);
      // Every failure is a SpiffeError: anything else fails the test.
      expect(await run(`${text.slice(0, index)}${character}${text.slice(index + 1)}`)).toMatch(/^ERR_/);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['W-04: no token', good, (text: string) => outcome(text)],
  ['W-16: no proof', proof, judge],
])('%s with a piece left out or doubled is accepted', async (_name, text, run) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length), fc.nat(text.length), fc.boolean(), async (a, b, isDoubled) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      fc.pre(from < to);
      const piece = text.slice(from, to);
      const other = text.slice(0, from) + (isDoubled ? piece + piece : '') + text.slice(to);
      expect(await run(other)).toMatch(/^ERR_/);
    }),
    { numRuns: 150 },
  );
});

test('whatever is read as a token, a proof or a bundle gives a value or a SpiffeError', async () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(fc.json(), fc.json(), fc.string()).map((parts) => parts.map((one) => part(one)).join('.')),
    fc.json().map((json) => `${part('{"alg":"ES256","kid":"key-1","typ":"wit+jwt"}')}.${part(json)}.AAAA`),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      expect(await outcome(text)).toMatch(/^ERR_/);
      expect(await judge(text)).toMatch(/^ERR_/);
      let thrown: unknown;
      try {
        parseWitBundle(text, domainA);
      } catch (error) {
        thrown = error;
      }
      expect(thrown === undefined || thrown instanceof SpiffeError).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('W-07: whatever stands as cnf is a key of its own, or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (cnf) => {
      expect(await outcome(token({ cnf }))).toBe('ERR_JWT_CLAIM');
      expect(await outcome(token({ cnf: { jwk: cnf } }))).toBe('ERR_JWT_CLAIM');
    }),
    { numRuns: 60 },
  );
});

test('W-15: claims come out as they went in', async () => {
  const names = fc
    .string()
    .filter((name) => !['sub', 'exp', 'nbf', 'aud', 'cnf', 'iat', 'jti'].includes(name));
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), async (extra) => {
      const { claims } = await check(token(extra));
      expect(JSON.parse(JSON.stringify(claims))).toMatchObject(JSON.parse(JSON.stringify(extra)) as object);
    }),
    { numRuns: 40 },
  );
});
