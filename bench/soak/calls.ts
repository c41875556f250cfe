import { once } from 'node:events';
import { type Agent, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';

import {
  type ChannelCredentials,
  type Client,
  makeGenericClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { type Http2Client } from '@svidkit/tls';
import { type BoundFetch } from '@svidkit/undici';

/** Makes one request and gives the body of its answer. @throws whatever kept it from one with status 200. */
export type Call = () => Promise<string>;

/** Over an agent of node:https. */
export function callHttps(agent: Agent, port: number): Call {
  return async () => {
    const asked = request({ agent, host: '127.0.0.1', port, method: 'POST' });
    asked.end('x');
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return checked(response.statusCode, await text(response));
  };
}

/** Over a bound fetch. */
export function callUndici(fetch: BoundFetch, port: number): Call {
  return async () => {
    const response = await fetch(`https://127.0.0.1:${port}/`, { method: 'POST', body: 'x' });
    return checked(response.status, await response.text());
  };
}

/** Over an HTTP/2 client. */
export function callHttp2(client: Http2Client): Call {
  return async () => {
    const stream = await client.request({ ':method': 'POST', ':path': '/' });
    const headers = once(stream, 'response') as Promise<[{ readonly ':status'?: number }]>;
    stream.end('x');
    const [[{ ':status': status }], body] = await Promise.all([headers, text(stream)]);
    return checked(status, body);
  };
}

const sameBytes = (bytes: Buffer): Buffer => bytes;

/** The one method that gRPC calls ask for. */
export const SERVICE: ServiceDefinition = {
  ask: {
    path: '/soak.Soak/Ask',
    requestStream: false,
    responseStream: false,
    requestSerialize: sameBytes,
    requestDeserialize: sameBytes,
    responseSerialize: sameBytes,
    responseDeserialize: sameBytes,
  },
};

const SoakClient = makeGenericClientConstructor(SERVICE, 'Soak');

/** What asks {@link SERVICE}. */
export type SoakClient = Client & {
  ask(request: Buffer, done: (error: Error | null, answer?: Buffer) => void): void;
};

/** A client of {@link SERVICE} on a port. */
export function soakClient(port: number, credentials: ChannelCredentials): SoakClient {
  return new SoakClient(`127.0.0.1:${port}`, credentials) as unknown as SoakClient;
}

/** Over a channel of gRPC. */
export function callGrpc(client: SoakClient): Call {
  return () =>
    new Promise((resolve, reject) => {
      client.ask(Buffer.from('x'), (error, answer) =>
        error === null ? resolve(String(answer)) : reject(error),
      );
    });
}

function checked(status: number | undefined, body: string): string {
  if (status !== 200) throw new Error(`status ${status}`);
  return body;
}
