import { status as Status } from '@grpc/grpc-js';
import { createTestJwtAuthority, referencedWorkload } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { createBrokerClient } from '../src/experimental/broker/index.ts';
import {
  openWorkloadApiJwtSource,
  openWorkloadApiX509Source,
  type WorkloadX509Context,
} from '../src/index.ts';
import { BROKER, clientOf, identity, ownSource, pidOf, SERVER, startBroker } from './broker-fixture.ts';
import { ca, closeLater, eventsOf, nextUpdate, recorder } from './fixture.ts';
import { observedClock } from './observed-clock.ts';

/** Follows the identity of a process, by a clock that stands still. A pause is 7 ms, then 14, then 28. */
async function follow() {
  const broker = await startBroker();
  const clock = observedClock();
  const client = await clientOf(broker, { clock, backoff: { initialMs: 7 } });
  broker.subscribeToX509Svid.send(await identity('/w'));
  const recorded = recorder<WorkloadX509Context>();
  const workload = client.workload({ pid: 42 });
  const over = workload.watchX509Context(recorded);
  await recorded.seen(1);
  return { broker, clock, client, workload, over, ...recorded };
}

test.each([
  ['InvalidArgument', Status.INVALID_ARGUMENT, 'ERR_WORKLOAD_API_REFUSED'],
  ['PermissionDenied', Status.PERMISSION_DENIED, 'ERR_BROKER_DENIED'],
  ['NotFound', Status.NOT_FOUND, 'ERR_BROKER_WORKLOAD_NOT_FOUND'],
  ['Unimplemented', Status.UNIMPLEMENTED, 'ERR_WORKLOAD_API_UNIMPLEMENTED'],
])('BR-04: after %s nothing is tried again', async (_name, status, code) => {
  const { broker, clock, over } = await follow();
  broker.subscribeToX509Svid.refuse(status, 'no');
  await expect(over).rejects.toMatchObject({ code });
  expect(broker.subscribeToX509Svid.calls).toHaveLength(1);
  expect(clock.delays).not.toContain(7);
});

test('BR-04: after Unavailable it is tried again, after growing pauses', async () => {
  const { broker, clock, errors, seen } = await follow();
  broker.subscribeToX509Svid.refuse(Status.UNAVAILABLE, 'starting');
  await clock.timer(7);
  clock.advance(7);
  await clock.timer(14);
  expect(errors.map(({ code }) => code)).toEqual([
    'ERR_WORKLOAD_API_UNAVAILABLE',
    'ERR_WORKLOAD_API_UNAVAILABLE',
  ]);
  broker.subscribeToX509Svid.send(await identity('/w'));
  clock.advance(14);
  await seen(2, 2);
});

test('BR-04: a broker that is gone is tried again until it is back', async () => {
  const { broker, clock, errors, seen } = await follow();
  await broker.stop();
  await clock.timer(7);
  expect(errors.map(({ code }) => code)).toEqual(['ERR_WORKLOAD_API_NOT_FOUND']);
  await broker.start();
  clock.advance(7);
  await seen(2, 1);
});

test('BR-04: after Unauthenticated it is tried again with another certificate, and not before', async () => {
  const broker = await startBroker();
  const clock = observedClock();
  const source = await ownSource('/broker', clock);
  const client = closeLater(
    createBrokerClient(source, {
      serverId: SERVER,
      address: broker.address,
      clock,
      random: () => 0.5,
      backoff: { initialMs: 7 },
    }),
  );
  broker.subscribeToX509Svid.refuse(Status.UNAUTHENTICATED, 'who are you');
  const recorded = recorder<WorkloadX509Context>();
  void client.workload({ pid: 42 }).watchX509Context(recorded);
  await recorded.seen(0, 1);
  expect(recorded.errors).toMatchObject([{ code: 'ERR_BROKER_UNAUTHENTICATED' }]);
  broker.subscribeToX509Svid.send(await identity('/w'));
  // Bundles alone make no other certificate, and neither does time.
  source.update(source.current.svid, source.current.bundles);
  clock.advance(60_000);
  expect(clock.delays).not.toContain(7);
  expect(broker.subscribeToX509Svid.calls).toHaveLength(1);
  const next = await (await ca).context({ path: '/broker', notAfter: new Date(clock.now() + 7_200_000) });
  source.update(next.svid, next.bundles);
  await clock.timer(7);
  clock.advance(7);
  await recorded.seen(1, 1);
  expect(broker.subscribeToX509Svid.calls).toHaveLength(2);
});

test('BR-02: a stream outlives the rotation of our own identity, and the next one shows the new one', async () => {
  const renamed = 'spiffe://prod.example/broker/next';
  const broker = await startBroker({ brokers: [BROKER, renamed] });
  broker.subscribeToX509Svid.send(await identity('/w'));
  const source = await ownSource();
  const client = closeLater(createBrokerClient(source, { serverId: SERVER, address: broker.address }));
  const recorded = recorder<WorkloadX509Context>();
  void client.workload({ pid: 42 }).watchX509Context(recorded);
  await recorded.seen(1);
  const next = await (await ca).context({ id: renamed });
  source.update(next.svid, next.bundles);
  broker.subscribeToX509Svid.send(await identity('/w2'));
  await recorded.seen(2);
  expect(broker.subscribeToX509Svid.calls.map(({ peer }) => peer)).toEqual([BROKER]);
  broker.subscribeToX509Svid.end();
  await recorded.seen(3);
  expect(broker.subscribeToX509Svid.calls.map(({ peer }) => peer)).toEqual([BROKER, renamed]);
  expect(recorded.errors).toEqual([]);
});

test('BR-04: a watch that waits for another certificate ends when it is told to', async () => {
  const broker = await startBroker();
  broker.subscribeToX509Svid.refuse(Status.UNAUTHENTICATED);
  const workload = (await clientOf(broker)).workload({ pid: 42 });
  const recorded = recorder<WorkloadX509Context>();
  const over = workload.watchX509Context(recorded);
  await recorded.seen(0, 1);
  await workload.close();
  await over;
  expect(broker.subscribeToX509Svid.calls).toHaveLength(1);
});

test('BR-04: nothing is tried again when our own identity is closed', async () => {
  const broker = await startBroker();
  broker.subscribeToX509Svid.send(await identity('/w'));
  const source = await ownSource();
  const client = closeLater(createBrokerClient(source, { serverId: SERVER, address: broker.address }));
  await source.close();
  const over = client.workload({ pid: 42 }).watchX509Context(recorder<WorkloadX509Context>());
  await expect(over).rejects.toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
});

test('BR-10, BR-15: a workload that is not entitled any more loses its identity, and no other does', async () => {
  const broker = await startBroker();
  const [one, two] = [await identity('/one'), await identity('/two')];
  broker.subscribeToX509Svid.send((request) => (pidOf(referencedWorkload(request)) === 1 ? one : two));
  const client = await clientOf(broker);
  const open = async (pid: number) =>
    closeLater(await openWorkloadApiX509Source({ client: client.workload({ pid }) }));
  const [first, second] = await Promise.all([open(1), open(2)]);
  expect([first, second].map(({ current }) => current.svid.id.path)).toEqual(['/one', '/two']);
  const withdrawn = nextUpdate(first);
  broker.subscribeToX509Svid.send((request) =>
    pidOf(referencedWorkload(request)) === 1
      ? { status: { code: Status.PERMISSION_DENIED, reason: 'WORKLOAD_NOT_ENTITLED' } }
      : two,
  );
  expect(await withdrawn).toBeUndefined();
  expect(() => first.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EMPTY' }));
  expect(second.current.svid.id.path).toBe('/two');
  // It is asked again, and may come back.
  const back = nextUpdate(first);
  broker.subscribeToX509Svid.send((request) => (pidOf(referencedWorkload(request)) === 1 ? one : two));
  expect((await back)?.svid.id.path).toBe('/one');
});

test.each([true, false])(
  'BR-13: a workload that is gone takes all with it, keepUntilExpiry %s',
  async (keepUntilExpiry) => {
    const broker = await startBroker();
    const authority = createTestJwtAuthority({ trustDomain: 'prod.example' });
    broker.subscribeToX509Svid.send(await identity('/w'));
    broker.subscribeToJwtBundles.send({
      bundles: { 'spiffe://prod.example': Buffer.from(authority.jwks()) },
    });
    broker.fetchJwtSvid.send(({ audience }) => ({
      svids: [{ spiffeId: 'spiffe://prod.example/w', svid: authority.issue({ subject: '/w', audience }) }],
    }));
    const workload = (await clientOf(broker)).workload({ pid: 42 });
    const source = closeLater(await openWorkloadApiX509Source({ client: workload, keepUntilExpiry }));
    const tokens = closeLater(await openWorkloadApiJwtSource({ client: workload, keepUntilExpiry }));
    const { token } = await tokens.fetchJwtSvid({ audience: 'db' });
    expect((await tokens.validateJwtSvid(token, { audience: 'db' })).id.path).toBe('/w');
    const gone = nextUpdate(source);
    const tokensEnd = eventsOf('svidkit:source.error').next(
      ({ source: whose, error }) => whose === undefined && error.code === 'ERR_BROKER_WORKLOAD_NOT_FOUND',
    );
    broker.subscribeToX509Svid.refuse(Status.NOT_FOUND, 'no such process');
    broker.fetchJwtSvid.refuse(Status.NOT_FOUND, 'no such process');
    broker.subscribeToJwtBundles.refuse(Status.NOT_FOUND, 'no such process');
    expect(await gone).toBeUndefined();
    expect(source.health()).toMatchObject({
      ready: false,
      lastError: { code: 'ERR_BROKER_WORKLOAD_NOT_FOUND' },
    });
    await tokensEnd;
    expect(tokens.health()).toMatchObject({ ready: false });
    expect(() => tokens.jwtBundles).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EMPTY' }));
    await expect(tokens.fetchJwtSvid({ audience: 'db' })).rejects.toMatchObject({
      code: 'ERR_BROKER_WORKLOAD_NOT_FOUND',
    });
    expect(broker.subscribeToX509Svid.calls).toHaveLength(1);
    expect(broker.subscribeToJwtBundles.calls).toHaveLength(1);
  },
);
