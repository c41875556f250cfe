import { manualClock } from '@svidkit/testkit';
import { describe, expect, test } from 'vitest';

import { SpiffeError } from '../../src/errors.ts';
import { JwtBundleSet, type JwtSource, staticJwtSource } from '../../src/jwt/index.ts';
import { bundles, CLAIMS, NOW, SECONDS, token } from './jwt-world.ts';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'accepted',
    (error: unknown) => (error instanceof SpiffeError ? error.code : String(error)),
  );
}

const short = token({ aud: 'x', exp: SECONDS + 60 });
const long = token({ aud: 'x', exp: SECONDS + 120 });
const wide = token({ aud: ['x', 'y'], exp: SECONDS + 600 });
const other = token({ sub: 'spiffe://a.test/other', aud: 'z' });

describe('a source over tokens at hand', () => {
  test('J-11: gives the one for as few others as possible, and of those the one that lives longest', async () => {
    const source = staticJwtSource({ svids: [short, wide, long, other], clock: manualClock(NOW) });
    expect((await source.fetchJwtSvid({ audience: 'x' })).token).toBe(long);
    expect((await source.fetchJwtSvid({ audience: ['y', 'x'] })).token).toBe(wide);
    expect((await source.fetchJwtSvid({ audience: 'z', subject: 'spiffe://a.test/other' })).token).toBe(
      other,
    );
    expect(await codeOf(source.fetchJwtSvid({ audience: 'z', subject: 'spiffe://a.test/client' }))).toBe(
      'ERR_JWT_UNAVAILABLE',
    );
    expect(await codeOf(source.fetchJwtSvid({ audience: ['x', 'z'] }))).toBe('ERR_JWT_UNAVAILABLE');
    expect(await codeOf(source.fetchJwtSvid({ audience: [] }))).toBe('ERR_CONFIG_OPTION');
  });

  test('never gives an expired one', async () => {
    const clock = manualClock(NOW);
    const source = staticJwtSource({ svids: [short, long], clock });
    clock.advance(119_999);
    expect((await source.fetchJwtSvid({ audience: 'x' })).token).toBe(long);
    clock.advance(1);
    expect(await codeOf(source.fetchJwtSvid({ audience: 'x' }))).toBe('ERR_SOURCE_EXPIRED');
    source.update({ svids: [wide] });
    expect((await source.fetchJwtSvid({ audience: 'x' })).token).toBe(wide);
  });

  test('validates with its own bundles and its own clock', async () => {
    const source = staticJwtSource({ bundles, clock: manualClock(NOW) });
    const validate = (audience: string): Promise<string> =>
      codeOf(source.validateJwtSvid(token(), { audience }));
    expect(await validate(CLAIMS.aud)).toBe('accepted');
    expect(await validate('somebody')).toBe('ERR_JWT_AUDIENCE');
    source.update({ bundles: JwtBundleSet.empty });
    expect(await validate(CLAIMS.aud)).toBe('ERR_BUNDLE_UNKNOWN');
    expect(await codeOf(staticJwtSource().validateJwtSvid(token(), { audience: CLAIMS.aud }))).toBe(
      'ERR_BUNDLE_UNKNOWN',
    );
  });

  test('a bad token changes nothing', async () => {
    const source = staticJwtSource({ svids: [long], clock: manualClock(NOW) });
    expect(() => source.update({ svids: [long, 'nonsense'] })).toThrow(
      expect.objectContaining({ code: 'ERR_JWT_MALFORMED' }),
    );
    expect((await source.fetchJwtSvid({ audience: 'x' })).token).toBe(long);
  });

  test('gives nothing once it is closed', async () => {
    const source: JwtSource = staticJwtSource({ svids: [long], bundles, clock: manualClock(NOW) });
    await source.close();
    await source[Symbol.asyncDispose]();
    expect(source.closed.aborted).toBe(true);
    expect(await codeOf(source.fetchJwtSvid({ audience: 'x' }))).toBe('ERR_SOURCE_CLOSED');
    expect(await codeOf(source.validateJwtSvid(token(), { audience: CLAIMS.aud }))).toBe('ERR_SOURCE_CLOSED');
    expect(() => source.jwtBundles).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }));
  });
});
