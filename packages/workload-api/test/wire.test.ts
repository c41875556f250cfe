import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http2';

import { createTestJwtAuthority } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import { createWitClient } from '../src/experimental/index.ts';
import { createWorkloadApiClient } from '../src/index.ts';
import { closeLater } from './fixture.ts';

test('E-01, E-02, E-15: all seven calls are gRPC with the security header, and nothing else is ever asked, not even what there is', async () => {
  const requests: IncomingHttpHeaders[] = [];
  // Whatever it is asked, it does not have: a client with a way around would take it now.
  const server = createServer().on('stream', (stream, headers) => {
    requests.push(headers);
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
      { endStream: true },
    );
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const bound = server.address();
  const address = `tcp://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
  const client = closeLater(createWorkloadApiClient({ address }));
  const wit = closeLater(createWitClient({ address }));
  const token = createTestJwtAuthority().issue({ subject: '/a', audience: 'a' });
  const watcher = { onUpdate: () => undefined };
  for (const call of [
    () => client.fetchX509Svid(),
    () => client.watchX509Context(watcher),
    () => client.fetchX509Bundles(),
    () => client.watchX509Bundles(watcher),
    () => client.fetchJwtSvid({ audience: 'a' }),
    () => client.fetchJwtBundles(),
    () => client.watchJwtBundles(watcher),
    () => client.validateJwtSvid(token, { audience: 'a' }),
    () => wit.fetchWitSvids(),
    () => wit.fetchWitBundles(),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_UNIMPLEMENTED' });
  }
  expect(requests.map((headers) => headers[':path'])).toEqual(
    [
      'FetchX509SVID',
      'FetchX509SVID',
      'FetchX509Bundles',
      'FetchX509Bundles',
      'FetchJWTSVID',
      'FetchJWTBundles',
      'FetchJWTBundles',
      'ValidateJWTSVID',
      'FetchWITSVID',
      'FetchWITBundles',
    ].map((method) => `/SpiffeWorkloadAPI/${method}`),
  );
  for (const headers of requests) {
    expect(headers).toMatchObject({
      ':method': 'POST',
      ':scheme': 'http',
      te: 'trailers',
      'content-type': expect.stringMatching(/^application\/grpc(?:\+proto)?$/u) as string,
      'workload.spiffe.io': 'true',
    });
  }
});
