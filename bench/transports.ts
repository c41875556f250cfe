// Servers and requesters of the transports beyond https, ours and bare, for the process that `peer.ts` is.
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, createSecureServer } from 'node:http2';
import { type SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';

import {
  type Client,
  type ChannelCredentials,
  credentials,
  makeGenericClientConstructor,
  Server as GrpcServer,
  ServerCredentials,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { type Authorizer, type X509Source } from '@svidkit/core';
import { createChannelCredentials, createServerCredentials } from '@svidkit/grpc';
import { createHttp2Client, secureServer } from '@svidkit/tls';
import { createDispatcher } from '@svidkit/undici';
import { Agent as UndiciAgent, type Dispatcher, request as undiciRequest } from 'undici';

/** What both sides of a comparison are made of. */
export interface Parts {
  readonly source: X509Source;
  readonly authorize: Authorizer;
  readonly bare: {
    readonly cert: string;
    readonly key: string;
    readonly ca: string;
    readonly minVersion: 'TLSv1.3';
    readonly secureOptions: number;
  };
}

const BODY = 'x'.repeat(1024);
const trusting = { checkServerIdentity: () => undefined };

/** Starts a server of this kind and gives its port; undefined when it is none of these. */
export async function listenTransport(
  kind: string,
  { source, authorize, bare }: Parts,
): Promise<number | undefined> {
  const mutual = { ...bare, requestCert: true, rejectUnauthorized: true };
  if (kind === 'bare http2' || kind === 'gated http2') {
    const server = createSecureServer(kind === 'bare http2' ? mutual : {}, (_request, response) =>
      response.end(BODY),
    );
    if (kind === 'gated http2') secureServer(server, source, { authorize });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  }
  if (kind !== 'bare grpc' && kind !== 'gated grpc') return undefined;
  const server = new GrpcServer();
  server.addService(SERVICE, {
    echo: (_call: unknown, done: (error: null, answer: Buffer) => void) => done(null, ANSWER),
  });
  const { ca, key, cert } = bare;
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  const secured =
    kind === 'bare grpc'
      ? ServerCredentials.createSsl(Buffer.from(ca), [pair], true)
      : createServerCredentials(source, { authorize });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', secured, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/** What sends one request of this kind; undefined when it is none of these. */
export function requesterOf(kind: string, port: number, parts: Parts): (() => Promise<void>) | undefined {
  switch (kind) {
    case 'ours http2':
      return oursHttp2(port, parts);
    case 'plain http2':
      return plainHttp2(port, createSecureContext(parts.bare));
    case 'ours undici':
      return viaUndici(port, createDispatcher(parts.source, { authorize: parts.authorize, connections: 8 }));
    case 'plain undici': {
      const connect = {
        secureContext: createSecureContext(parts.bare),
        maxCachedSessions: 0,
        servername: 'bench',
        ...trusting,
      };
      return viaUndici(port, new UndiciAgent({ connections: 8, allowH2: false, connect }));
    }
    case 'ours grpc':
      return viaGrpc(port, createChannelCredentials(parts.source, { authorize: parts.authorize }));
    case 'plain grpc': {
      const { ca, key, cert } = parts.bare;
      return viaGrpc(
        port,
        credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(cert), trusting),
      );
    }
    default:
      return undefined;
  }
}

function oursHttp2(port: number, { source, authorize }: Parts): () => Promise<void> {
  const client = createHttp2Client(source, `https://127.0.0.1:${port}`, { authorize });
  return async () => drain(await client.request({ ':path': '/' }));
}

function plainHttp2(port: number, secureContext: SecureContext): () => Promise<void> {
  let session: ClientHttp2Session | undefined;
  return () => {
    session ??= connectHttp2(`https://127.0.0.1:${port}`, { secureContext, ...trusting });
    return drain(session.request({ ':path': '/' }));
  };
}

async function drain(stream: NodeJS.ReadableStream): Promise<void> {
  stream.resume();
  await once(stream, 'end');
}

function viaUndici(port: number, dispatcher: Dispatcher): () => Promise<void> {
  return async () => {
    const { body } = await undiciRequest(`https://127.0.0.1:${port}/`, { dispatcher });
    await body.dump();
  };
}

const same = (bytes: Buffer): Buffer => bytes;
const ANSWER = Buffer.from(BODY);
const SERVICE: ServiceDefinition = {
  echo: {
    path: '/bench.Bench/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
};
const BenchClient = makeGenericClientConstructor(SERVICE, 'Bench');

function viaGrpc(port: number, secured: ChannelCredentials): () => Promise<void> {
  const client = new BenchClient(`127.0.0.1:${port}`, secured) as unknown as Client & {
    echo(request: Buffer, done: (error: Error | null) => void): void;
  };
  return () =>
    new Promise((resolve, reject) => {
      client.echo(Buffer.alloc(0), (error) => (error === null ? resolve() : reject(error)));
    });
}
