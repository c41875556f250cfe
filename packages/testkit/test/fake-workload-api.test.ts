import { access } from 'node:fs/promises';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';

import {
  decodeMessage,
  encodeMessage,
  methodPath,
  SpiffeWorkloadAPI,
  X509SVIDResponseSchema,
} from '@svidkit/workload-api/protocol';
import { expect, onTestFinished, test } from 'vitest';

import {
  createTestCa,
  type FakeWorkloadApi,
  type FakeWorkloadApiOptions,
  startFakeWorkloadApi,
  x509Response,
} from '../src/index.ts';

const { fetchX509SVID, fetchWITSVID } = SpiffeWorkloadAPI.method;
const HEADER = { 'workload.spiffe.io': 'true' };

async function start(options: FakeWorkloadApiOptions = {}): Promise<FakeWorkloadApi> {
  const api = await startFakeWorkloadApi(options);
  onTestFinished(() => api.close());
  return api;
}

/** Makes a call by hand, as any gRPC client does: no message is the empty message. */
async function call(
  api: FakeWorkloadApi,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: string; messages: Buffer }> {
  const session = connect('http://localhost', {
    createConnection: () =>
      api.socketPath === undefined
        ? connectSocket(Number(api.address.split(':').at(-1)), '127.0.0.1')
        : connectSocket(api.socketPath),
  });
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      'content-type': 'application/grpc',
      ...headers,
    });
    let status = 'none';
    const take = (given: IncomingHttpHeaders): void => {
      status = String(given['grpc-status'] ?? status);
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.end(Buffer.alloc(5));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      // A stream does not end by itself.
      api.fetchX509Svid.end();
    }
    return { status, messages: Buffer.concat(chunks) };
  } finally {
    session.close();
  }
}

test('E-03: a request without the security header, or with another value, is refused', async () => {
  const api = await start();
  api.fetchX509Svid.send({});
  const path = methodPath(fetchX509SVID);
  expect((await call(api, path, {})).status).toBe('3');
  expect((await call(api, path, { 'workload.spiffe.io': 'True' })).status).toBe('3');
  expect(api.fetchX509Svid.calls).toEqual([]);
  expect((await call(api, path, HEADER)).status).toBe('0');
  expect(api.fetchX509Svid.calls).toHaveLength(1);
});

test('A-26: the profile of WIT-SVIDs, and what is no method, is not implemented', async () => {
  const api = await start();
  expect((await call(api, methodPath(fetchWITSVID), HEADER)).status).toBe('12');
  expect((await call(api, '/SpiffeWorkloadAPI/FetchNothing', HEADER)).status).toBe('12');
});

test('it says PERMISSION_DENIED until it is told what to give, over a socket and over TCP', async () => {
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  for (const transport of ['unix', 'tcp'] as const) {
    const api = await start({ transport });
    const path = methodPath(fetchX509SVID);
    expect((await call(api, path, HEADER)).status).toBe('7');
    const response = x509Response([{ svid: await ca.issue(), bundle: ca, hint: 'h' }]);
    api.fetchX509Svid.send(response);
    const { status, messages } = await call(api, path, HEADER);
    expect(status).toBe('0');
    const bytes = encodeMessage(X509SVIDResponseSchema, response);
    expect(messages.readUInt32BE(1)).toBe(bytes.length);
    expect(decodeMessage(X509SVIDResponseSchema, messages.subarray(5)).svids[0]).toMatchObject({ hint: 'h' });
  }
});

test('its socket goes and comes back at the same place, and is gone when it is closed', async () => {
  const api = await start();
  const { socketPath = '' } = api;
  await access(socketPath);
  await api.stop();
  await expect(access(socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  await api.leave('file');
  await api.start();
  await access(socketPath);
  await api.close();
  await api.close();
  await expect(access(socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
});
