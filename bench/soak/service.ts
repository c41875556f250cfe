// One service of the soak: serves https and http2 from its mount, and calls the other one over each transport without a
// pause, while its mount changes.
import { readdirSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { type sendUnaryData, Server as GrpcServer, type ServerUnaryCall } from '@grpc/grpc-js';
import { authorizeId, type Authorizer, type X509Context } from '@svidkit/core';
import { createChannelCredentials, createServerCredentials, peerOf as grpcPeerOf } from '@svidkit/grpc';
import { openMountedX509Source } from '@svidkit/mount';
import {
  createHttp2Client,
  createHttpsAgent,
  createHttpsServer,
  type Peer,
  peerOf,
  secureServer,
  type SocketHolder,
} from '@svidkit/tls';
import { createFetch } from '@svidkit/undici';

import { type Call, callGrpc, callHttp2, callHttps, callUndici, SERVICE, soakClient } from './calls.ts';
import { type Held, type News, type Order, type Ports } from './messages.ts';

const [directory = '', self = '', other = ''] = process.argv.slice(2);
/** Own SVIDs that a peer may still have seen; a connection of an older one would have been left long ago. */
const REMEMBERED = 64;
const PROBLEMS_TOLD = 20;
/** Between two requests of one caller, so that the load does not keep rotations from being noticed. */
const PAUSE_MS = 2;
const CALLERS_PER_TRANSPORT = 3;

const source = await openMountedX509Source({ directory });
const authorize: Authorizer = authorizeId(other);
const presented = new Set<string>();
const inFlight = new Set<Promise<unknown>>();
const counts = { requests: 0, failed: 0, wrong: 0 };
let problems = 0;
const stopped = new AbortController();

function tell(news: News): void {
  process.send?.(news);
}

function problem(text: string): void {
  problems += 1;
  if (problems <= PROBLEMS_TOLD) tell({ news: 'problem', text });
}

function follow(context: X509Context | undefined): void {
  if (context === undefined) return;
  const { serialNumber } = context.svid.leaf;
  presented.add(serialNumber);
  for (const oldest of presented) {
    if (presented.size <= REMEMBERED) break;
    presented.delete(oldest);
  }
  tell({ news: 'presents', serial: serialNumber });
}

/** Answers with whom it sees. */
function answer(request: SocketHolder): string {
  return JSON.stringify(seen(peerOf(request)));
}

function seen({ id, certificate }: Peer): { readonly id: string; readonly serial: string } {
  return { id: id.toString(), serial: certificate.serialNumber };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function caller(name: string, call: Call): Promise<void> {
  while (!stopped.signal.aborted) {
    try {
      const { id, serial } = JSON.parse(await followed(call())) as { id: string; serial: string };
      counts.requests += 1;
      if (id !== self || !presented.has(serial)) {
        counts.wrong += 1;
        problem(`${name}: ${other} saw ${id} with serial ${serial}`);
      }
    } catch (error) {
      counts.failed += 1;
      problem(`${name}: ${describe(error)}`);
    }
    await sleep(PAUSE_MS);
  }
}

function held(): Held {
  // An ordinary collection leaves what it freed in the resident set: hundreds of MiB, and now more, now less.
  for (let twice = 0; twice < 2; twice += 1) {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external, descriptors: readdirSync('/proc/self/fd').length };
}

async function followed<T>(request: Promise<T>): Promise<T> {
  inFlight.add(request);
  try {
    return await request;
  } finally {
    inFlight.delete(request);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

function callThem({ https, http2, grpc }: Ports): Promise<unknown> {
  const agent = createHttpsAgent(source, { authorize, keepAlive: true });
  const fetch = createFetch(source, { authorize });
  const client = createHttp2Client(source, `https://127.0.0.1:${http2}`, { authorize });
  const channel = soakClient(grpc, createChannelCredentials(source, { authorize }));
  const calls: Record<string, Call> = {
    https: callHttps(agent, https),
    undici: callUndici(fetch, https),
    http2: callHttp2(client),
    grpc: callGrpc(channel),
  };
  const callers = Object.entries(calls).flatMap(([name, call]) =>
    Array.from({ length: CALLERS_PER_TRANSPORT }, () => caller(name, call)),
  );
  return Promise.all(callers).then(() => {
    agent.destroy();
    client.destroy();
    channel.close();
    return fetch.destroy();
  });
}

const servers = [
  createHttpsServer(source, { authorize }, (request, response) => void response.end(answer(request))),
  secureServer(
    createSecureServer({}, (request, response) => void response.end(answer(request))),
    source,
    { authorize },
  ),
] as const;
const grpcServer = new GrpcServer();
grpcServer.addService(SERVICE, {
  ask: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
    done(null, Buffer.from(JSON.stringify(seen(grpcPeerOf(call))))),
});
source.onUpdate(follow);
follow(source.current);
tell({
  news: 'listening',
  ports: {
    https: await listen(servers[0]),
    http2: await listen(servers[1]),
    grpc: await promisify(grpcServer.bindAsync.bind(grpcServer))(
      '127.0.0.1:0',
      createServerCredentials(source, { authorize }),
    ),
  },
});

let calling: Promise<unknown> = Promise.resolve();
const telling = setInterval(() => tell({ news: 'count', ...counts }), 500);

process.on('message', (order: Order) => void obey(order));
process.on('disconnect', () => process.exit(1));

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'call':
      calling = callThem(order.ports);
      return;
    case 'measure':
      return tell({ news: 'measured', ...held() });
    case 'settle':
      await Promise.allSettled(inFlight);
      return tell({ news: 'settled' });
    case 'stop':
      stopped.abort();
      await calling;
      clearInterval(telling);
      tell({ news: 'count', ...counts });
      return tell({ news: 'stopped' });
    case 'end':
      await Promise.all(servers.map((server) => server.drain({ deadlineMs: 2_000 })));
      grpcServer.forceShutdown();
      await source.close();
      process.disconnect();
      return;
  }
}
