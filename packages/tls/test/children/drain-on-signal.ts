// A service that is asked to end while it answers a request. It must finish the request, and then end by itself.
import { once } from 'node:events';
import { request } from 'node:https';

import { authorizeAny } from '@svidkit/core';
import { createHttpsAgent, createHttpsServer, onTermination } from '@svidkit/tls';

import { sourceOf, world } from '../fixtures.ts';

const { a } = await world();
const source = await sourceOf(a);
const server = createHttpsServer(source, { authorize: authorizeAny() }, (_, response) => {
  process.kill(process.pid, process.argv[2]);
  setImmediate(() => response.end('done'));
});
onTermination(async () => {
  const { drained } = await server.drain();
  agent.close();
  await source.close();
  console.log(`drained ${drained}`);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const agent = createHttpsAgent(source, { authorize: authorizeAny() });
const { port } = server.address() as { port: number };
request({ agent, host: '127.0.0.1', port }, (response) => {
  response.setEncoding('utf8');
  response.on('data', (text: string) => console.log(`answer ${response.statusCode} ${text}`));
}).end();
