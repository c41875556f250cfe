import fc from 'fast-check';
import { expect, test } from 'vitest';

import { SpiffeError } from '../../src/errors.ts';
import { parseJwtSvid, readBearer } from '../../src/jwt/index.ts';
import { CLAIMS, outcome, token, validate } from './jwt-world.ts';

const good = token({ roles: ['a', { b: 1 }], jti: 'one' });

/** What a call throws; undefined when it returns. */
function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

test('J-15: no token with another character in it is accepted', async () => {
  const characters = fc.constantFrom(
    ...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é'),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), characters, async (index, character) => {
      fc.pre(good[index] !== character);
      const other = `${good.slice(0, index)}${character}${good.slice(index + 1)}`;
      // Every failure is a SpiffeError: anything else fails the test.
      expect(await outcome(other)).toMatch(/^ERR_/);
    }),
    { numRuns: 400 },
  );
});

test('J-15: no token with a piece left out, doubled or moved is accepted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length), fc.nat(good.length), fc.constantFrom('', 2), async (a, b, how) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      fc.pre(from < to);
      const piece = good.slice(from, to);
      const other = good.slice(0, from) + (how === 2 ? piece + piece : '') + good.slice(to);
      expect(await outcome(other)).toMatch(/^ERR_/);
    }),
    { numRuns: 200 },
  );
});

test('J-01: whatever is read as a token or a header gives a value or a SpiffeError', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .tuple(fc.json(), fc.json(), fc.string())
      .map(([header, payload, signature]) =>
        [header, payload, signature].map((one) => Buffer.from(one).toString('base64url')).join('.'),
      ),
  );
  fc.assert(
    fc.property(texts, (text) => {
      for (const error of [
        thrownBy(() => parseJwtSvid(text)),
        thrownBy(() => readBearer(`Bearer ${text}`)),
      ]) {
        expect(error === undefined || error instanceof SpiffeError).toBe(true);
      }
    }),
  );
});

test('J-06: claims come out as they went in', async () => {
  const claims = fc.dictionary(
    fc.string().filter((name) => !Object.hasOwn({ ...CLAIMS, nbf: 0, jti: 0 }, name)),
    fc.jsonValue({ maxDepth: 3 }),
    { maxKeys: 4 },
  );
  await fc.assert(
    fc.asyncProperty(claims, async (extra) => {
      const svid = await validate(token(extra));
      const expected = JSON.parse(JSON.stringify({ ...CLAIMS, ...extra })) as object;
      expect(JSON.parse(JSON.stringify(svid.claims))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});
