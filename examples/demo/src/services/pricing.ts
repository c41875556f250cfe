// The pricing: a Fastify application. Some may ask for prices; overrides are for the frontend alone.
import { type AddressInfo } from 'node:net';

import { authorizeId, authorizeOneOf } from '@svidkit/core';
import { authorize, gatedServer, requestPeer } from '@svidkit/http/fastify';
import { fastify, type FastifyRequest } from 'fastify';

import { HOST, IDS } from '../topology.ts';
import { hostService } from './host.ts';

let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const app = fastify({
      ...gatedServer(host.source, {
        authorize: authorizeOneOf(IDS.frontend, IDS.console),
        deny: host.deny,
      }),
    });
    await app.register(requestPeer);
    const answer = (request: FastifyRequest): object => {
      host.serve(request.headers['x-mark']);
      return { service: 'pricing', you: request.peer.id.toString() };
    };
    app.post('/prices', answer);
    app.post('/overrides/*', { onRequest: authorize(authorizeId(IDS.frontend)) }, answer);
    close = () => app.close();
    await app.listen({ port: 0, host: HOST });
    return { pricing: (app.server.address() as AddressInfo).port };
  },

  close: () => close(),
});
