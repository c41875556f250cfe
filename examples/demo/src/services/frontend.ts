// The frontend: takes orders (here: makes them up) and hands them to the api.
import { authorizeId } from '@svidkit/core';
import { createHttpsAgent, createHttpsServer } from '@svidkit/tls';

import { IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { closeServer, expectAnswer, jsonListener, listenOn, postJson } from './http.ts';
import { pace } from './pace.ts';

const ORDERS_PER_SECOND = 100;
let closeStatus = async (): Promise<void> => {};

await hostService({
  async listen(host) {
    const status = createHttpsServer(
      host.source,
      { authorize: authorizeId(IDS.console) },
      jsonListener(host, (peer) => ({ service: 'frontend', you: peer.id.toString() })),
    );
    closeStatus = () => closeServer(status);
    return { frontend: await listenOn(status) };
  },

  call(host, ports) {
    const agent = createHttpsAgent(host.source, { authorize: authorizeId(IDS.api) });
    let orders = 0;
    return pace(ORDERS_PER_SECOND, 8, () =>
      host.meter.request('POST api/orders', async () => {
        const order = ++orders;
        const answer = await postJson(agent, ports.api, '/orders', { order });
        expectAnswer(answer, { service: 'api', you: IDS.frontend, bookedBy: IDS.api });
      }),
    );
  },

  close: () => closeStatus(),
});
