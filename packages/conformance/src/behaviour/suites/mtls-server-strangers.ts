import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { openTls } from '../dial.ts';
import { observed, want, wantSame } from '../ended.ts';
import { Http1Connection } from '../http-over.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { SERVER_OPS } from './mtls-server.ts';

const ANY = { authorize: { any: true } };
const VALID = 'accept/valid-client[key=ec-p256,tls=1.3]';

/** The port serves while strangers knock, and until it stops. */
export function mtlsServerStrangerDrafts(): readonly BehaviourDraft[] {
  return [...strangerDrafts(), ...stopDrafts()];
}

function strangerDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 309,
      id: 'reject/plain-tcp',
      title: 'a client that speaks no TLS gets no word of the application',
      why: 'a server that answers before the handshake answers everyone',
      level: 'may',
      spec: SPEC.decisionFirst,
      ops: SERVER_OPS,
      control: VALID,
      async script(world) {
        const server = await world.serve(await world.identity(await world.pki.identity()), ANY);
        const got = await sendPlain(world, server.port, 'GET / HTTP/1.1\r\n\r\n');
        want(!got.includes('peer'), 'a client without TLS was told whom it is taken for');
        await server.admits(await (await world.pki.root()).issue());
      },
    },
    {
      row: 309,
      id: 'reject/tls11',
      title: 'a client that speaks TLS 1.1 at most is turned away',
      why: 'its handshakes are signed with SHA-1, which is broken',
      level: 'may',
      spec: SPEC.bounded,
      ops: SERVER_OPS,
      control: VALID,
      async script(world) {
        const server = await world.serve(await world.identity(await world.pki.identity()), ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        await server.refuses(client, 'a client of TLS 1.1', {
          tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
        });
        await server.admits(client);
      },
    },
    {
      row: 309,
      id: 'reject/slowloris-handshake',
      title: 'a client that never goes on with its handshake is cut off',
      why: 'sockets that wait for ever are an attack that costs nothing',
      level: 'may',
      spec: SPEC.bounded,
      ops: SERVER_OPS,
      features: ['options:handshakeTimeoutMs'],
      control: VALID,
      async script(world) {
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, { ...ANY, handshakeTimeoutMs: 200 });
        // The beginning of a ClientHello.
        await sendPlain(world, server.port, Buffer.from('1603010200010001fc0303', 'hex'));
        await server.admits(await (await world.pki.root()).issue());
      },
    },
    {
      row: 320,
      id: 'survive/handshake-garbage',
      title: 'after a thousand connections full of nonsense a good client is let in',
      why: 'what strangers send must not end the process, nor lock others out',
      level: 'may',
      spec: SPEC.bounded,
      ops: SERVER_OPS,
      control: VALID,
      long: true,
      async script(world) {
        const server = await world.serve(await world.identity(await world.pki.identity()), ANY);
        for (let batch = 0; batch < 20; batch++) {
          await Promise.all(
            Array.from({ length: 50 }, async () => {
              const length = 1 + world.random.below(64);
              const bytes = Buffer.from(Array.from({ length }, () => world.random.below(256)));
              await throwAt(server.port, bytes);
            }),
          );
        }
        await server.admits(await (await world.pki.root()).issue());
      },
    },
  ];
}

function stopDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 319,
      id: 'close/drains',
      title: 'a server that stops takes no new connection, and answers what is on its way',
      why: 'each deployment would otherwise be seen as errors by the clients of the old pods',
      level: 'ref',
      spec: SPEC.drain,
      ops: [...SERVER_OPS, 'server.stop'],
      features: ['protocols:http1'],
      control: 'http1/keepalive-peer-id',
      async script(world) {
        const server = await world.serve(await world.identity(await world.pki.identity()), {
          ...ANY,
          protocol: 'http1',
        });
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const { socket } = await openTls({ port: server.port, as: client, patienceMs: world.patienceMs });
        world.defer(() => void socket.destroy());
        const request = new Http1Connection(socket).begin();
        await request.asked;
        request.write('one half');
        let isStopped = false;
        const stopped = server.stop({ graceMs: world.patienceMs }).then(() => (isStopped = true));
        // Whatever ends the case before: how it stopped is then of no interest.
        stopped.catch(() => {});
        await refusesSoon(world, server.port);
        want(!isStopped, 'the server says that it has stopped while a request is on its way');
        request.end('and the other');
        wantSame(
          'the answer to the request that was on its way',
          (await request.answer)?.body,
          JSON.stringify({ peer: client.id }),
        );
        await stopped;
      },
    },
    {
      row: 319,
      id: 'close/deadline',
      title: 'a server that has no more patience ends what is still on its way',
      why: 'one client that never finishes must not hold a deployment',
      level: 'ref',
      spec: SPEC.drain,
      ops: [...SERVER_OPS, 'server.stop'],
      control: VALID,
      async script(world) {
        const server = await world.serve(await world.identity(await world.pki.identity()), ANY);
        const { socket } = await server.admits(await (await world.pki.root()).issue());
        await server.stop({ graceMs: 0 });
        want(await closes(socket, world.patienceMs), 'a connection outlived its server');
        await refusesSoon(world, server.port);
      },
    },
  ];
}

/** Waits until nobody listens at a port. */
async function refusesSoon(world: World, port: number): Promise<void> {
  const end = performance.now() + world.patienceMs;
  while (performance.now() < end) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (!isOpen) return;
  }
  throw observed('a server that was told to stop still takes connections');
}

/** Sends bytes over a plain connection, and gives what came until the other side ended it. */
async function sendPlain(world: World, port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')));
  socket.write(bytes);
  if (!(await closes(socket, world.patienceMs)))
    throw observed('a connection without a handshake was left open');
  return got;
}

/** Whether a connection is closed by the other side. */
async function closes(socket: Socket, patienceMs: number): Promise<boolean> {
  if (socket.closed) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, patienceMs, false);
  socket.once('close', () => resolve(true));
  const hasClosed = await promise;
  clearTimeout(timer);
  socket.destroy();
  return hasClosed;
}

/** Sends bytes and goes. */
async function throwAt(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.end(bytes);
  socket.resume();
  await once(socket, 'close').catch(() => {});
}
