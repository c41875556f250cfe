import { expect, test } from 'vitest';

import { openWorkloadApiX509Source, type WorkloadApiX509SourceOptions } from '../src/index.ts';
import { answer, closeLater, eventsOf, startFake } from './fixture.ts';
import { observedClock } from './observed-clock.ts';

type Fake = Awaited<ReturnType<typeof startFake>>;

/** What opening says when its time is over, after the first trouble that it tells. */
async function diagnosisOf(
  prepare: (api: Fake) => Promise<void> | void,
  transport: 'unix' | 'tcp' = 'unix',
): Promise<unknown> {
  const clock = observedClock();
  const api = await startFake({ transport });
  await prepare(api);
  const troubles = eventsOf('svidkit:source.error');
  const failure = openWorkloadApiX509Source({ address: api.address, wait: 1_000, clock }).catch(
    (error: unknown) => error,
  );
  await troubles.next(() => true);
  clock.advance(1_000);
  return failure;
}

test('nobody is registered: it says that the agent runs and has no identity for this process', async () => {
  expect(await diagnosisOf(() => undefined)).toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    message: expect.stringMatching(
      /within 1000 ms: .*which is running, but no identity is registered for this process/u,
    ) as string,
    hint: expect.stringContaining('Register this workload') as string,
    cause: { code: 'ERR_WORKLOAD_API_DENIED', blame: 'environment' },
  });
});

test('the socket is absent', async () => {
  expect(await diagnosisOf((api) => api.stop())).toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    message: expect.stringContaining('got nothing at that path (ENOENT)') as string,
    hint: expect.stringContaining('agent runs') as string,
    cause: { code: 'ERR_WORKLOAD_API_NOT_FOUND' },
  });
});

test('there is a socket, and nobody listens', async () => {
  expect(await diagnosisOf((api) => api.leave('dead-socket'))).toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    message: expect.stringContaining('got nobody who listens there (ECONNREFUSED)') as string,
    cause: { code: 'ERR_WORKLOAD_API_UNREACHABLE' },
  });
});

test('over TCP nobody listens', async () => {
  expect(await diagnosisOf((api) => api.stop(), 'tcp')).toMatchObject({
    cause: {
      code: 'ERR_WORKLOAD_API_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED') as string,
    },
  });
});

test('there is something else than a socket', async () => {
  expect(await diagnosisOf((api) => api.leave('file'))).toMatchObject({
    message: expect.stringContaining('got something that is no socket') as string,
    cause: { code: 'ERR_WORKLOAD_API_NOT_A_SOCKET' },
  });
});

test('the agent takes the call and says nothing', async () => {
  const clock = observedClock();
  const api = await startFake();
  api.fetchX509Svid.silence();
  const failure = openWorkloadApiX509Source({ address: api.address, wait: 1_000, clock }).catch(
    (error: unknown) => error,
  );
  await api.fetchX509Svid.called(1);
  clock.advance(1_000);
  expect(await failure).toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    message: expect.stringContaining('took the call and has sent nothing') as string,
  });
});

test('the agent says UNAVAILABLE', async () => {
  expect(await diagnosisOf((api) => api.fetchX509Svid.refuse(14, 'catching up'))).toMatchObject({
    message: expect.stringContaining('takes connections') as string,
    cause: {
      code: 'ERR_WORKLOAD_API_UNAVAILABLE',
      message: expect.stringContaining('catching up') as string,
    },
  });
});

test('only bad messages come', async () => {
  expect(await diagnosisOf((api) => api.fetchX509Svid.send({}))).toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    message: expect.stringContaining('it has no svids') as string,
    cause: { code: 'ERR_WORKLOAD_API_RESPONSE' },
  });
});

test('only an expired identity comes', async () => {
  const now = Date.now();
  const expired = await answer(['/a'], { notBefore: now - 7_200_000, notAfter: now - 3_600_000 });
  expect(await diagnosisOf((api) => api.fetchX509Svid.send(expired))).toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: { code: 'ERR_SVID_EXPIRED' },
  });
});

test.each([
  [3, 'ERR_WORKLOAD_API_REFUSED'],
  [12, 'ERR_WORKLOAD_API_UNIMPLEMENTED'],
])('E-11, E-14: status %d ends the opening at once', async (status, code) => {
  const clock = observedClock();
  const api = await startFake();
  api.fetchX509Svid.refuse(status);
  await expect(openWorkloadApiX509Source({ address: api.address, clock })).rejects.toMatchObject({ code });
  expect(clock.pending).toBe(0);
});

test('E-12: opening waits for an agent that starts later', async () => {
  const clock = observedClock();
  const api = await startFake();
  await api.stop();
  const opening = openWorkloadApiX509Source({ address: api.address, clock, random: () => 0.5 });
  await clock.timers(2);
  api.fetchX509Svid.send(await answer(['/a'], { clock }));
  await api.start();
  clock.advance(200);
  const source = closeLater(await opening);
  expect(source.current.svid.id.path).toBe('/a');
  expect(source.health().problems).toEqual([]);
});

test('opening waits for a registration that comes later', async () => {
  const clock = observedClock();
  const api = await startFake();
  const opening = openWorkloadApiX509Source({ address: api.address, clock, random: () => 0.5 });
  await clock.timers(2);
  api.fetchX509Svid.send(await answer(['/a'], { clock }));
  clock.advance(200);
  expect(closeLater(await opening).current.svid.id.path).toBe('/a');
});

test('the address comes from the environment', async () => {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/a']));
  const env = { SPIFFE_ENDPOINT_SOCKET: api.address };
  expect(closeLater(await openWorkloadApiX509Source({ env })).address).toBe(api.address);
});

test('E-09: it works over TCP, on IPv4, and no proxy of the environment is asked', async () => {
  const api = await startFake({ transport: 'tcp' });
  api.fetchX509Svid.send(await answer(['/a']));
  process.env['http_proxy'] = 'http://127.0.0.1:1';
  process.env['grpc_proxy'] = 'http://127.0.0.1:1';
  try {
    const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
    expect(source.current.svid.id.path).toBe('/a');
  } finally {
    delete process.env['http_proxy'];
    delete process.env['grpc_proxy'];
  }
});

test('wait: 0 lets the first answer decide', async () => {
  const api = await startFake();
  const options: WorkloadApiX509SourceOptions = { address: api.address, wait: 0 };
  await expect(openWorkloadApiX509Source(options)).rejects.toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: { code: 'ERR_WORKLOAD_API_DENIED' },
  });
  api.fetchX509Svid.send({});
  await expect(openWorkloadApiX509Source(options)).rejects.toMatchObject({
    cause: { code: 'ERR_WORKLOAD_API_RESPONSE' },
  });
  api.fetchX509Svid.send(await answer(['/a']));
  expect(closeLater(await openWorkloadApiX509Source(options)).current.generation).toBe(1);
});

test.each(['before', 'meanwhile'] as const)(
  'a signal that aborts %s ends the opening with its reason',
  async (when) => {
    const clock = observedClock();
    const api = await startFake();
    api.fetchX509Svid.silence();
    const controller = new AbortController();
    const reason = new Error('enough');
    if (when === 'before') controller.abort(reason);
    const opening = openWorkloadApiX509Source({ address: api.address, signal: controller.signal, clock });
    const failure = opening.catch((error: unknown) => error);
    if (when === 'meanwhile') await api.fetchX509Svid.called(1);
    controller.abort(reason);
    expect(await failure).toBe(reason);
    if (when === 'meanwhile') await api.fetchX509Svid.ended(1);
    expect(api.fetchX509Svid.open).toBe(0);
    expect(clock.pending).toBe(0);
  },
);

test('a signal has no effect on an open source', async () => {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/a']));
  const controller = new AbortController();
  const source = closeLater(
    await openWorkloadApiX509Source({ address: api.address, signal: controller.signal }),
  );
  controller.abort();
  expect(source.current.generation).toBe(1);
  expect(source.closed.aborted).toBe(false);
});

test.each<[string, WorkloadApiX509SourceOptions]>([
  ['wait', { wait: -1 }],
  ['keepUntilExpiry', { keepUntilExpiry: 'yes' as never }],
  ['unreadyAt', { unreadyAt: 'fresh' as never }],
  ['timeoutMs', { timeoutMs: 0 }],
  ['maxMessageBytes', { maxMessageBytes: Number.NaN }],
])('option %s is checked', async (option, options) => {
  await expect(openWorkloadApiX509Source({ address: 'unix:///a', ...options })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
    message: expect.stringContaining(option) as string,
  });
});
