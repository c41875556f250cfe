// A ticker: answers on streams that stay open for as long as the identities of their connection.
import { join } from 'node:path';

import { loadPackageDefinition, Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createServerCredentials, peerOf, shutdownServer } from '@svidkit/grpc';
import { authorizeId, workloadIdentity } from 'svidkit';

/** @typedef {import('@grpc/grpc-js').ServerDuplexStream<{ share: string }, { text: string }>} Stream */

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

/** @type {any} */
const definitions = loadPackageDefinition(loadSync(join(import.meta.dirname, 'ticker.proto')));
const server = new Server();
server.addService(definitions.ticker.Ticker.service, {
  /** @param {Stream} stream */
  Follow(stream) {
    const { id, certificate } = peerOf(stream);
    let count = 0;
    stream.on('data', ({ share }) => {
      count += 1;
      stream.write({
        text: `${share} #${count} for ${id.toString()} of ${certificate.serialNumber.slice(-6)}`,
      });
    });
    stream.on('error', () => {});
    stream.on('end', () => stream.end());
  },
});
const credentials = createServerCredentials(identity.source, {
  authorize: authorizeId('spiffe://prod.example/trader'),
});
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error !== null) throw error;
  console.log(`listening on ${port}`);
});
process.once('SIGTERM', () => void shutDown());

async function shutDown() {
  await shutdownServer(server, { deadlineMs: 10_000 });
  await identity.close();
}
