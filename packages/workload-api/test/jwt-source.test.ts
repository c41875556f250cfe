import { status as Status } from '@grpc/grpc-js';
import { createTestJwtAuthority } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { openWorkloadApiJwtSource, type WorkloadApiJwtSourceOptions } from '../src/index.ts';
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
