// The frontend: takes orders (here: makes them up), hands them to the api, and shows products with their prices.
import { authorizeId } from '@svidkit/core';
import { createHttpsAgent, createHttpsServer } from '@svidkit/tls';
import { createDispatcher, createFetch, peerOfResponse } from '@svidkit/undici';
import { request } from 'undici';

import { HOST, IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { type Answer, expectAnswer, jsonListener, listenOn, postJson, TIMEOUT_MS } from './http.ts';
import { pace, together } from './pace.ts';

const ORDERS_PER_SECOND = 80;
const JSON_BODY = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } } as const;
let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const status = createHttpsServer(
      host.source,
      { authorize: authorizeId(IDS.console), deny: host.deny },
      jsonListener(host, (peer) => ({ service: 'frontend', you: peer.id.toString() })),
    );
    close = () => status.drain();
    return { frontend: await listenOn(status) };
  },

  call(host, ports) {
    const agent = createHttpsAgent(host.source, { authorize: authorizeId(IDS.api) });
    const catalog = `https://${HOST}:${ports.catalog}`;
    const pricing = `https://${HOST}:${ports.pricing}`;
    const fetch = createFetch(host.source, {
      // By origin, so that not even a redirect leads elsewhere.
      authorize: new Map([[catalog, authorizeId(IDS.catalog)]]),
    });
    const dispatcher = createDispatcher(host.source, { authorize: authorizeId(IDS.pricing) });
    let orders = 0;
    return together(
      pace(ORDERS_PER_SECOND, 8, () =>
        host.meter.request('orders', async () => {
          const order = ++orders;
          const answer = await postJson(agent, ports.api, '/orders', { order });
          expectAnswer(answer, { service: 'api', you: IDS.frontend, bookedBy: IDS.api });
        }),
      ),
      pace(15, 2, () =>
        host.meter.request('products', async () => {
          const signal = AbortSignal.timeout(TIMEOUT_MS);
          const response = await fetch(`${catalog}/products`, { ...JSON_BODY, signal });
          const by = peerOfResponse(response).id.toString();
          const body = { ...((await response.json()) as Answer['body']), by };
          expectAnswer(
            { status: response.status, body },
            { service: 'catalog', you: IDS.frontend, by: IDS.catalog },
          );
        }),
      ),
      pace(15, 2, () =>
        host.meter.request('prices', async () => {
          const signal = AbortSignal.timeout(TIMEOUT_MS);
          const response = await request(`${pricing}/prices`, { ...JSON_BODY, dispatcher, signal });
          const body = (await response.body.json()) as Answer['body'];
          expectAnswer({ status: response.statusCode, body }, { service: 'pricing', you: IDS.frontend });
        }),
      ),
    );
  },

  close: () => close(),
});
