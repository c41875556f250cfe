import { connect } from 'node:http2';
import { Duplex } from 'node:stream';

import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  type ServerCredentials,
  type ServerOptions,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { authorizeAny, type X509Source } from '@svidkit/core';
import { createChannelCredentials, createServerCredentials, peerOf } from '@svidkit/grpc';
import { type SecureServerOptions } from '@svidkit/tls';
import { expect, onTestFinished } from 'vitest';

import { closing } from '../../tls/test/fixtures.ts';

/** Whatever JSON can say. */
export interface Message {
  readonly text?: string;
  readonly count?: number;
  readonly peer?: string;
  readonly serial?: string;
}

const serialize = (message: Message): Buffer => Buffer.from(JSON.stringify(message));
const deserialize = (bytes: Buffer): Message => JSON.parse(bytes.toString()) as Message;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

/** One method of each kind, and one that nobody implements. */
export const ECHO = {
  Unary: method('Unary', false, false),
  Collect: method('Collect', true, false),
  Spread: method('Spread', false, true),
  Chat: method('Chat', true, true),
  Admin: method('Admin', false, false),
} satisfies ServiceDefinition;

/** What a server does in place of answering with whom it sees. */
export interface Handlers {
  readonly unary?: handleUnaryCall<Message, Message>;
}

/** A server that listens, and what it did. */
export interface EchoServer {
  readonly server: Server;
  readonly port: number;
  /** Who began a call, in order. */
  readonly handled: string[];
  /** The metadata of each call, in order. */
  readonly metadata: Metadata[];
}

/** Starts a server of {@link ECHO}. */
export async function echoServer(
  credentials: ServerCredentials,
  options: ServerOptions & Handlers & { readonly address?: string } = {},
): Promise<EchoServer> {
  const { unary, address = '127.0.0.1:0', ...rest } = options;
  const server = closing(new Server(rest), (one) => one.forceShutdown());
  const handled: string[] = [];
  const metadata: Metadata[] = [];
  const describe = (call: Parameters<typeof peerOf>[0] & { readonly metadata: Metadata }): Message => {
    const { id, certificate } = peerOf(call);
    handled.push(id.toString());
    metadata.push(call.metadata);
    return { peer: id.toString(), serial: certificate.serialNumber };
  };
  const answer: handleUnaryCall<Message, Message> = (call, callback) => {
    const seen = describe(call);
    if (unary === undefined) callback(null, { ...seen, ...call.request });
    else unary(call, callback);
  };
  const collect: handleClientStreamingCall<Message, Message> = (call, callback) => {
    const seen = describe(call);
    let count = 0;
    call.on('data', () => (count += 1));
    call.on('end', () => callback(null, { ...seen, count }));
  };
  const spread: handleServerStreamingCall<Message, Message> = (call) => {
    const seen = describe(call);
    for (let count = 1; count <= (call.request.count ?? 1); count += 1) call.write({ ...seen, count });
    call.end();
  };
  const chat: handleBidiStreamingCall<Message, Message> = (call) => {
    const seen = describe(call);
    call.on('data', (message: Message) => call.write({ ...seen, ...message }));
    call.on('end', () => call.end());
  };
  server.addService(ECHO, { Unary: answer, Collect: collect, Spread: spread, Chat: chat, Admin: answer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { server, port, handled, metadata };
}

/** A server whose identity is that of `source`. */
export function secureEchoServer(
  source: X509Source,
  options: Parameters<typeof echoServer>[1] & { readonly secure?: Partial<SecureServerOptions> } = {},
): Promise<EchoServer> {
  const { secure, ...rest } = options;
  return echoServer(createServerCredentials(source, { authorize: authorizeAny(), ...secure }), rest);
}

/** A client of {@link ECHO}. */
export class EchoClient extends Client {
  unary(
    message: Message = {},
    options: CallOptions = {},
    metadata: Metadata = new Metadata(),
  ): Promise<Message> {
    return this.#ask('Unary', message, options, metadata);
  }

  admin(message: Message = {}): Promise<Message> {
    return this.#ask('Admin', message, {}, new Metadata());
  }

  collect(callback: (error: ServiceError | null, message?: Message) => void): ClientWritableStream<Message> {
    const { path, requestSerialize, responseDeserialize } = ECHO.Collect;
    return this.makeClientStreamRequest(path, requestSerialize, responseDeserialize, callback);
  }

  spread(message: Message): ClientReadableStream<Message> {
    const { path, requestSerialize, responseDeserialize } = ECHO.Spread;
    return this.makeServerStreamRequest(path, requestSerialize, responseDeserialize, message);
  }

  chat(options: CallOptions = {}): ClientDuplexStream<Message, Message> {
    const { path, requestSerialize, responseDeserialize } = ECHO.Chat;
    return this.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, options);
  }

  #ask(
    name: 'Unary' | 'Admin',
    message: Message,
    options: CallOptions,
    metadata: Metadata,
  ): Promise<Message> {
    const { path, requestSerialize, responseDeserialize } = ECHO[name];
    return new Promise((resolve, reject) => {
      this.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        metadata,
        options,
        (error, answer) => (answer === undefined ? reject(error ?? new Error('no answer')) : resolve(answer)),
      );
    });
  }
}

/** A client with any credentials, closed after the test. */
export function clientWith(
  target: string | number,
  credentials: ChannelCredentials,
  options: ChannelOptions = {},
): EchoClient {
  const address = typeof target === 'number' ? `127.0.0.1:${target}` : target;
  // Each test has connections of its own.
  const own = { 'grpc.use_local_subchannel_pool': 1, ...options };
  return closing(new EchoClient(address, credentials, own), (client) => client.close());
}

/** A client whose identity is that of `source`. */
export function secureClient(
  source: X509Source,
  target: string | number,
  options: Partial<Parameters<typeof createChannelCredentials>[1]> & {
    readonly channel?: ChannelOptions;
  } = {},
): EchoClient {
  const { channel, ...rest } = options;
  return clientWith(
    target,
    createChannelCredentials(source, { authorize: authorizeAny(), ...rest }),
    channel,
  );
}

/** How a call failed. */
export async function failureOf(call: Promise<unknown>): Promise<ServiceError> {
  const outcome: unknown = await call.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  if (outcome instanceof Error && 'code' in outcome) return outcome as ServiceError;
  throw new TypeError(`want a failure, got ${JSON.stringify(outcome)}`);
}

/** A failure before the call was sent, for a reason that its details name. */
export function unavailable(reason: string): { code: status; details: string } {
  return { code: status.UNAVAILABLE, details: expect.stringContaining(reason) as string };
}

/** Calls that are made one after the other, by several at once, until {@link Load.stop}. */
export interface Load {
  /** Whose certificate each answer was given with, in order. */
  readonly answers: (string | undefined)[];
  readonly failures: string[];
  /** Resolves once so many more calls have been answered. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Keeps a client busy. */
export function loadOn(client: EchoClient, width = 8): Load {
  const answers: (string | undefined)[] = [];
  const failures: string[] = [];
  const stopped = new AbortController();
  onTestFinished(() => stopped.abort());
  const one = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        const { serial } = await client.unary();
        answers.push(serial);
      } catch (error) {
        failures.push(String(error));
        // A call that fails at once must not keep the event loop to itself.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const workers = Array.from({ length: width }, one);
  return {
    answers,
    failures,
    async more(count) {
      const until = answers.length + failures.length + count;
      while (answers.length + failures.length < until) {
        stopped.signal.throwIfAborted();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async stop() {
      stopped.abort();
      await Promise.all(workers);
    },
  };
}

/** The bytes that an HTTP/2 client sends to make one unary call of {@link ECHO}, without waiting for an answer. */
export async function pipelinedCall(): Promise<Buffer> {
  const sent: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  const session = connect('http://localhost', { createConnection: () => wire });
  session.on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': ECHO.Unary.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  const message = serialize({ text: 'pipelined' });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  await new Promise<void>((resolve) => {
    stream.end(Buffer.concat([prefix, message]), resolve);
  });
  session.destroy();
  return Buffer.concat(sent);
}
