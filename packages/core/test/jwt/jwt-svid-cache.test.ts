import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { type ManualClock, manualClock } from '@svidkit/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { SpiffeError } from '../../src/errors.ts';
import { JwtSvidCache, parseJwtSvid, type WantedJwtSvid } from '../../src/jwt/index.ts';
import { NOW, token } from './jwt-world.ts';

const LIFE_MS = 300_000;

let clock: ManualClock;
/** What the issuer was asked, and how it answers. */
let asked: { readonly wanted: WantedJwtSvid; readonly reply: PromiseWithResolvers<string> }[];
let cache: JwtSvidCache;
/** Codes of `svidkit:source.error`, expiries of `svidkit:jwt.update`. */
let told: (string | number)[];

const onError = (event: unknown): void => void told.push((event as { error: SpiffeError }).error.code);
const onUpdate = (event: unknown): void => void told.push((event as { expiry: number }).expiry);

beforeEach(() => {
  clock = manualClock(NOW);
  asked = [];
  told = [];
  cache = newCache();
  subscribe('svidkit:source.error', onError);
  subscribe('svidkit:jwt.update', onUpdate);
});

afterEach(() => {
  unsubscribe('svidkit:source.error', onError);
  unsubscribe('svidkit:jwt.update', onUpdate);
  cache.close();
});

function newCache(maxEntries?: number): JwtSvidCache {
  return new JwtSvidCache({
    fetch: async (wanted) => {
      const reply = Promise.withResolvers<string>();
      asked.push({ wanted, reply });
      return parseJwtSvid(await reply.promise);
    },
    clock,
    random: () => 0.5, // half of the life, exactly
    ...(maxEntries === undefined ? {} : { maxEntries }),
  });
}

/** Answers the latest question with a token, and lets everyone take notice. */
async function answer(audience: string | readonly string[] = 'x', lifeMs = LIFE_MS): Promise<void> {
  asked.at(-1)?.reply.resolve(token({ aud: audience, exp: (clock.now() + lifeMs) / 1000 }));
  await settle();
}

async function refuse(): Promise<void> {
  asked.at(-1)?.reply.reject(new Error('the issuer is away'));
  await settle();
}

/** Lets all promises that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The token of a get that is answered with one. */
async function first(audience = 'x', lifeMs = LIFE_MS): Promise<string> {
  const got = cache.get({ audience });
  await answer(audience, lifeMs);
  return (await got).token;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'accepted',
    (error: unknown) => (error instanceof SpiffeError ? error.code : String(error)),
  );
}

describe('one token for each audience', () => {
  test('it is asked for once, however many want it', async () => {
    const [a, b] = [cache.get({ audience: 'x' }), cache.get({ audience: ['x'] })];
    await answer();
    expect((await a).token).toBe((await b).token);
    expect((await cache.get({ audience: ['x', 'x'] })).token).toBe((await a).token);
    expect(asked).toHaveLength(1);
    expect(told).toEqual([NOW + LIFE_MS]);
  });

  test('an audience is a set, without ambiguity, and each subject has its own', async () => {
    for (const audience of [['a', 'b'], ['b', 'a'], ['a,b'], ['a|b'], ['a b'], ['a', 'b', 'c']])
      void cache.get({ audience }).catch(() => {});
    void cache.get({ audience: ['a', 'b'], subject: 'spiffe://a.test/client' }).catch(() => {});
    expect(asked.map(({ wanted }) => [wanted.audience, wanted.subject?.toString()])).toEqual([
      [['a', 'b'], undefined],
      [['a,b'], undefined],
      [['a|b'], undefined],
      [['a b'], undefined],
      [['a', 'b', 'c'], undefined],
      [['a', 'b'], 'spiffe://a.test/client'],
    ]);
  });

  test('A-20: nobody is no audience', async () => {
    expect(await codeOf(cache.get({ audience: [] }))).toBe('ERR_CONFIG_OPTION');
    expect(await codeOf(cache.get({ audience: 'x', subject: 'nobody' }))).toBe('ERR_ID_INVALID');
    expect(asked).toEqual([]);
  });

  test('a token that was not asked for is not handed out', async () => {
    const other = codeOf(cache.get({ audience: ['x', 'y'] }));
    await answer('x');
    expect(await other).toBe('ERR_JWT_AUDIENCE');
    const subject = codeOf(cache.get({ audience: 'x', subject: 'spiffe://a.test/other' }));
    await answer('x');
    expect(await subject).toBe('ERR_JWT_AUDIENCE');
    const old = codeOf(cache.get({ audience: 'x' }));
    await answer('x', 0);
    expect(await old).toBe('ERR_JWT_EXPIRED');
    expect(told).toEqual([]);
  });

  test('the one that was not used for longest makes room', async () => {
    cache = newCache(2);
    await first('a');
    await first('b');
    await cache.get({ audience: 'a' });
    await first('c');
    expect(cache.size).toBe(2);
    await cache.get({ audience: 'a' });
    expect(asked).toHaveLength(3);
    void cache.get({ audience: 'b' }).catch(() => {});
    expect(asked).toHaveLength(4);
    expect(clock.pending).toBe(1);
  });
});

describe('renewal', () => {
  test('a token that is in use is renewed at half its life, in the background', async () => {
    const old = await first();
    await cache.get({ audience: 'x' });
    clock.advance(LIFE_MS / 2 - 1);
    expect(asked).toHaveLength(1);
    clock.advance(1);
    expect(asked).toHaveLength(2);
    // Meanwhile everyone goes on with the old one, and nobody asks again.
    expect((await cache.get({ audience: 'x' })).token).toBe(old);
    await answer();
    expect((await cache.get({ audience: 'x' })).token).not.toBe(old);
    expect(asked).toHaveLength(2);
  });

  test('a token that nobody uses is not renewed until somebody does', async () => {
    const old = await first();
    clock.advance(LIFE_MS / 2 + 10);
    expect(asked).toHaveLength(1);
    expect((await cache.get({ audience: 'x' })).token).toBe(old);
    expect(asked).toHaveLength(2);
  });

  test('when it fails the token stays in use to its end, and it is tried again after longer and longer pauses', async () => {
    const old = await first();
    await cache.get({ audience: 'x' });
    clock.advance(LIFE_MS / 2);
    await refuse();
    for (const pause of [1_100, 2_200, 4_400]) {
      clock.advance(pause - 1);
      const before = asked.length;
      expect((await cache.get({ audience: 'x' })).token).toBe(old);
      expect(asked).toHaveLength(before);
      clock.advance(1);
      expect(asked).toHaveLength(before + 1);
      await refuse();
    }
    expect(told).toEqual([NOW + LIFE_MS, ...Array.from({ length: 4 }, () => 'ERR_JWT_UNAVAILABLE')]);
  });

  test('shortly before it expires a token is handed out no more, also when there is no other', async () => {
    const old = await first();
    clock.advance(LIFE_MS - 5_001);
    expect((await cache.get({ audience: 'x' })).token).toBe(old);
    await refuse();
    clock.advance(1);
    const got = codeOf(cache.get({ audience: 'x' }));
    await refuse();
    expect(await got).toBe('ERR_JWT_UNAVAILABLE');
    // The next one who wants it asks at once.
    const again = cache.get({ audience: 'x' });
    await answer();
    expect((await again).token).not.toBe(old);
  });

  test('a clock that jumps ahead makes no expired token', async () => {
    await first();
    clock.set(NOW + LIFE_MS);
    const got = cache.get({ audience: 'x' });
    await answer();
    expect((await got).expiry).toBe(NOW + 2 * LIFE_MS);
  });

  test('renewals of a fleet are spread', () => {
    const times = [0, 0.999].map((random) => {
      const setTimer = vi.fn<ManualClock['setTimer']>((...args) => clock.setTimer(...args));
      const one = new JwtSvidCache({
        fetch: async () => parseJwtSvid(token({ aud: 'x', exp: (NOW + LIFE_MS) / 1000 })),
        clock: { ...clock, now: () => NOW, setTimer },
        random: () => random,
      });
      return one.get({ audience: 'x' }).then(() => {
        one.close();
        return Math.round(setTimer.mock.calls[0]?.[1] ?? 0);
      });
    });
    return expect(Promise.all(times)).resolves.toEqual([LIFE_MS * 0.45, Math.round(LIFE_MS * 0.5499)]);
  });
});

describe('waiting', () => {
  test('a caller who gives up ends nothing but its own waiting', async () => {
    const controller = new AbortController();
    const [impatient, patient] = [
      codeOf(cache.get({ audience: 'x', signal: controller.signal })),
      cache.get({ audience: 'x' }),
    ];
    controller.abort(new Error('no more time'));
    expect(await impatient).toBe('Error: no more time');
    await answer();
    expect((await patient).audience).toEqual(['x']);
    expect(asked).toHaveLength(1);
    expect(await codeOf(cache.get({ audience: 'x', signal: controller.signal }))).toBe('Error: no more time');
  });

  test('who waits when it is closed is told so, and no timer is left', async () => {
    await first('y');
    const waiting = codeOf(cache.get({ audience: 'x' }));
    cache.close();
    expect(await waiting).toBe('ERR_SOURCE_CLOSED');
    expect(await codeOf(cache.get({ audience: 'y' }))).toBe('ERR_SOURCE_CLOSED');
    await answer();
    expect([clock.pending, cache.size]).toEqual([0, 0]);
  });

  test('what the issuer took back is forgotten', async () => {
    const old = await first();
    cache.clear();
    expect(clock.pending).toBe(0);
    clock.advance(1_000);
    expect(await first()).not.toBe(old);
  });

  test('a failure is told to everyone who waits, and its reason kept', async () => {
    const got = cache.get({ audience: 'x' }).catch((error: unknown) => error);
    await refuse();
    expect(await got).toMatchObject({
      code: 'ERR_JWT_UNAVAILABLE',
      cause: { message: 'the issuer is away' },
    });
  });
});
