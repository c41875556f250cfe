import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type Agent, request as httpsRequest } from 'node:https';
import { type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';

import { authorizeAny, type SvidkitEvents } from '@svidkit/core';
import { createTestCa, type TestCa, type TestContextOptions, type TestX509Source } from '@svidkit/testkit';
import { createHttpsAgent, type HttpsAgent, type Peer, peerOf } from '@svidkit/tls';

const closers: (() => unknown)[] = [];

/** Closes what the fixtures opened since the last call, the latest first. For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

/** Has `close` called by the next {@link closeAll}. */
export function closing<T>(thing: T, close: (thing: T) => unknown): T {
  closers.push(() => close(thing));
  return thing;
}

let made: Promise<TestCa> | undefined;

/** The authority of a.test. Made once: authorities are immutable. */
function authority(): Promise<TestCa> {
  made ??= createTestCa({ trustDomain: 'a.test' });
  return made;
}

/** A source of an SVID of a.test, closed after the test. */
export async function sourceOf(path: string, options: TestContextOptions = {}): Promise<TestX509Source> {
  const ca = await authority();
  return closing(await ca.source({ path, ...options }), (source) => source.close());
}

/** Gives `source` its next SVID. */
export async function rotate(source: TestX509Source): Promise<void> {
  const { id } = source.current.svid;
  const { svid, bundles } = await (await authority()).context({ path: id.path });
  source.update(svid, bundles);
}

/** An agent that presents what `source` has. */
export function agentOf(source: TestX509Source): HttpsAgent {
  return closing(createHttpsAgent(source, { authorize: authorizeAny() }), (agent) => agent.destroy());
}

/** An agent of somebody of a.test. */
export async function clientOf(path: string): Promise<HttpsAgent> {
  return agentOf(await sourceOf(path));
}

/** Starts listening on the loopback; gives the port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(server, (one) => void one.close());
  return portOf(server);
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** What came back for one request. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whom the client saw; undefined without TLS. */
  readonly server: Peer | undefined;
}

/** One request, over mutual TLS where an agent is given. */
export async function ask(
  agent: Agent | undefined,
  port: number,
  path: string,
  options: { readonly headers?: Record<string, string>; readonly host?: string } = {},
): Promise<Answer> {
  const { host = '127.0.0.1', headers = {} } = options;
  const begin = agent === undefined ? httpRequest : httpsRequest;
  const request = begin({ host, port, path, headers, ...(agent === undefined ? {} : { agent }) });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const server = agent === undefined ? undefined : peerOf(response);
  return { status: response.statusCode, headers: response.headers, body: await text(response), server };
}

/** One request over HTTP/2, by somebody of a.test. Gives status and body. */
export async function askHttp2(
  port: number,
  path: string,
  target: string,
): Promise<readonly [status: number, body: string]> {
  const { certPem: cert, keyPem: key } = await (await authority()).issue({ path });
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    createConnection: () =>
      connect({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
  });
  closing(session, (one) => one.destroy());
  const stream = session.request({ ':path': target });
  const body = text(stream);
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
  return [headers[':status'], await body];
}

/** The refusals that were published since. */
export function refusals(): SvidkitEvents['svidkit:request.rejected'][] {
  const seen: SvidkitEvents['svidkit:request.rejected'][] = [];
  const listener = (event: unknown): void =>
    void seen.push(event as SvidkitEvents['svidkit:request.rejected']);
  subscribe('svidkit:request.rejected', listener);
  closers.push(() => unsubscribe('svidkit:request.rejected', listener));
  return seen;
}
