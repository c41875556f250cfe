// The importer: a client from before SPIFFE, on its way. Its policy says what it presents to the archive.
import { authorizeId } from '@svidkit/core';
import { createHttpsAgent, type HttpsAgent } from '@svidkit/tls';

import { IDS, LEGACY_DOMAIN } from '../topology.ts';
import { hostService } from './host.ts';
import { expectAnswer, postJson } from './http.ts';
import { openMigrating } from './migrating.ts';
import { pace } from './pace.ts';

const KNOWN_AS = { spiffe: IDS.importer, legacy: `importer.${LEGACY_DOMAIN}` };
let agent: HttpsAgent;
let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const { identity, policy } = await openMigrating(host);
    agent = createHttpsAgent(identity, { authorize: authorizeId(IDS.archive), policy });
    close = async () => {
      agent.close();
      await policy.close();
    };
    return {};
  },

  call(host, ports) {
    return pace(20, 2, () =>
      host.meter.request('deliveries', async () => {
        const answer = await postJson(agent, ports.archive, '/deliveries', {});
        const as = answer.body['as'] === 'legacy' ? 'legacy' : 'spiffe';
        expectAnswer(answer, { service: 'archive', as, you: KNOWN_AS[as] });
        host.parent.send({ type: 'delivered', as });
      }),
    );
  },

  close: () => close(),
});
