import { constants } from 'node:crypto';
// The other process of a benchmark: serves or dials as it is told over IPC, and says how much CPU that took. Ours and
// the baseline live in the same process, so that both see the same machine.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:https';
import { type AddressInfo } from 'node:net';
import {
  connect,
  createServer as createTlsServer,
  createSecureContext,
  type Server,
  type TLSSocket,
} from 'node:tls';

import {
  authorizeMemberOf,
  BundleSet,
  staticX509Source,
  systemClock,
  TrustDomain,
  X509Bundle,
  X509Svid,
} from '@svidkit/core';
import {
  connectTls,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer as createGatedServer,
  tlsClientOptions,
} from '@svidkit/tls';

import { type Order } from './order.ts';
import { listenTransport, requesterOf } from './transports.ts';

/** One identity as PEM. */
export interface Material {
  readonly certPem: string;
  readonly keyPem: string;
}

const materialFile = process.argv[2] ?? '';
const { trustDomain, bundlePem, identities } = JSON.parse(readFileSync(materialFile, 'utf8')) as {
  readonly trustDomain: string;
  readonly bundlePem: string;
  readonly identities: readonly Material[];
};
const authorize = authorizeMemberOf(trustDomain);
const bundles = BundleSet.of(X509Bundle.fromPem(TrustDomain.parse(trustDomain), bundlePem));
const self = first(identities);
const source = staticX509Source({
  svid: X509Svid.fromPem({ certificates: self.certPem, privateKey: self.keyPem }),
  bundles,
  clock: systemClock,
});
const secureOptions = constants.SSL_OP_NO_TICKET;
const bare = {
  cert: self.certPem,
  key: self.keyPem,
  ca: bundlePem,
  minVersion: 'TLSv1.3',
  secureOptions,
} as const;
const bareContext = createSecureContext(bare);
/** Contexts of peers that dial, by index, so that building them is not part of the measure. */
const dialContexts = new Map<number, ReturnType<typeof createSecureContext>>();
const agents = new Map<string, Agent>();

process.on('message', (order: Order) => {
  answer(order).then(
    (result) => process.send?.({ id: order.id, result }),
    (error: unknown) => process.send?.({ id: order.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function answer({ what, kind = '', port = 0, count = 1, from = 0 }: Order): Promise<unknown> {
  switch (what) {
    case 'listen':
      return listen(kind);
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      return user + system;
    }
    case 'dial':
      return pool(count, (i) => dial(kind, port, from + i));
    case 'request':
      return pool(count, () => request(kind, port));
    default:
      throw new Error(`unknown order ${String(what)}`);
  }
}

async function listen(kind: string): Promise<number> {
  const port = await listenTransport(kind, { source, authorize, bare });
  if (port !== undefined) return port;
  const servers: Record<string, () => Server> = {
    'bare tls': () => createTlsServer({ ...bare, requestCert: true, rejectUnauthorized: true }, end),
    'gated tls': () => createGatedServer(source, { authorize }, end),
    'bare https': () =>
      createServer({ ...bare, requestCert: true, rejectUnauthorized: true }, (_req, res) =>
        res.end('x'.repeat(1024)),
      ),
    'gated https': () =>
      createHttpsServer(source, { authorize }, (_req, res) => void res.end('x'.repeat(1024))),
  };
  const server = servers[kind]?.();
  if (server === undefined) throw new Error(`unknown server ${kind}`);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function end(socket: TLSSocket): void {
  socket.on('error', () => {}).end('x');
}

/** One handshake, ended by the server after its first byte. */
async function dial(kind: string, port: number, index: number): Promise<void> {
  const target = { host: '127.0.0.1', port };
  if (kind === 'connectTls') return drained(await connectTls(source, { ...target, authorize }));
  const socket = connect({
    ...target,
    ...(kind === 'tlsClientOptions'
      ? liveOptions
      : {
          secureContext: kind === 'peer' ? contextOf(index) : bareContext,
          checkServerIdentity: () => undefined,
        }),
  });
  await drained(socket);
}

const liveOptions = tlsClientOptions(source, { authorize });

async function drained(socket: TLSSocket): Promise<void> {
  socket.resume();
  await once(socket, 'close');
}

const requesters = new Map<string, (() => Promise<void>) | undefined>();

async function request(kind: string, port: number): Promise<void> {
  if (!requesters.has(kind)) requesters.set(kind, requesterOf(kind, port, { source, authorize, bare }));
  const send = requesters.get(kind);
  if (send !== undefined) return send();
  let agent = agents.get(kind);
  if (agent === undefined) {
    agent =
      kind === 'agent'
        ? createHttpsAgent(source, { authorize, maxSockets: 8 })
        : new Agent({
            keepAlive: true,
            maxSockets: 8,
            secureContext: bareContext,
            checkServerIdentity: () => undefined,
          });
    agents.set(kind, agent);
  }
  const [response] = (await once(get({ host: '127.0.0.1', port, agent }), 'response')) as [
    NodeJS.ReadableStream,
  ];
  response.resume();
  await once(response, 'end');
}

/** Runs `count` operations, a few at a time. */
async function pool(count: number, run: (i: number) => Promise<void>): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return count;
}

function contextOf(index: number): ReturnType<typeof createSecureContext> {
  const at = index % identities.length;
  let context = dialContexts.get(at);
  if (context === undefined) {
    const identity = identities[at] ?? self;
    context = createSecureContext({ ...bare, cert: identity.certPem, key: identity.keyPem });
    dialContexts.set(at, context);
  }
  return context;
}

function first<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined) throw new Error('no identities were given');
  return value;
}
