import { status as Status } from '@grpc/grpc-js';
import { isSpiffeError } from '@svidkit/core';
import { type ValidateJwtSvidOptions } from '@svidkit/core/jwt';
import { createTestJwtAuthority, type IssueJwtOptions } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import {
  createWorkloadApiClient,
  type JwtSourceClient,
  openWorkloadApiJwtSource,
  type WorkloadApiJwtSourceOptions,
} from '../src/index.ts';
import { closeLater, eventsOf, startFake } from './fixture.ts';
import { observedClock } from './observed-clock.ts';

const audience = 'spiffe://prod.example/db';

async function open(options: WorkloadApiJwtSourceOptions = {}) {
  const clock = observedClock();
  const authority = createTestJwtAuthority({ trustDomain: 'prod.example', now: () => clock.now() });
  const bundles = { bundles: { 'spiffe://prod.example': Buffer.from(authority.jwks()) } };
  const api = await startFake();
  api.fetchJwtBundles.send(bundles);
  api.fetchJwtSvid.send((request) => ({
    svids: [
      {
        spiffeId: 'spiffe://prod.example/web',
        svid: authority.issue({ subject: '/web', audience: request.audience }),
      },
    ],
  }));
  const errors = eventsOf('svidkit:source.error');
  const source = closeLater(
    await openWorkloadApiJwtSource({ address: api.address, clock, random: () => 0.5, ...options }),
  );
  return { api, clock, authority, bundles, errors, source };
}

test('a token is fetched once, kept, and fetched anew for another audience', async () => {
  const { api, source } = await open();
  const [one, two] = await Promise.all([
    source.fetchJwtSvid({ audience }),
    source.fetchJwtSvid({ audience }),
  ]);
  expect(one).toBe(two);
  expect(await source.fetchJwtSvid({ audience })).toBe(one);
  expect(api.fetchJwtSvid.calls).toHaveLength(1);
  await source.fetchJwtSvid({ audience: 'other' });
  expect(api.fetchJwtSvid.calls).toHaveLength(2);
});

test('a token in use is renewed ahead of time, and stays in use while the agent is away', async () => {
  const { api, source, clock, errors } = await open();
  const renewed = eventsOf('svidkit:jwt.update');
  const first = await source.fetchJwtSvid({ audience });
  await source.fetchJwtSvid({ audience });
  clock.advance(150_000);
  await renewed.next(() => renewed.all.length === 2);
  const second = await source.fetchJwtSvid({ audience });
  expect(second).not.toBe(first);
  await api.stop();
  clock.advance(150_000);
  await errors.next(({ error }) => error.code === 'ERR_WORKLOAD_API_NOT_FOUND');
  expect(await source.fetchJwtSvid({ audience })).toBe(second);
  clock.advance(150_000);
  await expect(source.fetchJwtSvid({ audience })).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_WORKLOAD_API_(?:NOT_FOUND|TIMEOUT)$/u) as string,
  });
});

const twice = (verdict: string): string[] => [verdict, verdict];

/** An agent that validates as an agent does, told which tokens are good. */
async function openBoth() {
  const { api, clock, authority } = await open();
  const good = new Map<string, { readonly spiffeId: string; readonly claims: Record<string, string> }>();
  api.validateJwtSvid.send(
    ({ svid }) => good.get(svid) ?? { status: { code: Status.INVALID_ARGUMENT, details: `bad ${svid}` } },
  );
  const issue = (options: Partial<IssueJwtOptions> = {}, from = authority): string => {
    const token = from.issue({ subject: '/peer', audience, ...options });
    if (from === authority) good.set(token, { spiffeId: 'spiffe://prod.example/peer', claims: {} });
    return token;
  };
  const sources = await Promise.all(
    (['local', 'remote'] as const).map(async (validate) =>
      closeLater(await openWorkloadApiJwtSource({ address: api.address, clock, validate })),
    ),
  );
  const verdicts = async (token: string, options: Partial<ValidateJwtSvidOptions> = {}): Promise<string[]> =>
    Promise.all(
      sources.map(async (source) => {
        try {
          const svid = await source.validateJwtSvid(token, { audience, ...options });
          return `${svid.id.toString()} ${svid.verified}`;
        } catch (error) {
          if (!isSpiffeError(error)) throw error;
          return `${error.code} ${error.blame}`;
        }
      }),
    );
  return { api, clock, authority, issue, verdicts };
}

test('A-23: this process and the Workload API judge behind one interface, and alike', async () => {
  const { api, clock, issue, verdicts } = await openBoth();
  expect(await verdicts(issue())).toEqual(twice('spiffe://prod.example/peer true'));
  const several = { audience: ['other', audience, 'more'] };
  expect(await verdicts(issue({ audience: ['more', audience] }), several)).toEqual(
    twice('spiffe://prod.example/peer true'),
  );
  // Of several audiences it is asked about one that the token is for.
  expect(api.validateJwtSvid.calls.map(({ request }) => request.audience)).toEqual([audience, audience]);
  const forged = createTestJwtAuthority({ trustDomain: 'prod.example', now: () => clock.now() });
  expect(await verdicts(issue({}, forged))).toEqual(twice('ERR_JWT_SIGNATURE peer'));
  expect(api.validateJwtSvid.calls).toHaveLength(3);
});

test('A-23: what needs no key is judged here, and shown to nobody', async () => {
  const { api, clock, issue, verdicts } = await openBoth();
  expect(await verdicts(issue({ audience: 'other' }))).toEqual(twice('ERR_JWT_AUDIENCE peer'));
  expect(await verdicts(issue({ ttlMs: -31_000 }))).toEqual(twice('ERR_JWT_EXPIRED peer'));
  expect(await verdicts(issue({ claims: { nbf: clock.now() / 1_000 + 31 } }))).toEqual(
    twice('ERR_JWT_NOT_YET_VALID peer'),
  );
  expect(await verdicts(issue({ header: { typ: 'wit+jwt' } }))).toEqual(twice('ERR_JWT_HEADER peer'));
  expect(await verdicts(issue({ header: { alg: 'none' } }))).toEqual(twice('ERR_JWT_ALGORITHM peer'));
  expect(await verdicts(issue({ header: { kid: undefined } }), { strict: true })).toEqual(
    twice('ERR_JWT_KEY peer'),
  );
  expect(await verdicts(issue(), { audience: [] })).toEqual(twice('ERR_CONFIG_OPTION caller'));
  expect(await verdicts('a.b.c')).toEqual(twice('ERR_JWT_MALFORMED peer'));
  expect(api.validateJwtSvid.calls).toEqual([]);
});

test('A-23, A-25: of a token that the Workload API validated, its claims are those that it passes on', async () => {
  const { api, source, authority } = await open({ validate: 'remote' });
  const peer = authority.issue({ subject: '/peer', audience, claims: { role: 'a', big: 2 ** 60, jti: '1' } });
  api.validateJwtSvid.send({ spiffeId: 'spiffe://prod.example/peer', claims: { role: 'b', toString: 'c' } });
  const svid = await source.validateJwtSvid(peer, { audience });
  // By its signature `role` is what the token says.
  expect({ ...svid.claims }).toEqual({
    sub: 'spiffe://prod.example/peer',
    aud: audience,
    exp: svid.expiry / 1_000,
    role: 'a',
  });
  expect(svid.jwtId).toBeUndefined();
  expect(svid.token).toBe(peer);
});

test('A-23: without an answer nobody is proven', async () => {
  const { api, source, authority } = await open({ validate: 'remote' });
  const peer = authority.issue({ subject: '/peer', audience });
  const refusal = async (): Promise<unknown> =>
    source.validateJwtSvid(peer, { audience }).catch((error: unknown) => error);
  api.validateJwtSvid.send({ spiffeId: 'spiffe://prod.example/admin', claims: {} });
  expect(await refusal()).toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE', blame: 'environment' });
  for (const [status, code] of [
    [Status.PERMISSION_DENIED, 'ERR_WORKLOAD_API_DENIED'],
    [Status.UNIMPLEMENTED, 'ERR_WORKLOAD_API_UNIMPLEMENTED'],
    [Status.UNAVAILABLE, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ] as const) {
    api.validateJwtSvid.refuse(status);
    expect(await refusal()).toMatchObject({ code, blame: 'environment' });
  }
  await source.close();
  expect(await refusal()).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
});

test('A-23: whoever validates nothing cannot be asked to', async () => {
  const { api } = await open();
  const client = closeLater(createWorkloadApiClient({ address: api.address }));
  const others = Object.fromEntries(
    Object.entries(client).filter(([name]) => name !== 'validateJwtSvid'),
  ) as unknown as JwtSourceClient;
  for (const options of [
    { validate: 'remote', client: others },
    { validate: 'somewhere' as 'remote', client },
  ] as const) {
    await expect(openWorkloadApiJwtSource(options)).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
  }
});

test('A-24: tokens of peers are validated with the bundle of their own trust domain alone', async () => {
  const { source, authority, clock } = await open();
  const peer = authority.issue({ subject: '/peer', audience });
  await expect(source.validateJwtSvid(peer, { audience })).resolves.toMatchObject({
    verified: true,
    id: { path: '/peer' },
  });
  const stranger = createTestJwtAuthority({ trustDomain: 'other.example', now: () => clock.now() });
  await expect(
    source.validateJwtSvid(stranger.issue({ subject: '/peer', audience }), { audience }),
  ).rejects.toMatchObject({ code: 'ERR_BUNDLE_UNKNOWN' });
  const forged = createTestJwtAuthority({ trustDomain: 'prod.example', now: () => clock.now() });
  await expect(
    source.validateJwtSvid(forged.issue({ subject: '/peer', audience }), { audience }),
  ).rejects.toMatchObject({ code: 'ERR_JWT_SIGNATURE' });
});

test('A-09: the bundles of one profile are never asked for or used by the other', async () => {
  const { api, source } = await open();
  await source.fetchJwtSvid({ audience });
  expect(api.fetchX509Svid.calls).toEqual([]);
  expect(api.fetchX509Bundles.calls).toEqual([]);
  expect([...source.jwtBundles][0]).not.toHaveProperty('certificates');
});

test('A-01: a source of JWT works where X.509 is not offered', async () => {
  const { api, source } = await open();
  api.fetchX509Svid.refuse(Status.UNIMPLEMENTED);
  expect((await source.fetchJwtSvid({ audience })).id.path).toBe('/web');
});

test('A-05: bundles follow the stream, and a bad message leaves them', async () => {
  const { api, source, authority, errors } = await open();
  api.fetchJwtBundles.send({});
  await errors.next(({ error }) => error.code === 'ERR_WORKLOAD_API_RESPONSE');
  expect(source.health()).toMatchObject({ ready: true, lastError: { code: 'ERR_WORKLOAD_API_RESPONSE' } });
  const peer = authority.issue({ subject: '/peer', audience });
  await expect(source.validateJwtSvid(peer, { audience })).resolves.toMatchObject({ verified: true });
  api.fetchJwtBundles.send({ bundles: { 'spiffe://other.example': Buffer.from(authority.jwks()) } });
  api.fetchJwtBundles.send({});
  await errors.next(() => errors.all.length === 2);
  await expect(source.validateJwtSvid(peer, { audience })).rejects.toMatchObject({
    code: 'ERR_BUNDLE_UNKNOWN',
  });
});

test('A-14: PermissionDenied drops bundles and tokens, and they come back', async () => {
  const { api, source, errors, bundles, clock } = await open();
  const first = await source.fetchJwtSvid({ audience });
  api.fetchJwtBundles.refuse(Status.PERMISSION_DENIED, 'no identity issued');
  await errors.next(({ error }) => error.code === 'ERR_WORKLOAD_API_DENIED');
  expect(() => source.jwtBundles).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EMPTY' }) as Error);
  expect(source.health()).toMatchObject({ ready: false });
  expect(await source.fetchJwtSvid({ audience })).not.toBe(first);
  api.fetchJwtBundles.send(bundles);
  clock.advance(200);
  await api.fetchJwtBundles.called(2);
  // The answer to a call that comes after it says that the stream has delivered.
  const token = await source.fetchJwtSvid({ audience: 'later' });
  expect(token.id.path).toBe('/web');
});

test('A-14, DEC-1: with keepUntilExpiry they stay', async () => {
  const { api, source, errors } = await open({ keepUntilExpiry: true });
  const first = await source.fetchJwtSvid({ audience });
  api.fetchJwtBundles.refuse(Status.PERMISSION_DENIED);
  await errors.next(({ error }) => error.code === 'ERR_WORKLOAD_API_DENIED');
  expect(source.jwtBundles.size).toBe(1);
  expect(await source.fetchJwtSvid({ audience })).toBe(first);
});

test.each([
  [Status.INVALID_ARGUMENT, 'ERR_WORKLOAD_API_REFUSED'],
  [Status.UNIMPLEMENTED, 'ERR_WORKLOAD_API_UNIMPLEMENTED'],
])('E-11, E-14: status %d ends the opening at once', async (status, code) => {
  const api = await startFake();
  api.fetchJwtBundles.refuse(status);
  await expect(openWorkloadApiJwtSource({ address: api.address })).rejects.toMatchObject({ code });
});

test('opening has a limit of time, and says what it saw', async () => {
  const clock = observedClock();
  const api = await startFake();
  const errors = eventsOf('svidkit:source.error');
  const failure = openWorkloadApiJwtSource({ address: api.address, clock }).catch((error: unknown) => error);
  await errors.next(() => true);
  clock.advance(30_000);
  expect(await failure).toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: { code: 'ERR_WORKLOAD_API_DENIED' },
  });
  expect(clock.pending).toBe(0);
});

test('a closed source gives nothing, and leaves nothing behind', async () => {
  const { api, source, clock, errors } = await open();
  await source.fetchJwtSvid({ audience });
  await source.close();
  await source.close();
  expect(() => source.jwtBundles).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }) as Error);
  await expect(source.fetchJwtSvid({ audience })).rejects.toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
  await api.fetchJwtBundles.ended(1);
  expect(clock.pending).toBe(0);
  expect(errors.all).toEqual([]);
});
