import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';

import { authorizeAny } from '@svidkit/core';
import { authorizeUpgrade } from '@svidkit/http/ws';
import { createHttpsAgent, createHttpsServer, type HttpsAgent, peerOf } from '@svidkit/tls';
import { WebSocket, WebSocketServer } from 'ws';

import { describe, parseAnswer } from '../answer.ts';
import { hostServer } from '../host-server.ts';
import { type Answer, Handled, type Transport } from '../transport.ts';
import { WEBSOCKET_REQUEST } from './openings.ts';

/** Opens a WebSocket. What it says is answered in turn. */
async function open(
  url: string,
  agent: HttpsAgent,
): Promise<{ readonly socket: WebSocket; readonly say: () => Promise<Answer> }> {
  const socket = new WebSocket(url, { agent });
  let server = '';
  // Afterwards node:http has taken the connection away.
  socket.once('upgrade', (response: IncomingMessage) => (server = peerOf(response).certificate.serialNumber));
  await once(socket, 'open');
  let failure = new Error('the connection ended');
  socket.on('error', (error: Error) => void (failure = error));
  const ended = new Promise<never>((_, reject) => socket.once('close', () => reject(failure)));
  ended.catch(() => {});
  const say = async (): Promise<Answer> => {
    const answer = once(socket, 'message');
    socket.send('who is there?');
    const [message] = (await Promise.race([answer, ended])) as [Buffer];
    return parseAnswer(message.toString(), server);
  };
  return { socket, say };
}

/** `authorizeUpgrade`, and the client of ws with the agent. */
export const ws: Transport = {
  own: 'both',
  alpn: 'http/1.1',
  judge: 'svidkit',
  opening: async () => WEBSOCKET_REQUEST,
  serve(source, options) {
    const handled = new Handled();
    const server = createHttpsServer(source, { authorize: options.authorize });
    const sockets = new WebSocketServer({ noServer: true });
    sockets.on('connection', (socket, request) => {
      const peer = peerOf(request);
      handled.add(peer.id.toString());
      socket.on('message', () => {
        void (async () => {
          await options.hold?.();
          socket.send(describe(peer));
        })();
      });
    });
    server.on('upgrade', authorizeUpgrade(sockets, authorizeAny()));
    return hostServer(server, handled, options);
  },
  connect(source, { authorize, host, port }) {
    const agent = createHttpsAgent(source, { authorize });
    const live = new Set<WebSocket>();
    const begin: typeof open = async (...given) => {
      const opened = await open(...given);
      live.add(opened.socket);
      opened.socket.once('close', () => live.delete(opened.socket));
      return opened;
    };
    const url = `wss://${host}:${port}/`;
    return {
      async ask() {
        const { socket, say } = await begin(url, agent);
        try {
          return await say();
        } finally {
          socket.close();
        }
      },
      async converse() {
        const { socket, say } = await begin(url, agent);
        return { say, end: () => socket.close() };
      },
      close() {
        for (const socket of live) socket.terminate();
        agent.destroy();
      },
    };
  },
};
