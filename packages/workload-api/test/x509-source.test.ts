import { status as Status } from '@grpc/grpc-js';
import { isSpiffeError, verifyX509Svid } from '@svidkit/core';
import { bundleMap, type TestSvid } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import {
  createWorkloadApiClient,
  openWorkloadApiX509Source,
  type WorkloadApiX509SourceOptions,
} from '../src/index.ts';
import { answer, ca, closeLater, eventsOf, nextUpdate, otherCa, startFake } from './fixture.ts';
import { observedClock } from './observed-clock.ts';

const HOUR = 3_600_000;
const other = (await otherCa).bundle();

/** A source over a fake Workload API that gives one identity for an hour. */
async function open(options: WorkloadApiX509SourceOptions = {}) {
  const clock = observedClock();
  const api = await startFake();
  const first = await answer(['/web'], { clock });
  api.fetchX509Svid.send(first);
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address, clock, ...options }));
  const errors = eventsOf('svidkit:source.error');
  return { api, clock, source, first, errors };
}

test('a source has the identity that the Workload API gives, and follows it', async () => {
  const { api, source, clock } = await open();
  const first = source.current;
  expect(first.svid.id.toString()).toBe('spiffe://prod.example/web');
  expect(source.health()).toMatchObject({ status: 'fresh', ready: true, generation: 1, problems: [] });
  const updated = nextUpdate(source);
  api.fetchX509Svid.send(await answer(['/web'], { clock }));
  expect((await updated)?.generation).toBe(2);
  expect(source.current.svid).not.toBe(first.svid);
  expect(source.current.bundles).toBe(first.bundles);
});

test('what it does is told on the channels of every source', async () => {
  const updates = eventsOf('svidkit:source.update');
  const health = eventsOf('svidkit:source.health');
  const { source, api, clock } = await open();
  expect(updates.all).toMatchObject([{ source, context: source.current, reason: 'first load' }]);
  expect(health.all).toMatchObject([{ source, health: { status: 'fresh', ready: true } }]);
  api.fetchX509Svid.send(await answer(['/web'], { clock }));
  expect(await updates.next(({ reason }) => reason === 'rotation')).toMatchObject({
    context: { generation: 2 },
  });
});

test('A-31: a message that changes nothing is no new generation', async () => {
  const { api, source, first } = await open();
  const updates = eventsOf('svidkit:source.update');
  api.fetchX509Svid.send(first);
  const updated = nextUpdate(source);
  api.fetchX509Svid.send({ ...first, federatedBundles: bundleMap([await otherCa]) });
  await updated;
  expect(updates.all.map(({ reason }) => reason)).toEqual(['bundles']);
  expect(source.current.generation).toBe(2);
});

test('A-05, A-06: a federated bundle that a message leaves out is trusted no more', async () => {
  const { api, source, first } = await open();
  const added = nextUpdate(source);
  api.fetchX509Svid.send({ ...first, federatedBundles: bundleMap([await otherCa]) });
  expect((await added)?.bundles.get(other.trustDomain)).toBeDefined();
  const removed = nextUpdate(source);
  api.fetchX509Svid.send(first);
  expect((await removed)?.bundles.get(other.trustDomain)).toBeUndefined();
});

test('A-08: a peer is judged by the bundle of its own trust domain alone, and without one is not trusted', async () => {
  const { api, source, first, clock } = await open();
  const [own, stranger] = [await ca, await otherCa];
  const verdict = ({ chainDer }: TestSvid): string => {
    try {
      return verifyX509Svid(chainDer, source.current.bundles, {
        at: clock.now(),
        role: 'client',
      }).id.toString();
    } catch (error) {
      if (!isSpiffeError(error)) throw error;
      return error.code;
    }
  };
  const notAfter = new Date(clock.now() + 60_000);
  const theirs = await stranger.issue({ path: '/peer', notAfter });
  // An authority that we trust for another trust domain speaks for one of ours.
  const forged = await stranger.issue({ id: 'spiffe://prod.example/peer', notAfter });
  expect(verdict(await own.issue({ path: '/peer', notAfter }))).toBe('spiffe://prod.example/peer');
  expect([verdict(theirs), verdict(forged)]).toEqual(['ERR_BUNDLE_UNKNOWN', 'ERR_CHAIN_UNTRUSTED']);
  const added = nextUpdate(source);
  api.fetchX509Svid.send({ ...first, federatedBundles: bundleMap([stranger]) });
  await added;
  expect([verdict(theirs), verdict(forged)]).toEqual(['spiffe://other.example/peer', 'ERR_CHAIN_UNTRUSTED']);
});

test('A-07: bad messages leave what is in use, and are told once for as long as they last', async () => {
  const { api, source, errors, first, clock } = await open();
  const before = source.current;
  const [svid] = first.svids;
  api.fetchX509Svid.send({});
  api.fetchX509Svid.send(Uint8Array.of(0xff, 0xff));
  api.fetchX509Svid.send({ svids: [{ ...svid, x509SvidKey: Uint8Array.of(1, 2, 3) }] });
  await errors.next(({ error }) => error.code === 'ERR_SVID_KEY_INVALID');
  expect(errors.all.map(({ error }) => error.code)).toEqual([
    'ERR_WORKLOAD_API_RESPONSE',
    'ERR_SVID_KEY_INVALID',
  ]);
  expect(source.current).toBe(before);
  expect(source.health()).toMatchObject({
    status: 'fresh',
    ready: true,
    lastError: { code: 'ERR_SVID_KEY_INVALID' },
  });
  expect(source.health().problems).toHaveLength(1);

  const updated = nextUpdate(source);
  api.fetchX509Svid.send(await answer(['/web'], { clock }));
  await updated;
  expect(source.health()).toMatchObject({ lastError: undefined, problems: [] });
  api.fetchX509Svid.send({});
  await errors.next(() => errors.all.length === 3);
});

test('A-13: PermissionDenied drops the identity and says why, and the next one is taken', async () => {
  const { api, source, errors, clock } = await open();
  const health = eventsOf('svidkit:source.health');
  const dropped = nextUpdate(source);
  api.fetchX509Svid.refuse(Status.PERMISSION_DENIED, 'no identity issued');
  expect(await dropped).toBeUndefined();
  expect(() => source.current).toThrow(
    expect.objectContaining({
      code: 'ERR_SOURCE_EMPTY',
      message: expect.stringContaining('no identity is registered') as string,
      cause: expect.objectContaining({ code: 'ERR_WORKLOAD_API_DENIED' }) as Error,
    }) as Error,
  );
  expect(errors.all.map(({ error }) => error.code)).toEqual(['ERR_WORKLOAD_API_DENIED']);
  expect(source.health()).toMatchObject({ status: 'expired', ready: false, generation: 0 });
  expect(source.svids).toEqual([]);
  expect(health.all.at(-1)?.health.status).toBe('expired');

  const back = nextUpdate(source);
  api.fetchX509Svid.send(await answer(['/web'], { clock }));
  clock.advance(1_000);
  expect((await back)?.generation).toBe(2);
  expect(source.health()).toMatchObject({ status: 'fresh', ready: true, problems: [] });
});

test('A-13, DEC-1: with keepUntilExpiry PermissionDenied is reported, and the identity stays until it expires', async () => {
  const { api, source, errors, clock } = await open({ keepUntilExpiry: true });
  const before = source.current;
  api.fetchX509Svid.refuse(Status.PERMISSION_DENIED);
  await errors.next(({ error }) => error.code === 'ERR_WORKLOAD_API_DENIED');
  expect(source.current).toBe(before);
  expect(source.health()).toMatchObject({ ready: true, lastError: { code: 'ERR_WORKLOAD_API_DENIED' } });
  clock.advance(HOUR + 60_000);
  expect(() => source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EXPIRED' }) as Error);
});

test('A-06: an identity that is not in a message any more is dropped', async () => {
  const { api, source, clock } = await open({ pick: { id: 'spiffe://prod.example/web' } });
  const dropped = nextUpdate(source);
  api.fetchX509Svid.send(await answer(['/other'], { clock }));
  expect(await dropped).toBeUndefined();
  expect(() => source.current).toThrow(
    expect.objectContaining({
      code: 'ERR_SOURCE_EMPTY',
      message: expect.stringContaining('spiffe://prod.example/other') as string,
    }) as Error,
  );
});

test('a broken stream leaves what is in use until it expires', async () => {
  const { api, source, errors, clock } = await open();
  const before = source.current;
  await api.stop();
  await errors.next(({ error }) => error.code === 'ERR_WORKLOAD_API_NOT_FOUND');
  expect(source.current).toBe(before);
  expect(source.health()).toMatchObject({ ready: true, lastError: { code: 'ERR_WORKLOAD_API_NOT_FOUND' } });
  const dropped = nextUpdate(source);
  clock.advance(HOUR + 60_000);
  expect(await dropped).toBeUndefined();
  expect(() => source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EXPIRED' }) as Error);
  expect(source.health()).toMatchObject({ status: 'expired', ready: false });
});

test('its health goes from fresh over overdue and critical to expired, and each is told', async () => {
  const health = eventsOf('svidkit:source.health');
  const { clock, source } = await open();
  for (const [minutes, status, ready] of [
    [51, 'overdue', true],
    [4, 'critical', false],
    [6, 'expired', false],
  ] as const) {
    clock.advance(minutes * 60_000);
    expect(source.health()).toMatchObject({ status, ready });
  }
  expect(health.all.map((event) => event.health.status)).toEqual(['fresh', 'overdue', 'critical', 'expired']);
});

test('a stream that is silent although a renewal is overdue is opened again', async () => {
  const { api, source, clock, errors } = await open();
  const before = source.current;
  clock.advance(51 * 60_000);
  await api.fetchX509Svid.called(2);
  await api.fetchX509Svid.ended(1);
  expect(source.current).toBe(before);
  expect(source.health()).toMatchObject({ status: 'overdue', ready: true });
  clock.advance(4 * 60_000);
  await api.fetchX509Svid.called(3);
  const updated = nextUpdate(source);
  api.fetchX509Svid.send(await answer(['/web'], { clock }));
  expect((await updated)?.generation).toBe(2);
  expect(source.health()).toMatchObject({ status: 'fresh', problems: [] });
  expect(errors.all).toEqual([]);
  await source.close();
  await api.fetchX509Svid.ended(3);
});

test('an expired SVID is not taken, but the bundles that came with it are', async () => {
  const { api, source, errors, clock } = await open();
  const { svid } = source.current;
  const updated = nextUpdate(source);
  const late = await answer(['/web'], {
    clock,
    notBefore: clock.now() - 2 * HOUR,
    notAfter: clock.now() - HOUR,
    federated: [await otherCa],
  });
  api.fetchX509Svid.send(late);
  expect((await updated)?.svid).toBe(svid);
  await errors.next(({ error }) => error.code === 'ERR_SVID_EXPIRED');
  expect(source.current.bundles.get(other.trustDomain)).toBeDefined();
});

test('an SVID that begins later waits for its first instant', async () => {
  const { api, source, errors, clock } = await open();
  const { svid } = source.current;
  api.fetchX509Svid.send(
    await answer(['/web'], { clock, notBefore: clock.now() + HOUR / 2, notAfter: clock.now() + 2 * HOUR }),
  );
  await errors.next(({ error }) => error.code === 'ERR_SVID_NOT_YET_VALID');
  expect(source.current.svid).toBe(svid);
  const updated = nextUpdate(source);
  clock.advance(HOUR / 2);
  expect((await updated)?.svid).not.toBe(svid);
  expect(source.health()).toMatchObject({ status: 'fresh', problems: [] });
});

test.each([
  [Status.INVALID_ARGUMENT, 'ERR_WORKLOAD_API_REFUSED'],
  [Status.UNIMPLEMENTED, 'ERR_WORKLOAD_API_UNIMPLEMENTED'],
])(
  'E-11, E-14: status %d after the first identity leaves it in use and is no secret',
  async (status, code) => {
    const { api, source, errors } = await open();
    const before = source.current;
    api.fetchX509Svid.refuse(status);
    await errors.next(({ error }) => error.code === code);
    expect(source.current).toBe(before);
    expect(source.health()).toMatchObject({ ready: true, lastError: { code } });
    expect(source.health().problems.join()).toContain('until this process opens the source again');
  },
);

test('A-01: a source of X.509 needs nothing of the JWT profile', async () => {
  const { api } = await open();
  expect(api.fetchJwtBundles.calls).toEqual([]);
  expect(api.fetchJwtSvid.calls).toEqual([]);
  expect(api.fetchX509Bundles.calls).toEqual([]);
});

test('a client can be shared: closing the source leaves it, closing it is told by the source', async () => {
  const { api, clock } = await open();
  const client = closeLater(createWorkloadApiClient({ address: api.address, clock }));
  const one = closeLater(await openWorkloadApiX509Source({ client, clock }));
  const two = closeLater(await openWorkloadApiX509Source({ client, clock }));
  await one.close();
  expect(client.closed.aborted).toBe(false);
  const errors = eventsOf('svidkit:source.error');
  await client.close();
  await errors.next(({ error }) => error.code === 'ERR_WORKLOAD_API_CLOSED');
  expect(two.current.svid.id.path).toBe('/web');
});

test('closing ends the stream, empties the source and tells no error', async () => {
  const { api, source, errors, clock } = await open();
  const emptied = nextUpdate(source);
  await source.close();
  await source.close();
  expect(await emptied).toBeUndefined();
  expect(source.closed.aborted).toBe(true);
  expect(() => source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }) as Error);
  await api.fetchX509Svid.ended(1);
  expect(api.fetchX509Svid.open).toBe(0);
  expect(clock.pending).toBe(0);
  expect(errors.all).toEqual([]);
});

test('all identities and the CRLs are at hand', async () => {
  const clock = observedClock();
  const api = await startFake();
  const crls = [Uint8Array.of(0x30, 0)];
  api.fetchX509Svid.send(await answer(['/a', '/b'], { clock, crls, hints: ['x', 'y'] }));
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address, clock }));
  expect(source.svids.map(({ id, hint }) => [id.path, hint])).toEqual([
    ['/a', 'x'],
    ['/b', 'y'],
  ]);
  expect(source.crls).toEqual(crls);
  expect(source.address).toBe(api.address);
});
