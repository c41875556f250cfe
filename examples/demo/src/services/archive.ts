// The archive: a service from before SPIFFE, on its way. Whom it lets in is decided by its policy, without a restart.
import { authorizeByPolicy } from '@svidkit/core';
import { anyPeerOf, createHttpsServer, drainServers, legacyDnsName } from '@svidkit/tls';

import { LEGACY_DOMAIN } from '../topology.ts';
import { hostService } from './host.ts';
import { listenJson, listenOn } from './http.ts';
import { openMigrating } from './migrating.ts';

let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const clients = legacyDnsName(`importer.${LEGACY_DOMAIN}`, `straggler.${LEGACY_DOMAIN}`);
    const { identity, policy } = await openMigrating(host, clients);
    const server = createHttpsServer(
      identity,
      { authorize: authorizeByPolicy(policy, 'archive'), policy, deny: host.deny },
      listenJson(host, (request) => {
        const peer = anyPeerOf(request);
        const you = peer.kind === 'spiffe' ? peer.id.toString() : peer.name;
        return { service: 'archive', as: peer.kind, you };
      }),
    );
    close = async () => {
      await drainServers([server]);
      await policy.close();
    };
    return { archive: await listenOn(server) };
  },

  close: () => close(),
});
