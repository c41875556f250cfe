import { createHash, generateKeyPairSync, sign } from 'node:crypto';

import { SpiffeError } from '@svidkit/core';
import { describe, expect, test } from 'vitest';

import {
  createReplayCache,
  createWitProof,
  verifyWitProof,
  type VerifyWitProofOptions,
} from '../src/experimental/index.ts';
import { show } from './key-marks.ts';
import { check, CLIENT, clock, issue, keyOf, NOW, outcomeOf, own, SECONDS, token } from './wit-world.ts';

const AUDIENCE = 'https://payments.example/charge';
const entry = issue();
const svid = own(entry);
const other = own(issue());
const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');

type Options = Partial<VerifyWitProofOptions>;

/** Verifies with what fits a good proof, but for these options. */
async function verify(proof: string, options: Options = {}, given = entry.witSvid) {
  return verifyWitProof(await check(given), proof, {
    audience: AUDIENCE,
    replays: createReplayCache({ clock }),
    clock,
    ...options,
  });
}

function outcome(proof: string, options: Options = {}, given = entry.witSvid): Promise<string> {
  return outcomeOf(verify(proof, options, given));
}

const CLAIMS = { aud: AUDIENCE, exp: SECONDS + 10, jti: 'one', wth: hash(entry.witSvid) } as const;

/** A proof that says what it is told to say, signed by the holder of the token. */
async function made(claims: object = {}, header: object = {}, key = keyOf(entry)): Promise<string> {
  const parts = [
    { alg: 'ES256', typ: 'wpt+jwt', ...header },
    { ...CLAIMS, ...claims },
  ];
  const input = parts.map((one) => Buffer.from(JSON.stringify(one)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** How many seconds a proof lives. */
async function lifeOf(proof: Promise<string>): Promise<number> {
  const [, claims = ''] = (await proof).split('.');
  const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { readonly exp: number };
  return exp - SECONDS;
}

const good = (): Promise<string> => createWitProof(svid, { audience: AUDIENCE, clock });

test('W-16, W-18: a token and a proof of its key are a peer', async () => {
  const peer = await verify(await good());
  expect(peer.id.toString()).toBe(CLIENT);
  expect(peer.boundHeaders).toEqual([]);
  expect(await outcome(await made())).toBe('accepted');
});

test.for(['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const)(
  'W-18: a proof by a key for %s, whose algorithm counts',
  async (algorithm) => {
    const given = issue({ algorithm });
    const proof = await createWitProof(own(given), { audience: AUDIENCE, clock });
    expect(await outcome(proof, {}, given.witSvid)).toBe('accepted');
    const wrong = await outcome(
      proof,
      {},
      issue({ algorithm: algorithm === 'ES256' ? 'ES384' : 'ES256' }).witSvid,
    );
    expect(wrong).toBe('ERR_WIT_PROOF');
  },
);

describe('W-16, W-17: a proof is of the key in the token, and of this token', () => {
  test('not of another key, also when that one says to be it', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(await outcome(await made({}, {}, privateKey))).toBe('ERR_WIT_PROOF');
    expect(await outcome(await made({}, { jwk: privateKey.export({ format: 'jwk' }) }, privateKey))).toBe(
      'ERR_WIT_PROOF',
    );
  });

  test('not of another token, also of the same key', async () => {
    const [, claims = ''] = entry.witSvid.split('.');
    const { cnf } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { readonly cnf: object };
    const again = issue({ claims: { cnf, jti: 'another' } }).witSvid;
    expect(await outcome(await good(), {}, again)).toBe('ERR_WIT_PROOF');
    expect(await outcome(await made({ wth: hash(again) }), {}, again)).toBe('accepted');
    for (const wth of [undefined, '', 7, hash(entry.witSvid).toUpperCase(), `${hash(entry.witSvid)}=`]) {
      expect(await outcome(await made({ wth }))).toBe('ERR_WIT_PROOF');
    }
  });

  test('not of somebody else', async () => {
    expect(await outcome(await createWitProof(other, { audience: AUDIENCE, clock }))).toBe('ERR_WIT_PROOF');
  });

  test.for(['JWT', 'wit+jwt', 'WPT+JWT', '', undefined, null])('typ %j is refused', async (typ) => {
    expect(await outcome(await made({}, { typ }))).toBe('ERR_JWT_HEADER');
    expect(await outcome(await made({}, { typ: 'application/wpt+jwt' }))).toBe('accepted');
  });

  test('the token itself is no proof, and neither is nothing', async () => {
    expect(await outcome(entry.witSvid)).toBe('ERR_JWT_HEADER');
    for (const proof of ['', '..', 'a.b.c', (await good()).slice(0, -1)]) {
      expect(await outcome(proof)).toMatch(/^ERR_(?:JWT|WIT)_/);
    }
    expect(await outcome(await made({}, { crit: ['x'], x: 1 }))).toBe('ERR_JWT_HEADER');
    expect(await outcome(await made({ more: 1 }, { more: 1 }))).toBe('accepted');
  });

  test('a token that is over meanwhile is over', async () => {
    const unproven = await check(token({ exp: SECONDS + 5 }));
    const options = { audience: AUDIENCE, replays: false } as const;
    const later = { now: () => NOW + 36_000 };
    expect(await outcomeOf(verifyWitProof(unproven, await good(), { ...options, clock: later }))).toBe(
      'ERR_JWT_EXPIRED',
    );
  });
});

describe('W-17: a proof is for somebody', () => {
  test.for([
    undefined,
    '',
    'https://other.example/charge',
    'https://payments.example/',
    'https://payments.example',
    [],
    ['x'],
    7,
    null,
  ])('%j as aud is refused', async (aud) => {
    expect(await outcome(await made({ aud }))).toBe('ERR_JWT_AUDIENCE');
  });

  test.for([
    'https://payments.example/charge?a=1',
    'https://payments.example:443/charge#x',
    'HTTPS://Payments.example/charge',
    [AUDIENCE],
    ['x', AUDIENCE],
  ])('%j as aud is accepted', async (aud) => {
    expect(await outcome(await made({ aud }))).toBe('accepted');
  });

  test('texts that are no URL are compared as they are', async () => {
    expect(await outcome(await made({ aud: 'queue' }), { audience: ['x', 'queue'] })).toBe('accepted');
    expect(await outcome(await made({ aud: 'Queue' }), { audience: 'queue' })).toBe('ERR_JWT_AUDIENCE');
    for (const audience of ['', [], [''], undefined, 7] as unknown as string[]) {
      expect(await outcome(await made(), { audience })).toBe('ERR_CONFIG_OPTION');
    }
  });
});

describe('W-21: a proof lives for seconds', () => {
  test('ours for ten, and never longer than its token', async () => {
    expect(await lifeOf(good())).toBe(10);
    expect(await lifeOf(createWitProof(svid, { audience: AUDIENCE, clock, lifetimeMs: 60_000 }))).toBe(60);
    const short = own(issue({ ttlMs: 4_000 }));
    expect(await lifeOf(createWitProof(short, { audience: AUDIENCE, clock }))).toBe(4);
    for (const lifetimeMs of [0, 999, 300_001, Number.NaN, -1]) {
      await expect(createWitProof(svid, { audience: AUDIENCE, clock, lifetimeMs })).rejects.toMatchObject({
        code: 'ERR_CONFIG_OPTION',
      });
    }
    await expect(
      createWitProof(own(issue({ ttlMs: 0 })), { audience: AUDIENCE, clock }),
    ).rejects.toMatchObject({
      code: 'ERR_JWT_EXPIRED',
      blame: 'environment',
    });
    await expect(createWitProof(svid, { audience: '', clock })).rejects.toMatchObject({
      code: 'ERR_CONFIG_OPTION',
    });
  });

  test.for<[string, unknown, string]>([
    ['none', undefined, 'ERR_JWT_CLAIM'],
    ['a text', 'soon', 'ERR_JWT_CLAIM'],
    ['one that is past', SECONDS - 31, 'ERR_JWT_EXPIRED'],
    ['one within the leeway', SECONDS - 29, 'accepted'],
    ['one a minute ahead, with the leeway', SECONDS + 90, 'accepted'],
    ['one too far ahead', SECONDS + 91, 'ERR_WIT_PROOF'],
  ])('exp: %s', async ([, exp, wanted]) => {
    expect(await outcome(await made({ exp }))).toBe(wanted);
  });

  test('nbf counts where it is, and the longest life can be chosen', async () => {
    expect(await outcome(await made({ nbf: SECONDS + 31 }))).toBe('ERR_JWT_NOT_YET_VALID');
    expect(await outcome(await made({ iat: SECONDS + 3_600 }))).toBe('accepted');
    expect(await outcome(await made({ exp: SECONDS + 300 }), { maxProofMs: 300_000 })).toBe('accepted');
    expect(await outcome(await made(), { maxProofMs: 300_001 })).toBe('ERR_CONFIG_OPTION');
  });
});

describe('replay', () => {
  test('a proof is used once; a new one of the same token is another', async () => {
    const replays = createReplayCache({ clock });
    const proof = await good();
    expect(await outcome(proof, { replays })).toBe('accepted');
    expect(await outcome(proof, { replays })).toBe('ERR_WIT_REPLAY');
    expect(await outcome(await good(), { replays })).toBe('accepted');
    expect(await outcome(proof, { replays: createReplayCache({ clock }) })).toBe('accepted');
    expect(await outcome(proof, { replays: false })).toBe('accepted');
  });

  test('two at the same time are one use', async () => {
    const replays = createReplayCache({ clock });
    const proof = await good();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => outcome(proof, { replays })));
    expect(outcomes.filter((one) => one === 'accepted')).toHaveLength(1);
    expect(outcomes.filter((one) => one === 'ERR_WIT_REPLAY')).toHaveLength(7);
  });

  test('the same jti of another sender is another proof', async () => {
    const replays = createReplayCache({ clock });
    const [a, b] = [issue(), issue()];
    for (const one of [a, b]) {
      const proof = await made({ wth: hash(one.witSvid), jti: 'same' }, {}, keyOf(one));
      expect(await outcome(proof, { replays }, one.witSvid)).toBe('accepted');
    }
  });

  test.for([undefined, '', 7, null])('%j as jti is refused', async (jti) => {
    expect(await outcome(await made({ jti }))).toBe('ERR_JWT_CLAIM');
  });

  test('what is bad in another way is not remembered', async () => {
    const replays = createReplayCache({ clock });
    const proof = await good();
    expect(await outcome(proof, { replays, audience: 'other' })).toBe('ERR_JWT_AUDIENCE');
    expect(await outcome(proof, { replays })).toBe('accepted');
  });

  test('a memory that is full, or fails, refuses; it is asked with a name that shows nothing', async () => {
    const proof = await good();
    const keys: string[] = [];
    const memory = (answer: () => unknown) => ({
      firstUse: (key: string, until: number) => {
        keys.push(`${key} ${until}`);
        return answer() as boolean;
      },
    });
    expect(await outcome(proof, { replays: memory(() => Promise.resolve(true)) })).toBe('accepted');
    expect(keys[0]).toMatch(new RegExp(`^[\\w-]{43} ${NOW + 40_000}$`));
    for (const no of [false, 1, 'yes', undefined, Promise.resolve(false)]) {
      expect(await outcome(proof, { replays: memory(() => no) })).toBe('ERR_WIT_REPLAY');
    }
    const failing = memory(() => {
      throw new Error('no connection');
    });
    await expect(verify(proof, { replays: failing })).rejects.toMatchObject({
      code: 'ERR_WIT_REPLAY',
      blame: 'environment',
    });
    const none = undefined as unknown as false;
    expect(await outcome(proof, { replays: none })).toBe('ERR_CONFIG_OPTION');
  });

  test('the memory is bounded, and forgets what is over', () => {
    let now = NOW;
    const cache = createReplayCache({ maxEntries: 2, clock: { now: () => now } });
    const full = expect.objectContaining({
      code: 'ERR_WIT_REPLAY',
      blame: 'environment',
    }) as unknown as SpiffeError;
    expect([cache.firstUse('a', NOW + 20), cache.firstUse('b', NOW + 10)]).toEqual([true, true]);
    expect(() => cache.firstUse('c', NOW + 20)).toThrow(full);
    expect(cache.firstUse('a', NOW + 20)).toBe(false);
    now = NOW + 10;
    expect(cache.firstUse('c', NOW + 30)).toBe(true);
    expect(cache.firstUse('a', NOW + 20)).toBe(false);
    expect(() => cache.firstUse('d', NOW + 30)).toThrow(full);
    now = NOW + 30;
    expect([cache.firstUse('a', NOW + 40), cache.firstUse('d', NOW + 40)]).toEqual([true, true]);
    now = Number.NaN;
    expect(cache.firstUse('a', NOW + 40)).toBe(false);
    for (const maxEntries of [0, -1, 1.5, 10_000_001]) {
      expect(() => createReplayCache({ maxEntries })).toThrow(SpiffeError);
    }
  });
});

describe('other tokens of a request', () => {
  const request = {
    headers: { authorization: 'Bearer access', 'Txn-Token': 'a.b.c', 'x-user': ' someone ' },
  };
  const hashes = { ath: hash('access'), tth: hash('a.b.c') };

  test('are covered: access token, transaction token, and what the proof names', async () => {
    const proof = await made({ ...hashes, oth: { 'x-user': hash('someone') } });
    expect((await verify(proof, { request })).boundHeaders).toEqual(['authorization', 'txn-token', 'x-user']);
    expect((await verify(await made(hashes), { request })).boundHeaders).toEqual([
      'authorization',
      'txn-token',
    ]);
  });

  test.for<[string, object]>([
    ['no ath', { ath: undefined }],
    ['another ath', { ath: hash('other') }],
    ['no tth', { tth: undefined }],
    ['another tth', { tth: hash('other') }],
    ['an oth of another value', { oth: { 'x-user': hash('other') } }],
    ['an oth of a header that is not there', { oth: { 'x-other': hash('someone') } }],
    ['an oth in another case', { oth: { 'X-User': hash('someone') } }],
    ['an oth that is none', { oth: 'x-user' }],
  ])('%s is refused', async ([, claims]) => {
    expect(await outcome(await made({ ...hashes, ...claims }), { request })).toBe('ERR_WIT_PROOF');
  });

  test('a token that was taken away, or stands twice, is refused', async () => {
    expect(await outcome(await made(hashes), { request: { headers: {} } })).toBe('ERR_WIT_PROOF');
    expect(await outcome(await made(hashes))).toBe('ERR_WIT_PROOF');
    const twice = { headers: { 'txn-token': ['a.b.c', 'a.b.c'] } };
    expect(await outcome(await made({ tth: hash('a.b.c') }), { request: twice })).toBe('ERR_WIT_PROOF');
    expect(await outcome(await made(), { request: twice })).toBe('ERR_WIT_PROOF');
    for (const authorization of ['bearer\taccess', 'DPoP  a b', 'BEARER access ']) {
      expect(await outcome(await made(), { request: { headers: { authorization } } })).toBe('ERR_WIT_PROOF');
    }
    // A password is no access token.
    expect(await outcome(await made(), { request: { headers: { authorization: 'Basic YTpi' } } })).toBe(
      'accepted',
    );
  });

  test('a header can be required to be covered, where it is', async () => {
    const requireBound = ['X-User'];
    expect(await outcome(await made(hashes), { request, requireBound })).toBe('ERR_WIT_PROOF');
    expect(
      await outcome(await made({ ...hashes, oth: { 'x-user': hash('someone') } }), { request, requireBound }),
    ).toBe('accepted');
    expect(await outcome(await made(), { request: { headers: {} }, requireBound })).toBe('accepted');
  });
});

test('no error and no peer shows a proof, a token or a key', async () => {
  const proof = await good();
  const marks = [proof, entry.witSvid].map((one) => one.split('.')[2] ?? '');
  expect(show(await verify(proof))).not.toContain(marks[0]);
  const bad = [
    () => verify(proof, { audience: 'x' }),
    () => verify(`${proof}x`),
    () => verify(proof, {}, issue().witSvid),
  ];
  for (const run of bad) {
    const error = await run().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(SpiffeError);
    for (const mark of marks) expect(show(error)).not.toContain(mark);
  }
});
