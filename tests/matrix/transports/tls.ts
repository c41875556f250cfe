import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

import { type Certificate } from '@svidkit/core';
import { connectTls, createTlsServer, peerOf, tlsClientOptions } from '@svidkit/tls';

import { describe, parseAnswer } from '../answer.ts';
import { hostServer } from '../host-server.ts';
import { type Answer, type Client, Handled, type Transport } from '../transport.ts';
import { HTTP1_REQUEST } from './openings.ts';

/** A protocol over plain TLS: a line for each empty line. */
const REQUEST = '\r\n\r\n';

const serve: Transport['serve'] = (source, options) => {
  const handled = new Handled();
  const server = createTlsServer(source, { authorize: options.authorize }, (socket) => {
    let received = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      received += String(chunk);
      for (let end = received.indexOf(REQUEST); end >= 0; end = received.indexOf(REQUEST)) {
        received = received.slice(end + REQUEST.length);
        void answer(socket);
      }
    });
  });
  const answer = async (socket: TLSSocket): Promise<void> => {
    const peer = peerOf(socket);
    handled.add(peer.id.toString());
    await options.hold?.();
    socket.write(describe(peer));
  };
  return hostServer(server, handled, options);
};

/** Clients that open a connection for each exchange, or converse over one. */
function clientOf(
  open: () => Promise<TLSSocket>,
  serialOf: (socket: TLSSocket) => Certificate['serialNumber'],
): Client {
  const sockets = new Set<TLSSocket>();
  const begin = async (): Promise<{ readonly socket: TLSSocket; readonly say: () => Promise<Answer> }> => {
    const socket = await open();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    let failure = new Error('the connection ended');
    socket.on('error', (error: Error) => void (failure = error));
    const ended = new Promise<never>((_, reject) => socket.once('close', () => reject(failure)));
    ended.catch(() => {});
    const server = serialOf(socket);
    const say = async (): Promise<Answer> => {
      if (socket.destroyed) throw failure;
      const answer = once(socket, 'data');
      socket.write(REQUEST);
      return parseAnswer(String(await Promise.race([answer, ended])), server);
    };
    return { socket, say };
  };
  return {
    async ask() {
      const { socket, say } = await begin();
      try {
        return await say();
      } finally {
        socket.end();
      }
    },
    async converse() {
      const { socket, say } = await begin();
      return { say, end: () => socket.end() };
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** `createTlsServer` and `connectTls`. */
export const tls: Transport = {
  own: 'both',
  alpn: undefined,
  judge: 'svidkit',
  opening: async () => HTTP1_REQUEST,
  serve,
  connect: (source, options) =>
    clientOf(
      () => connectTls(source, options),
      (socket) => peerOf(socket).certificate.serialNumber,
    ),
};

/** The options for others, given to `tls.connect`. */
export const tlsByOptions: Transport = {
  ...tls,
  own: 'client',
  judge: 'openssl',
  connect: (source, { authorize, host, port }) => {
    const secure = tlsClientOptions(source, { authorize });
    return clientOf(
      async () => {
        const socket = connect({ host, port, ...secure });
        await once(socket, 'secureConnect');
        return socket;
      },
      (socket) => socket.getPeerCertificate().serialNumber.toLowerCase(),
    );
  },
};
