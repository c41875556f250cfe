// The ledger: books entries, and keeps a journal over plain TLS. It speaks to the api and to nobody else.
import { createInterface } from 'node:readline';

import { authorizeId } from '@svidkit/core';
import { createHttpsServer, createTlsServer, drainServers, peerOf } from '@svidkit/tls';

import { IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { jsonListener, listenOn } from './http.ts';

let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const entries = createHttpsServer(
      host.source,
      { authorize: authorizeId(IDS.api), deny: host.deny },
      jsonListener(host, (peer) => ({ service: 'ledger', you: peer.id.toString() })),
    );
    const journal = createTlsServer(
      host.source,
      // TLS 1.2 stands for an old client that cannot be replaced yet; without it, only TLS 1.3 is spoken.
      { authorize: authorizeId(IDS.api), deny: host.deny, minVersion: 'TLSv1.2' },
      (socket) => {
        socket.on('error', () => socket.destroy());
        createInterface({ input: socket }).on('line', (line) => {
          host.serve(line.startsWith('mark ') ? line.slice('mark '.length) : undefined);
          socket.write(`${peerOf(socket).id.toString()} ${line}\n`);
        });
      },
    );
    close = () => drainServers([entries, journal]);
    return { ledger: await listenOn(entries), 'ledger-journal': await listenOn(journal) };
  },

  close: () => close(),
});
