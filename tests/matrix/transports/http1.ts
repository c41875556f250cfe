import { request, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { type TLSSocket } from 'node:tls';

import { createHttpsAgent, createHttpsServer, peerOf, tlsClientOptions } from '@svidkit/tls';

import { describe, parseAnswer } from '../answer.ts';
import { hostServer } from '../host-server.ts';
import { type Answer, Handled, type Transport } from '../transport.ts';
import { HTTP1_REQUEST } from './openings.ts';

/** One request; `serialOf` reads the server's SVID off the connection. */
function askHttps(
  options: RequestOptions,
  serialOf: (socket: TLSSocket) => string = (socket) => peerOf(socket).certificate.serialNumber,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      // Afterwards node:http has taken the socket away.
      const server = serialOf(response.socket as TLSSocket);
      text(response).then((body) => resolve(parseAnswer(body, server)), reject);
    });
    asked.on('error', reject).end();
  });
}

/** Clients of HTTP/1.1 with the agent. */
const connectByAgent: Transport['connect'] = (source, { authorize, host, port }) => {
  const agent = createHttpsAgent(source, { authorize });
  return { ask: () => askHttps({ agent, host, port }), close: () => agent.destroy() };
};

/** `createHttpsServer` and `createHttpsAgent`. */
export const https: Transport = {
  own: 'both',
  alpn: 'http/1.1',
  judge: 'svidkit',
  opening: async () => HTTP1_REQUEST,
  serve(source, options) {
    const handled = new Handled();
    const server = createHttpsServer(source, { authorize: options.authorize }, (asked, response) => {
      const peer = peerOf(asked);
      handled.add(peer.id.toString());
      void (async () => {
        await options.hold?.();
        response.end(describe(peer));
      })();
    });
    return hostServer(server, handled, options);
  },
  connect: connectByAgent,
};

/** The options for others, given to `https.request`. */
export const httpsByOptions: Transport = {
  ...https,
  own: 'client',
  judge: 'openssl',
  connect: (source, { authorize, host, port }) => {
    const secure = tlsClientOptions(source, { authorize });
    const closed = new AbortController();
    return {
      ask: () =>
        askHttps({ host, port, agent: false, signal: closed.signal, ...secure }, (socket) =>
          socket.getPeerCertificate().serialNumber.toLowerCase(),
        ),
      close: () => closed.abort(),
    };
  },
};
