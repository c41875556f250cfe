// The ledger: books entries, and keeps a journal over plain TLS. It speaks to the api and to nobody else.
import { createInterface } from 'node:readline';

import { authorizeId } from '@svidkit/core';
import { createHttpsServer, createTlsServer, peerOf } from '@svidkit/tls';

import { IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { closeServer, jsonListener, listenOn } from './http.ts';

let closeAll = async (): Promise<void> => {};

await hostService({
  async listen(host) {
    const entries = createHttpsServer(
      host.source,
      { authorize: authorizeId(IDS.api) },
      jsonListener(host, (peer) => ({ service: 'ledger', you: peer.id.toString() })),
    );
    const journal = createTlsServer(
      host.source,
      // TLS 1.2 stands for an old client that cannot be replaced yet; without it, only TLS 1.3 is spoken.
      { authorize: authorizeId(IDS.api), minVersion: 'TLSv1.2' },
      (socket) => {
        socket.on('error', () => socket.destroy());
        createInterface({ input: socket }).on('line', (line) => {
          if (line.startsWith('mark ')) host.sawMark(line.slice('mark '.length));
          host.meter.served();
          socket.write(`${peerOf(socket).id.toString()} ${line}\n`);
        });
      },
    );
    closeAll = async () => void (await Promise.all([closeServer(entries), closeServer(journal)]));
    return { ledger: await listenOn(entries), 'ledger-journal': await listenOn(journal) };
  },

  close: () => closeAll(),
});
