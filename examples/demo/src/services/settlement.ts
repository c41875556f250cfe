// A service of the partner, in a trust domain of its own. It reaches the one door that was opened for it.
import { authorizeId } from '@svidkit/core';
import { createHttpsAgent, createHttpsServer } from '@svidkit/tls';

import { IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { expectAnswer, jsonListener, listenOn, postJson } from './http.ts';
import { pace } from './pace.ts';

let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const notices = createHttpsServer(
      host.source,
      { authorize: authorizeId(IDS.api), deny: host.deny },
      jsonListener(host, (peer) => ({ service: 'settlement', you: peer.id.toString() })),
    );
    close = () => notices.drain();
    return { settlement: await listenOn(notices) };
  },

  call(host, ports) {
    const agent = createHttpsAgent(host.source, { authorize: authorizeId(IDS.api) });
    return pace(10, 1, () =>
      host.meter.request('settlements', async () => {
        const answer = await postJson(agent, ports['api-partners'], '/settlements', {});
        expectAnswer(answer, { service: 'api-partners', you: IDS.settlement });
      }),
    );
  },

  close: () => close(),
});
