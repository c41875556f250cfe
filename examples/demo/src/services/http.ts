import { type IncomingMessage, type RequestListener } from 'node:http';
import { type Agent, request } from 'node:https';
import { type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';

import { type Peer, peerOf } from '@svidkit/tls';

import { HOST } from '../topology.ts';
import { type Host } from './host.ts';

/** An answer to {@link postJson}. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How long a request may take. */
export const TIMEOUT_MS = 5_000;

/** One request. It is sent once; whatever goes wrong is the caller's to count. */
export function postJson(
  agent: Agent,
  port: number,
  path: string,
  body: object,
  headers = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const content = JSON.stringify(body);
    const call = request(
      {
        host: HOST,
        port,
        path,
        method: 'POST',
        agent,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(content),
          ...headers,
        },
      },
      (response) => {
        text(response).then(
          (answer) =>
            resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) as Answer['body'] }),
          reject,
        );
      },
    );
    call.once('error', reject);
    call.end(content);
  });
}

/** Serves JSON. `answer` gets the verified peer. */
export function jsonListener(host: Host, answer: (peer: Peer) => Promise<object> | object): RequestListener {
  return listenJson(host, (incoming) => answer(peerOf(incoming)));
}

/** Serves JSON. `answer` gets the request, and finds out by itself whose it is. */
export function listenJson(
  host: Host,
  answer: (incoming: IncomingMessage) => Promise<object> | object,
): RequestListener {
  return (incoming, response) => {
    host.serve(incoming.headers['x-mark']);
    const respond = (status: number, body: object): void => {
      const content = JSON.stringify(body);
      response.writeHead(status, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(content),
      });
      response.end(content);
    };
    const serve = async (): Promise<void> => {
      await text(incoming);
      respond(200, await answer(incoming));
    };
    serve().catch((error: unknown) => respond(502, { error: (error as Error).message }));
  };
}

/** Listens on a free port of this machine, and gives it. */
export function listenOn(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Throws unless the answer is the one wanted: a wrong answer is a failed request too. */
export function expectAnswer({ status, body }: Answer, want: Readonly<Record<string, unknown>>): void {
  const wrong = Object.entries(want).find(([name, value]) => body[name] !== value);
  if (status === 200 && wrong === undefined) return;
  const detail = `want 200 ${JSON.stringify(want)}, got ${status} ${JSON.stringify(body)}`;
  throw Object.assign(new Error(detail), { code: status === 200 ? 'WRONG_ANSWER' : `HTTP_${status}` });
}
