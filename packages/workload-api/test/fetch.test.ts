import { status as Status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';

import { createWorkloadApiClient } from '../src/index.ts';
import { answer, closeLater, startFake } from './fixture.ts';
import { observedClock } from './observed-clock.ts';

async function connect() {
  const api = await startFake();
  const clock = observedClock();
  const client = closeLater(createWorkloadApiClient({ address: api.address, clock }));
  return { api, clock, client };
}

test('a fetch asks once and repeats nothing', async () => {
  const { api, client, clock } = await connect();
  api.fetchX509Svid.refuse(Status.UNAVAILABLE);
  await expect(client.fetchX509Context()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_UNAVAILABLE' });
  expect(api.fetchX509Svid.calls).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test('a fetch ends its stream with the first message', async () => {
  const { api, client, clock } = await connect();
  api.fetchX509Svid.send(await answer(['/a'], { clock }));
  await client.fetchX509Context();
  await api.fetchX509Svid.ended(1);
  expect(api.fetchX509Svid.open).toBe(0);
  expect(clock.pending).toBe(0);
});

test('a fetch has a limit of time', async () => {
  const { api, client, clock } = await connect();
  api.fetchX509Svid.silence();
  const failure = client.fetchX509Context().catch((error: unknown) => error);
  await api.fetchX509Svid.called(1);
  clock.advance(10_000);
  expect(await failure).toMatchObject({ code: 'ERR_WORKLOAD_API_TIMEOUT', blame: 'environment' });
  await api.fetchX509Svid.ended(1);
});

test('a fetch ends with its signal', async () => {
  const { api, client } = await connect();
  api.fetchX509Svid.silence();
  const controller = new AbortController();
  const reason = new Error('enough');
  const failure = client.fetchX509Context({ signal: controller.signal }).catch((error: unknown) => error);
  await api.fetchX509Svid.called(1);
  controller.abort(reason);
  expect(await failure).toBe(reason);
  await expect(client.fetchX509Context({ signal: controller.signal })).rejects.toBe(reason);
  expect(api.fetchX509Svid.calls).toHaveLength(1);
});

test('a fetch ends when the client is closed', async () => {
  const { api, client } = await connect();
  api.fetchX509Svid.silence();
  const failure = client.fetchX509Context().catch((error: unknown) => error);
  await api.fetchX509Svid.called(1);
  await client.close();
  expect(await failure).toMatchObject({ code: 'ERR_WORKLOAD_API_CLOSED' });
});

test('an end in good order without a message is no answer', async () => {
  const { api, client } = await connect();
  api.fetchX509Svid.refuse(Status.OK);
  await expect(client.fetchX509Context()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE' });
});

test('what the agent says is shown without letting it break the line', async () => {
  const { api, client } = await connect();
  api.fetchX509Svid.refuse(Status.INTERNAL, `a\nb\u202E${'x'.repeat(1_000)}`);
  const error = (await client.fetchX509Context().catch((cause: unknown) => cause)) as Error;
  expect(error.message).toContain(String.raw`INTERNAL: a\u000ab\u202ex`);
  expect(error.message.length).toBeLessThan(500);
});

test('E-04: plain text is spoken, whatever the environment says of TLS', async () => {
  const { api, client, clock } = await connect();
  api.fetchX509Svid.send(await answer(['/a'], { clock }));
  process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'] = '/nowhere';
  try {
    await expect(client.fetchX509Svid()).resolves.toMatchObject({ id: { path: '/a' } });
  } finally {
    delete process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'];
  }
  expect(api.fetchX509Svid.calls[0]?.metadata[':scheme']).toBe('http');
});
