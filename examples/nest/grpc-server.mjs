// The till on Nest, as a microservice over gRPC.
import { join } from 'node:path';

import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, Transport } from '@nestjs/microservices';
import { authorizeCalls, createServerCredentials, peerOf } from '@svidkit/grpc';
import { authorizeId, authorizeMemberOf, workloadIdentity } from 'svidkit';

import { decorate } from './decorate.mjs';

/** @typedef {import('@grpc/grpc-js').ServerUnaryCall<object, object>} Call */

class Till {
  /** @param {object} _request @param {object} _metadata @param {Call} call */
  prices(_request, _metadata, call) {
    return { text: `prices for ${peerOf(call).id.toString()}` };
  }

  /** @param {object} _request @param {object} _metadata @param {Call} call */
  refund(_request, _metadata, call) {
    return { text: `refund by ${peerOf(call).id.toString()}` };
  }
}
Controller()(Till);
decorate(Till, 'prices', GrpcMethod('Till', 'Prices'));
decorate(Till, 'refund', GrpcMethod('Till', 'Refund'));

const [port] = process.argv.slice(2);
const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const rules = { '/till.Till/Refund': authorizeId('spiffe://prod.example/billing') };
const everyone = authorizeMemberOf('prod.example');
const app = await NestFactory.createMicroservice(
  { module: Till, controllers: [Till] },
  {
    transport: Transport.GRPC,
    logger: ['error', 'warn'],
    options: {
      package: 'till',
      protoPath: join(import.meta.dirname, 'till.proto'),
      url: `127.0.0.1:${port}`,
      gracefulShutdown: true,
      credentials: createServerCredentials(identity.source, { authorize: everyone }),
      channelOptions: { interceptors: [authorizeCalls(rules, { otherwise: everyone })] },
    },
  },
);
await app.listen();
console.log(`listening on ${port}`);
process.once('SIGTERM', () => void shutDown());

async function shutDown() {
  await app.close();
  await identity.close();
}
