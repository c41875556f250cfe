import { once } from 'node:events';

import {
  Client as GrpcClient,
  type ClientDuplexStream,
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { type X509Source } from '@svidkit/core';
import { createChannelCredentials, createServerCredentials, peerOf, shutdownServer } from '@svidkit/grpc';

import { closing } from '../../../packages/tls/test/fixtures.ts';
import { describe, parseAnswer } from '../answer.ts';
import { type Answer, type Client, type Conversation, Handled, type Transport } from '../transport.ts';
import { http2Request } from './openings.ts';

const serialize = (text: string): Buffer => Buffer.from(text);
const deserialize = (bytes: Buffer): string => bytes.toString();

function method(name: string, stream: boolean) {
  return {
    path: `/matrix.Who/${name}`,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

const WHO = { Ask: method('Ask', false), Converse: method('Converse', true) } satisfies ServiceDefinition;

const serve: Transport['serve'] = async (source, { authorize, host, port, hold }) => {
  const handled = new Handled();
  const server = new Server();
  const ask: handleUnaryCall<string, string> = (call, callback) => {
    const peer = peerOf(call);
    handled.add(peer.id.toString());
    void (async () => {
      await hold?.();
      callback(null, describe(peer));
    })();
  };
  const converse: handleBidiStreamingCall<string, string> = (call) => {
    const peer = peerOf(call);
    handled.add(peer.id.toString());
    call.on('error', () => {});
    call.on('data', () => {
      void (async () => {
        await hold?.();
        call.write(describe(peer));
      })();
    });
    call.on('end', () => call.end());
  };
  server.addService(WHO, { Ask: ask, Converse: converse });
  const bound = await new Promise<number>((resolve, reject) => {
    const credentials = createServerCredentials(source, { authorize });
    server.bindAsync(`${host}:${port}`, credentials, (error, given) =>
      error === null ? resolve(given) : reject(error),
    );
  });
  const kill = async (): Promise<void> => server.forceShutdown();
  return closing({ port: bound, handled, drain: () => shutdownServer(server), kill }, kill);
};

/** What leads to the connection of a call, while it is under way. */
type Call = Pick<ClientDuplexStream<string, string>, 'getAuthContext'>;

function serverOf(call: Call): string {
  const serial = call.getAuthContext()?.sslPeerCertificate?.serialNumber;
  if (serial === undefined) throw new TypeError('the call has no connection');
  return serial.toLowerCase();
}

/** A channel of its own. */
class WhoClient extends GrpcClient {
  constructor(source: X509Source, { authorize, host, port }: Parameters<Transport['connect']>[1]) {
    super(`${host}:${port}`, createChannelCredentials(source, { authorize }), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 20,
      'grpc.max_reconnect_backoff_ms': 50,
    });
  }

  ask(): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = WHO.Ask;
    return new Promise((resolve, reject) => {
      let server = '';
      const call = this.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        'who is there?',
        new Metadata(),
        (error, text) => (error === null ? resolve(parseAnswer(text ?? '', server)) : reject(error)),
      );
      call.once('metadata', () => (server = serverOf(call)));
    });
  }

  converse(): Conversation {
    const { path, requestSerialize, responseDeserialize } = WHO.Converse;
    const call = this.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    let failure = new Error('the stream ended');
    call.on('error', (error) => void (failure = error));
    const ended = new Promise<never>((_, reject) => call.once('close', () => reject(failure)));
    const failed = new Promise<never>((_, reject) => call.once('error', reject));
    for (const end of [ended, failed]) end.catch(() => {});
    let server = '';
    call.once('metadata', () => (server = serverOf(call)));
    return {
      say: async () => {
        const answer = once(call, 'data');
        answer.catch(() => {});
        call.write('who is there?');
        return parseAnswer(String(await Promise.race([answer, ended, failed])), server);
      },
      end: () => call.end(),
    };
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waitForReady(Date.now() + 15_000, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }
}

function row(
  name: keyof typeof WHO,
  connect: (client: WhoClient) => Omit<Client, 'close' | 'ready'>,
): Transport {
  return {
    own: 'both',
    alpn: 'h2',
    judge: 'svidkit',
    opening: () => {
      const headers = {
        ':method': 'POST',
        ':path': WHO[name].path,
        'content-type': 'application/grpc',
        te: 'trailers',
      };
      // Uncompressed, one byte long.
      return http2Request(headers, Buffer.from([0, 0, 0, 0, 1, 0x3f]));
    },
    serve,
    connect: (source, options) => {
      const client = new WhoClient(source, options);
      return { ...connect(client), ready: () => client.ready(), close: () => client.close() };
    },
  };
}

/** `createServerCredentials` and `createChannelCredentials`, with a call for each exchange. */
export const grpcUnary: Transport = row('Ask', (client) => ({ ask: () => client.ask() }));

/** The same with streams. */
export const grpcStream: Transport = row('Converse', (client) => ({
  async ask() {
    const { say, end } = client.converse();
    try {
      return await say();
    } finally {
      end();
    }
  },
  converse: async () => client.converse(),
}));
