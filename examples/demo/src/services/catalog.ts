// The catalog: an Express application. Some may ask for products; discounts are for the frontend alone.
import { authorizeId, authorizeOneOf } from '@svidkit/core';
import { authorize, peerOf } from '@svidkit/http/express';
import { createHttpsServer } from '@svidkit/tls';
import express, { type RequestHandler } from 'express';

import { IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { listenOn } from './http.ts';

let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const answer: RequestHandler = (request, response) => {
      host.serve(request.headers['x-mark']);
      response.json({ service: 'catalog', you: peerOf(request).id.toString() });
    };
    const app = express();
    app.post('/products', answer);
    app.post('/discounts/*mark', authorize(authorizeId(IDS.frontend)), answer);
    const server = createHttpsServer(
      host.source,
      { authorize: authorizeOneOf(IDS.frontend, IDS.console), deny: host.deny },
      app,
    );
    close = () => server.drain();
    return { catalog: await listenOn(server) };
  },

  close: () => close(),
});
