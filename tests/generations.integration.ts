// What a rotation leaves behind: nothing that holds an identity that was replaced.
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { request } from 'node:https';
import { type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { authorizeAny, authorizeMemberOf } from '@svidkit/core';
import { createTestCa } from '@svidkit/testkit';
import { createHttp2Client, createHttpsAgent, createHttpsServer, secureServer } from '@svidkit/tls';
import { createFetch } from '@svidkit/undici';
import { expect, test } from 'vitest';

const GENERATIONS = 40;
/** The one of now, and what a connection of the one before is finishing. */
const MOST_HELD = 3;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test(`of ${GENERATIONS} identities that servers and clients had, those that were replaced are gone`, async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const source = await ca.source({ path: '/service' });
  const https = createHttpsServer(
    source,
    { authorize: authorizeAny() },
    (_, response) => void response.end('x'),
  );
  const http2 = secureServer(
    createSecureServer({}, (_, response) => void response.end('x')),
    source,
    { authorize: authorizeAny() },
  );
  const [httpsPort, http2Port] = [await listen(https), await listen(http2)];
  const authorize = authorizeMemberOf('a.test');
  const agent = createHttpsAgent(source, { authorize, keepAlive: true });
  const fetch = createFetch(source, { authorize });
  const client = createHttp2Client(source, `https://127.0.0.1:${http2Port}`, { authorize });
  const ask: readonly (() => Promise<string>)[] = [
    async () => {
      const asked = request({ agent, host: '127.0.0.1', port: httpsPort }).end();
      const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
      return text(response);
    },
    async () => (await fetch(`https://127.0.0.1:${httpsPort}/`)).text(),
    async () => text(await client.request({ ':path': '/' })),
  ];

  const held: WeakRef<object>[] = [];
  for (let generation = 0; generation < GENERATIONS; generation += 1) {
    expect(await Promise.all(ask.map((one) => one()))).toEqual(['x', 'x', 'x']);
    const { current } = source;
    held.push(new WeakRef(current), new WeakRef(current.svid), new WeakRef(current.svid.leaf));
    const next = await ca.context({ path: '/service' });
    source.update(next.svid, next.bundles);
  }
  expect(await Promise.all(ask.map((one) => one()))).toEqual(['x', 'x', 'x']);

  // Ends of connections take a few turns, and so do finalizers.
  let left = held.length;
  for (let round = 0; round < 40 && left > 3 * MOST_HELD; round += 1) {
    await setImmediate();
    collectGarbage();
    left = held.filter((one) => one.deref() !== undefined).length;
  }
  expect(left).toBeLessThanOrEqual(3 * MOST_HELD);

  client.destroy();
  agent.destroy();
  await fetch.destroy();
  await Promise.all([https, http2].map((server) => server.drain({ deadlineMs: 1_000 })));
  await source.close();
});
