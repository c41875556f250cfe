// The stock: speaks HTTP/2, on a server of node:http2 that is secured before it listens.
import { createSecureServer } from 'node:http2';
import { text } from 'node:stream/consumers';

import { authorizeId } from '@svidkit/core';
import { peerOf, secureServer } from '@svidkit/tls';

import { IDS } from '../topology.ts';
import { hostService } from './host.ts';
import { listenOn } from './http.ts';

let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const server = secureServer(createSecureServer(), host.source, {
      authorize: authorizeId(IDS.api),
      deny: host.deny,
    });
    server.on('stream', (stream, headers) => {
      host.serve(headers['x-mark']);
      stream.on('error', () => stream.destroy());
      const answer = async (): Promise<void> => {
        await text(stream);
        stream.respond({ ':status': 200, 'content-type': 'application/json' });
        stream.end(JSON.stringify({ service: 'stock', you: peerOf(stream).id.toString() }));
      };
      answer().catch(() => stream.destroy());
    });
    close = () => server.drain();
    return { stock: await listenOn(server) };
  },

  close: () => close(),
});
