// The till on Nest, over HTTP. Decorators are functions; with TypeScript, write them with an @.
import { Controller, Get, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { authorize, RequestPeer } from '@svidkit/http/nest';
import { authorizeId, authorizeMemberOf, workloadIdentity } from 'svidkit';

import { decorate } from './decorate.mjs';

class Till {
  /** @param {import('svidkit').Peer} peer */
  prices(peer) {
    return `prices for ${peer.id.toString()}`;
  }

  /** @param {import('svidkit').Peer} peer */
  refunds(peer) {
    return `refund by ${peer.id.toString()}`;
  }
}
Controller()(Till);
decorate(Till, 'prices', Get('prices'));
RequestPeer()(Till.prototype, 'prices', 0);
decorate(Till, 'refunds', Get('refunds'), UseGuards(authorize(authorizeId('spiffe://prod.example/billing'))));
RequestPeer()(Till.prototype, 'refunds', 0);

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

// An HTTPS server without certificates, which is secured before it listens.
const app = await NestFactory.create(
  { module: Till, controllers: [Till] },
  { httpsOptions: {}, logger: ['error', 'warn'] },
);
const server = identity.secureServer(app.getHttpServer(), { authorize: authorizeMemberOf('prod.example') });
await app.listen(0, '127.0.0.1');
console.log(`listening on ${new URL(await app.getUrl()).port}`);
process.once('SIGTERM', () => void shutDown());

async function shutDown() {
  await identity.shutdown({ servers: [server], deadlineMs: 10_000 });
  await app.close();
}
