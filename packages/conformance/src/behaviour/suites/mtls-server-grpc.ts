import { type BehaviourDraft } from '../behaviour-case.ts';
import { openTls } from '../dial.ts';
import { want, wantSame } from '../ended.ts';
import { askGrpc } from '../http-over.ts';
import { SPEC } from '../spec.ts';

const SERVER_OPS = ['server.start', 'server.stop', 'source.open', 'source.wait'] as const;
const GRPC = ['protocols:grpc'];
const PEER_ID = 'grpc/peer-id';
const H2 = { ALPNProtocols: ['h2'] };

/** The port serves gRPC. */
export function mtlsServerGrpcDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 311,
      id: PEER_ID,
      title: 'every call of every connection knows its own peer',
      why: 'a framework puts much between a call and its connection, and an ID that is kept beside is soon that of another',
      level: 'ref',
      spec: SPEC.authorization,
      ops: SERVER_OPS,
      features: GRPC,
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, { authorize: { any: true }, protocol: 'grpc' });
        const clients = await Promise.all(['/one', '/two'].map((path) => ca.issue({ path })));
        // All are connected before anyone asks.
        const sockets = await Promise.all(
          clients.map(async (as) => {
            const { socket } = await openTls({
              port: server.port,
              as,
              patienceMs: world.patienceMs,
              tls: H2,
            });
            world.defer(() => void socket.destroy());
            return { as, socket };
          }),
        );
        await Promise.all(
          sockets.map(async ({ as, socket }) => {
            for (const answer of await askGrpc(socket, 3))
              wantSame(`the answer to a call of ${as.id}`, answer, { status: 0, peer: as.id });
          }),
        );
      },
    },
    {
      row: 311,
      id: 'grpc/rejected-before-call',
      title: 'a call of a client that is not allowed reaches no handler',
      why: 'a status of the server, whatever it says, would be an answer to somebody whom nobody let in',
      level: 'ref',
      spec: SPEC.decisionFirst,
      ops: SERVER_OPS,
      features: GRPC,
      control: PEER_ID,
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const authorize = { id: 'spiffe://a.test/allowed' };
        const server = await world.serve(source, { authorize, protocol: 'grpc' });
        const refused = [
          await ca.issue({ path: '/other' }),
          await (await world.pki.stranger()).issue({ path: '/allowed' }),
          undefined,
        ];
        for (const as of [...refused, await ca.issue({ path: '/allowed' })]) {
          const { socket } = await openTls({ port: server.port, as, patienceMs: world.patienceMs, tls: H2 });
          world.defer(() => void socket.destroy());
          const [answer] = socket.destroyed ? [] : await askGrpc(socket, 1);
          if (as !== undefined && !refused.includes(as)) {
            wantSame('the answer to a client that is allowed', answer, { status: 0, peer: as.id });
            continue;
          }
          want(
            answer?.peer === undefined && answer?.status === undefined,
            `a client that is not allowed got the status ${String(answer?.status)} and ${answer?.peer ?? 'no message'}`,
          );
        }
      },
    },
  ];
}
