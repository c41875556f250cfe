// The frontend: takes orders (here: makes them up), hands them to the api, and shows products with their prices.
import { authorizeId } from '@svidkit/core';
import { createHttpsAgent, createHttpsServer } from '@svidkit/tls';

import { IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { expectAnswer, jsonListener, listenOn, postJson } from './http.ts';
import { pace, together } from './pace.ts';

const ORDERS_PER_SECOND = 80;
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
    const toCatalog = createHttpsAgent(host.source, { authorize: authorizeId(IDS.catalog) });
    const toPricing = createHttpsAgent(host.source, { authorize: authorizeId(IDS.pricing) });
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
          const answer = await postJson(toCatalog, ports.catalog, '/products', {});
          expectAnswer(answer, { service: 'catalog', you: IDS.frontend });
        }),
      ),
      pace(15, 2, () =>
        host.meter.request('prices', async () => {
          const answer = await postJson(toPricing, ports.pricing, '/prices', {});
          expectAnswer(answer, { service: 'pricing', you: IDS.frontend });
        }),
      ),
    );
  },

  close: () => close(),
});
