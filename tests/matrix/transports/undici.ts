import { peerOf } from '@svidkit/tls';
import { createDispatcher, createFetch, peerOfResponse } from '@svidkit/undici';
import { request } from 'undici';

import { parseAnswer } from '../answer.ts';
import { type Transport } from '../transport.ts';
import { https } from './http1.ts';
import { serveHttp2 } from './http2.ts';
import { http2Request } from './openings.ts';

/** The row of a dispatcher. */
function dispatcherRow(allowH2: boolean): Transport {
  return {
    ...https,
    own: 'client',
    alpn: allowH2 ? 'h2' : 'http/1.1',
    ...(allowH2 ? { opening: () => http2Request() } : {}),
    serve: serveHttp2(true),
    connect: (source, { authorize, host, port }) => {
      const dispatcher = createDispatcher(source, { authorize, allowH2 });
      return {
        async ask() {
          const { body, context } = await request(`https://${host}:${port}/`, { dispatcher });
          const server = peerOf(context).certificate.serialNumber;
          return parseAnswer(await body.text(), server);
        },
        close: () => dispatcher.destroy(),
      };
    },
  };
}

/** `createDispatcher`, over HTTP/1.1. */
export const undiciHttp1: Transport = dispatcherRow(false);

/** `createDispatcher`, over HTTP/2. */
export const undiciHttp2: Transport = dispatcherRow(true);

/** `createFetch`. */
export const boundFetch: Transport = {
  ...undiciHttp1,
  connect: (source, { authorize, host, port }) => {
    const fetch = createFetch(source, { authorize });
    return {
      async ask() {
        const response = await fetch(`https://${host}:${port}/`);
        const server = peerOfResponse(response).certificate.serialNumber;
        return parseAnswer(await response.text(), server);
      },
      close: () => fetch.destroy(),
    };
  },
};
