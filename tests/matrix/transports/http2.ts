import { type ClientHttp2Stream, createSecureServer } from 'node:http2';
import { text } from 'node:stream/consumers';

import { createHttp2Client, peerOf, secureServer } from '@svidkit/tls';

import { describe, parseAnswer } from '../answer.ts';
import { hostServer } from '../host-server.ts';
import { Handled, type Transport } from '../transport.ts';
import { http2Request } from './openings.ts';

/** A service of HTTP/2, and of HTTP/1.1 where `allowHTTP1`. */
export function serveHttp2(allowHTTP1: boolean): Transport['serve'] {
  return (source, options) => {
    const handled = new Handled();
    const server = createSecureServer({ allowHTTP1 }, (asked, response) => {
      const peer = peerOf(asked);
      handled.add(peer.id.toString());
      void (async () => {
        await options.hold?.();
        response.end(describe(peer));
      })();
    });
    return hostServer(secureServer(server, source, { authorize: options.authorize }), handled, options);
  };
}

/** `secureServer` over node:http2 and `createHttp2Client`. */
export const http2: Transport = {
  own: 'both',
  alpn: 'h2',
  judge: 'svidkit',
  opening: () => http2Request(),
  serve: serveHttp2(false),
  connect: (source, { authorize, host, port }) => {
    const client = createHttp2Client(source, `https://${host}:${port}`, { authorize });
    return {
      async ask() {
        const stream: ClientHttp2Stream = await client.request({ ':path': '/' });
        const server = peerOf(stream).certificate.serialNumber;
        return parseAnswer(await text(stream), server);
      },
      close: () => client.destroy(),
    };
  },
};
