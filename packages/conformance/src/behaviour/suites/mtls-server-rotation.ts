import { setImmediate as turn } from 'node:timers/promises';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { openTls } from '../dial.ts';
import { want, wantSame } from '../ended.ts';
import { Http1Connection } from '../http-over.ts';
import { Load } from '../load.ts';
import { wantAlive } from '../server-under-test.ts';
import { leafOf } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { SERVER_OPS, tlsFeatures, tlsOnly } from './mtls-server.ts';

const ANY = { authorize: { any: true } };
const VALID = 'accept/valid-client[key=ec-p256,tls=1.3]';

/** The port serves while its identity changes. */
export function mtlsServerRotationDrafts(): readonly BehaviourDraft[] {
  return [...rotateDrafts(), ...resumeDrafts()];
}

function rotateDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 314,
      id: 'rotate/new-handshake-new-leaf',
      title: 'new connections show the new leaf, and old ones live on',
      why: 'a server that is restarted for each SVID is down once an hour',
      level: 'ref',
      spec: SPEC.rotation,
      ops: SERVER_OPS,
      async script(world) {
        const first = await world.pki.identity();
        const source = await world.identity(first);
        const server = await world.serve(source, ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const old = await server.admits(client);
        server.presents(old, first.svid, 'before the rotation');
        const next = await world.pki.identity();
        await source.rotate(next);
        server.presents(await server.admits(client), next.svid, 'after the rotation');
        await wantAlive(old, 'the connection from before the rotation', world.patienceMs);
      },
    },
    {
      row: 316,
      id: 'rotate/no-restart',
      title: 'the same port serves through five rotations, and a kept connection goes on',
      why: 'whoever listens anew has a moment in which nobody does',
      level: 'ref',
      spec: SPEC.rotation,
      ops: SERVER_OPS,
      async script(world) {
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const kept = await server.admits(client);
        for (let round = 0; round < 5; round++) {
          const next = await world.pki.identity();
          await source.rotate(next);
          server.presents(await server.admits(client), next.svid, `after rotation ${round + 1}`);
          await wantAlive(kept, 'the kept connection', world.patienceMs);
        }
      },
    },
    {
      row: 314,
      id: 'rotate/request-in-flight',
      title: 'a request that is on its way through a rotation is answered',
      why: 'clients see a rotation as errors when connections are cut',
      level: 'ref',
      spec: SPEC.rotation,
      ops: SERVER_OPS,
      features: ['protocols:http1'],
      control: 'http1/keepalive-peer-id',
      async script(world) {
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, { ...ANY, protocol: 'http1' });
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const { socket } = await openTls({ port: server.port, as: client, patienceMs: world.patienceMs });
        world.defer(() => void socket.destroy());
        const asked = new Http1Connection(socket).begin();
        asked.write('one half');
        await source.rotate(await world.pki.identity());
        asked.end('and the other');
        wantSame('the answer', (await asked.answer)?.body, JSON.stringify({ peer: client.id }));
      },
    },
    {
      row: 315,
      id: 'rotate/under-load',
      title: 'no connection fails while the identity changes forty times under load',
      why: 'a moment in which chain and key do not belong together is met by somebody',
      level: 'ref',
      spec: SPEC.rotation,
      ops: SERVER_OPS,
      long: true,
      async script(world) {
        const ca = await world.pki.root();
        const svids = await Promise.all(Array.from({ length: 41 }, () => ca.issue({ path: '/port' })));
        const [first, ...others] = svids;
        if (first === undefined) return;
        const source = await world.identity({ svid: first, bundles: [ca] });
        const server = await world.serve(source, ANY);
        const client = await ca.issue({ path: '/client' });
        const load = new Load(
          server,
          client,
          svids.map(({ chainDer }) => leafOf(chainDer)),
        );
        try {
          for (const [index, svid] of others.entries()) {
            await source.writer?.({ svid, bundles: [ca] });
            load.published(index + 1);
            // Sometimes faster than it is read.
            if (world.random.below(4) > 0) await source.toHave(svid);
          }
          const last = others.at(-1);
          if (last !== undefined) await source.toHave(last);
        } finally {
          await load.end();
        }
        world.note(`${load.attempts.length} connections`);
        want(load.attempts.length > others.length, 'the server was too slow for a load');
        load.judge(1000 * world.boundFactor);
        const last = others.at(-1);
        if (last !== undefined) server.presents(await server.admits(client), last, 'in the end');
      },
    },
    {
      row: 293,
      id: 'rotate/root-removed',
      title: 'clients of a root that was removed are turned away, others are not',
      why: 'a bundle that is read once trusts a stolen CA until the next restart',
      level: 'ref',
      spec: SPEC.rotation,
      ops: SERVER_OPS,
      control: VALID,
      async script(world) {
        const root = await world.pki.root();
        const { next, both } = await root.rotate();
        const svid = await next.issue({ path: '/port' });
        const source = await world.identity({ svid, bundles: [both] });
        const server = await world.serve(source, ANY);
        const [old, fresh] = [await root.issue({ path: '/old' }), await next.issue({ path: '/new' })];
        await server.admits(old);
        await server.admits(fresh);
        await source.rotate({ svid, bundles: [next] });
        await server.refuses(old, 'a client of a root that was removed');
        await server.admits(fresh);
      },
    },
    {
      row: 295,
      id: 'rotate/own-svid-expired',
      title: 'an SVID that has expired is not presented any more',
      why: 'peers would refuse it one by one, and nobody would know why',
      level: 'ref',
      spec: SPEC.expiry,
      ops: SERVER_OPS,
      control: VALID,
      long: true,
      async script(world) {
        const identity = await world.pki.identity({ lifetimeMs: 3000 });
        const source = await world.identity(identity);
        const server = await world.serve(source, ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        await server.admits(client);
        await world.expiryOf(identity.svid);
        const dialled = await server.dial(client);
        want(dialled.kind !== 'admitted', 'a client was let in after the expiry');
        if (dialled.kind === 'refused') wantSame('what was presented after the expiry', dialled.chain, []);
        await source.rotate(await world.pki.identity());
        await server.admits(client);
      },
    },
  ];
}

function resumeDrafts(): readonly BehaviourDraft[] {
  const modes = [
    { name: 'default', params: {}, features: [] },
    { name: 'on', params: { resumption: true }, features: ['options:resumption'] },
  ];
  return modes.flatMap(({ name, params, features }) =>
    (['1.3', '1.2'] as const).flatMap((version): BehaviourDraft[] => {
      const axes = `[mode=${name},tls=${version}]`;
      const needs = [...features, ...tlsFeatures(version)];
      const serve = { ...ANY, ...params, minTls: version };
      const tls = tlsOnly(version);
      return [
        {
          row: 312,
          id: `resume/ticket-after-rotation${axes}`,
          title: 'a client that resumes after a rotation is taken for whom it is, or does a whole handshake',
          why: 'a resumed session without a peer is a request from nobody',
          level: 'ref',
          spec: SPEC.resumption,
          ops: SERVER_OPS,
          features: needs,
          control: `accept/valid-client[key=ec-p256,tls=${version}]`,
          async script(world) {
            const source = await world.identity(await world.pki.identity());
            const server = await world.serve(source, serve);
            const client = await (await world.pki.root()).issue({ path: '/client' });
            const session = await sessionOf(world, await server.admits(client, 'a client', tls));
            await server.admits(client, 'a client that resumes', resuming(tls, session));
            await source.rotate(await world.pki.identity());
            await server.admits(client, 'a client that resumes after a rotation', resuming(tls, session));
          },
        },
        {
          row: 313,
          id: `resume/ticket-after-root-removed${axes}`,
          title: 'a client whose root was removed cannot resume its session',
          why: 'a session would keep a peer that is trusted no more, for as long as its tickets last',
          level: 'ref',
          spec: SPEC.resumption,
          ops: SERVER_OPS,
          features: needs,
          control: `resume/ticket-after-rotation${axes}`,
          async script(world) {
            const root = await world.pki.root();
            const { next, both } = await root.rotate();
            const svid = await next.issue({ path: '/port' });
            const source = await world.identity({ svid, bundles: [both] });
            const server = await world.serve(source, serve);
            const client = await root.issue({ path: '/client' });
            const session = await sessionOf(world, await server.admits(client, 'a client', tls));
            await source.rotate({ svid, bundles: [next] });
            await server.refuses(
              client,
              'a client that resumes under a root that was removed',
              resuming(tls, session),
            );
            await server.refuses(undefined, 'the ticket alone', resuming(tls, session));
          },
        },
      ];
    }),
  );
}

type Tls = ReturnType<typeof tlsOnly>;

function resuming({ tls }: Tls, session: Buffer | undefined): Tls {
  return { tls: { ...tls, ...(session === undefined ? {} : { session }) } };
}

/** The session of a connection: after an answer to a word of ours, whatever the server gives on its own has come. */
async function sessionOf(
  world: World,
  admitted: Parameters<typeof wantAlive>[0],
): Promise<Buffer | undefined> {
  await wantAlive(admitted, 'the server', world.patienceMs);
  await turn();
  const session = admitted.session();
  world.note(session === undefined ? 'no session was given' : 'a session was given');
  return session;
}
