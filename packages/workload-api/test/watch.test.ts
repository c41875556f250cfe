import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

import { status as Status } from '@grpc/grpc-js';
import { SpiffeError } from '@svidkit/core';
import { expect, onTestFinished, test } from 'vitest';

import { createWorkloadApiClient, type WorkloadX509Bundles, type WorkloadX509Context } from '../src/index.ts';
import { answer, ca, closeLater, recorder, startFake } from './fixture.ts';
import { FIRST_MESSAGE_MS, observedClock } from './observed-clock.ts';

/** Follows a fake Workload API by a clock that stands still: only what happens at once happens. */
async function follow() {
  const api = await startFake();
  const clock = observedClock();
  const client = closeLater(createWorkloadApiClient({ address: api.address, clock, random: () => 0.5 }));
  const recorded = recorder<WorkloadX509Context>();
  const first = await answer(['/a']);
  api.fetchX509Svid.send(first);
  const over = client.watchX509Context(recorded);
  await recorded.seen(1);
  return { api, clock, client, over, first, ...recorded };
}

/** Something that takes connections and says nothing. */
async function listenMutely(path: string): Promise<{ readonly connected: Promise<unknown> }> {
  const held = new Set<Socket>();
  const server = createServer((socket) => {
    held.add(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  onTestFinished(() => {
    for (const socket of held) socket.destroy();
    server.close();
  });
  const connected = once(server, 'connection');
  server.listen(path);
  await once(server, 'listening');
  return { connected };
}

test('A-02: a stream has no limit of time: a day without a message changes nothing', async () => {
  const { api, clock, errors, seen } = await follow();
  clock.advance(24 * 3_600_000);
  expect(clock.pending).toBe(0);
  expect(api.fetchX509Svid.calls[0]?.metadata).not.toHaveProperty('grpc-timeout');
  api.fetchX509Svid.send(await answer(['/a']));
  await seen(2);
  expect(errors).toEqual([]);
  expect(api.fetchX509Svid.calls).toHaveLength(1);
});

test('a stream without a first message is given up after 20 s and opened again, later', async () => {
  const { api, clock, errors, seen, updates, first } = await follow();
  api.fetchX509Svid.silence();
  api.fetchX509Svid.end(Status.UNAVAILABLE);
  await clock.timers(1);
  clock.advance(200);
  await api.fetchX509Svid.called(2);
  clock.advance(FIRST_MESSAGE_MS - 1);
  expect(errors).toHaveLength(1);
  clock.advance(1);
  await seen(1, 2);
  expect(errors[1]).toMatchObject({
    code: 'ERR_WORKLOAD_API_TIMEOUT',
    blame: 'environment',
    message: expect.stringContaining('took the call and has sent nothing within 20000 ms') as string,
  });
  await clock.timers(2);
  expect(clock.delays).toEqual([200, 400]);
  // The state stays, and the next stream is as good as any.
  expect(updates).toHaveLength(1);
  api.fetchX509Svid.send(first);
  clock.advance(400);
  await seen(2, 2);
  clock.advance(24 * 3_600_000);
  expect(clock.pending).toBe(0);
  expect(api.fetchX509Svid.calls).toHaveLength(3);
});

test('who accepts connections and never says a word is left after 20 s, for who listens there then', async () => {
  const { api, clock, errors, seen, first } = await follow();
  await api.stop();
  await clock.timers(1);
  const path = api.address.slice('unix://'.length);
  const mute = await listenMutely(path);
  clock.advance(200);
  await mute.connected;
  // Another one listens at the same path: the mute one keeps what it has accepted.
  rmSync(path, { force: true });
  api.fetchX509Svid.send(first);
  await api.start();
  clock.advance(FIRST_MESSAGE_MS);
  await seen(1, 2);
  await clock.timers(2);
  clock.advance(400);
  await seen(2, 2);
  expect(errors.map(({ code }) => code)).toEqual(['ERR_WORKLOAD_API_NOT_FOUND', 'ERR_WORKLOAD_API_TIMEOUT']);
});

test('A-03: after an end in good order the stream is opened again at once', async () => {
  const { api, clock, errors, seen } = await follow();
  api.fetchX509Svid.end();
  await seen(2);
  expect(errors).toEqual([]);
  expect(clock.delays).toEqual([]);
  expect(api.fetchX509Svid.calls).toHaveLength(2);
  expect(api.fetchX509Svid.calls[1]?.metadata['workload.spiffe.io']).toBe('true');
});

test('A-03: a server that ends every stream at once does not keep us busy', async () => {
  const { api, clock, errors, seen } = await follow();
  for (let stream = 1; stream <= 3; stream++) {
    api.fetchX509Svid.end();
    await seen(stream + 1);
  }
  expect(clock.delays).toEqual([]);
  api.fetchX509Svid.end();
  await clock.timers(1);
  expect(clock.delays).toEqual([200]);
  clock.advance(200);
  await seen(5);
  // Streams that last are opened again at once, as before.
  clock.advance(1_000);
  api.fetchX509Svid.end();
  await seen(6);
  expect(clock.delays).toHaveLength(1);
  expect(errors).toEqual([]);
});

test('A-04: a reconnected stream begins with the whole state', async () => {
  const { api, updates, seen } = await follow();
  api.fetchX509Svid.end();
  await seen(2);
  expect(updates[1]?.svids.map(({ fingerprint }) => fingerprint)).toEqual(
    updates[0]?.svids.map(({ fingerprint }) => fingerprint),
  );
  // What has not changed stays the same object.
  expect([...(updates[1]?.bundles ?? [])][0]).toBe([...(updates[0]?.bundles ?? [])][0]);
});

test('E-11: InvalidArgument ends the watch, also after it had worked', async () => {
  const { api, clock, over } = await follow();
  api.fetchX509Svid.refuse(Status.INVALID_ARGUMENT, 'no');
  await expect(over).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_REFUSED', blame: 'caller' });
  expect(clock.delays).toEqual([]);
  expect(api.fetchX509Svid.calls).toHaveLength(1);
});

test('E-14: Unimplemented ends the watch, also after it had worked', async () => {
  const { api, clock, over } = await follow();
  api.fetchX509Svid.refuse(Status.UNIMPLEMENTED);
  await expect(over).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_UNIMPLEMENTED' });
  expect(clock.delays).toEqual([]);
});

test('E-12: a vanished socket is tried again until it is back', async () => {
  const { api, clock, errors, seen } = await follow();
  await api.stop();
  await clock.timers(1);
  await seen(1, 1);
  clock.advance(200);
  await clock.timers(2);
  expect(errors.map(({ code }) => code)).toEqual([
    'ERR_WORKLOAD_API_NOT_FOUND',
    'ERR_WORKLOAD_API_NOT_FOUND',
  ]);
  await api.start();
  clock.advance(400);
  await seen(2, 2);
});

test.each([
  ['Unavailable', Status.UNAVAILABLE, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['ResourceExhausted', Status.RESOURCE_EXHAUSTED, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['Internal', Status.INTERNAL, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['Unknown', Status.UNKNOWN, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['DeadlineExceeded', Status.DEADLINE_EXCEEDED, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['Canceled by the server', Status.CANCELLED, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['Unauthenticated', Status.UNAUTHENTICATED, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['a status that nobody knows', 99, 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['PermissionDenied', Status.PERMISSION_DENIED, 'ERR_WORKLOAD_API_DENIED'],
])('E-12, E-13, A-15: after %s the stream is opened again, later', async (_name, code, expected) => {
  const { api, clock, errors, seen } = await follow();
  api.fetchX509Svid.end(code, 'because');
  await clock.timers(1);
  expect(errors).toMatchObject([{ code: expected, message: expect.stringContaining('because') as string }]);
  clock.advance(200);
  await seen(2, 1);
});

test('A-31: pauses double from 200 ms to 10 s, and begin anew after a good message', async () => {
  const { api, clock, seen, first } = await follow();
  api.fetchX509Svid.refuse(Status.UNAVAILABLE);
  for (const [index, delayMs] of [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000].entries()) {
    await clock.timers(index + 1);
    expect(clock.delays[index]).toBe(delayMs);
    if (index === 7) api.fetchX509Svid.send(first);
    clock.advance(delayMs);
  }
  await seen(2);
  api.fetchX509Svid.end(Status.UNAVAILABLE);
  await clock.timers(9);
  expect(clock.delays[8]).toBe(200);
});

test('A-31: a bad message is no success: pauses go on growing', async () => {
  const { api, clock, seen } = await follow();
  api.fetchX509Svid.refuse(Status.UNAVAILABLE);
  await clock.timers(1);
  api.fetchX509Svid.send({});
  clock.advance(200);
  await seen(1, 2);
  api.fetchX509Svid.end(Status.UNAVAILABLE);
  await clock.timers(2);
  expect(clock.delays).toEqual([200, 400]);
});

test.each([
  [0, 160],
  [0.999, 239.92],
])('A-31: pauses are spread by a fifth to both sides (random %d)', async (random, delayMs) => {
  const api = await startFake();
  const clock = observedClock();
  const client = closeLater(
    createWorkloadApiClient({
      address: api.address,
      clock,
      random: () => random,
      backoff: { initialMs: 200, maxMs: 300 },
    }),
  );
  void client.watchX509Context(recorder());
  await clock.timers(1);
  expect(clock.delays[0]).toBeCloseTo(delayMs, 5);
});

test.each([{ initialMs: 0 }, { initialMs: 10, maxMs: 5 }, { initialMs: Number.NaN }])(
  'a back-off of %j is refused',
  (backoff) => {
    expect(() => createWorkloadApiClient({ address: 'unix:///a', backoff })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }) as Error,
    );
  },
);

test('A-14: a watch of bundles reports the denial, and goes on when it is lifted', async () => {
  const api = await startFake();
  const clock = observedClock();
  const client = closeLater(createWorkloadApiClient({ address: api.address, clock }));
  const { seen, errors, updates, ...watcher } = recorder<WorkloadX509Bundles>();
  void client.watchX509Bundles(watcher);
  await clock.timers(1);
  expect(errors).toMatchObject([{ code: 'ERR_WORKLOAD_API_DENIED' }]);
  const { authorities } = await ca;
  api.fetchX509Bundles.send({ bundles: { 'spiffe://prod.example': Buffer.concat(authorities) } });
  clock.advance(1_000);
  await seen(1);
  expect(updates).toHaveLength(1);
});

test.each(['signal', 'client'] as const)(
  'a watch that is ended by its %s ends without an error',
  async (by) => {
    const api = await startFake();
    api.fetchX509Svid.send(await answer(['/a']));
    const client = closeLater(createWorkloadApiClient({ address: api.address }));
    const controller = new AbortController();
    const { seen, errors, updates, ...watcher } = recorder<WorkloadX509Context>();
    const over = client.watchX509Context(watcher, { signal: controller.signal });
    await seen(1);
    if (by === 'signal') controller.abort();
    else await client.close();
    await over;
    await api.fetchX509Svid.ended(1);
    expect(errors).toEqual([]);
    expect(updates).toHaveLength(1);
  },
);

test('what a watcher throws ends its watch and nothing else', async () => {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/a']));
  const client = closeLater(createWorkloadApiClient({ address: api.address }));
  const mistake = new Error('a mistake of the watcher');
  const over = client.watchX509Context({
    onUpdate() {
      throw mistake;
    },
  });
  await expect(over).rejects.toBe(mistake);
  await expect(client.fetchX509Svid()).resolves.toMatchObject({ id: { path: '/a' } });
});

test('a closed client refuses', async () => {
  const api = await startFake();
  const client = createWorkloadApiClient({ address: api.address });
  await client.close();
  await client.close();
  expect(client.closed.reason).toBeInstanceOf(SpiffeError);
  await expect(client.fetchX509Svid()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_CLOSED' });
  await expect(client.watchX509Context(recorder())).rejects.toMatchObject({
    code: 'ERR_WORKLOAD_API_CLOSED',
  });
  expect(api.fetchX509Svid.calls).toEqual([]);
});
