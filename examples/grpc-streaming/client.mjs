// Two commands, a line each: `open` begins a stream, `1 ACME` asks the first one for the price of a share.
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createChannelCredentials } from '@svidkit/grpc';
import { authorizeId, workloadIdentity } from 'svidkit';

/** @typedef {import('@grpc/grpc-js').ClientDuplexStream<{ share: string }, { text: string }>} Stream */

const [port] = process.argv.slice(2);
const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

/** @type {any} */
const definitions = loadPackageDefinition(loadSync(join(import.meta.dirname, 'ticker.proto')));
const client = new definitions.ticker.Ticker(
  `127.0.0.1:${port}`,
  createChannelCredentials(identity.source, { authorize: authorizeId('spiffe://prod.example/ticker') }),
);
/** @type {Stream[]} */
const streams = [];

console.log(`ready as ${identity.id.toString()}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [number, share = ''] = line.split(' ');
  if (number === 'open') open();
  else streams[Number(number) - 1]?.write({ share });
}
for (const stream of streams) stream.end();
client.close();
await identity.close();

function open() {
  /** @type {Stream} */
  const stream = client.Follow();
  const name = `stream ${streams.push(stream)}`;
  stream.on('data', ({ text }) => console.log(`${name}: ${text}`));
  stream.on('error', (error) => console.log(`${name} ended: ${error.message}`));
}
