import { type BehaviourDraft } from '../behaviour-case.ts';
import { openPool, wantAnswered } from '../client-checks.ts';
import { observed, want, wantSame } from '../ended.ts';
import { leafOf } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { BAD_PEERS } from './bad-peers.ts';

const POOL_OPS = ['client.request', 'client.pool', 'source.open', 'source.wait'] as const;
const NEEDS = ['protocols:http1'];
const REUSES = 'pool/reuses-connections';

/** The port keeps connections to servers of the kit. */
export function mtlsClientPoolDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 330,
      id: REUSES,
      title: 'requests to one server share a connection',
      why: 'the twin of all cases about pools: who never keeps a connection cannot keep a wrong one',
      level: 'ref',
      spec: SPEC.rotation,
      ops: POOL_OPS,
      features: NEEDS,
      async script(world) {
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const source = await world.identity(await world.pki.identity());
        const peer = await world.peer({ as: server, protocol: 'http1' });
        const request = await openPool(world, source);
        for (let round = 1; round <= 3; round++)
          wantAnswered(await request(peer), server.id, `request ${round}`);
        wantSame('connections for three requests', peer.visits.length, 1);
      },
    },
    {
      row: 330,
      id: 'pool/rotation-new-connections',
      title: 'the first request after a rotation uses a connection with the new leaf',
      why: 'a pool that lives longer than its SVID shows an old one, or one that has expired',
      level: 'ref',
      spec: SPEC.rotation,
      ops: POOL_OPS,
      features: NEEDS,
      control: REUSES,
      async script(world) {
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const first = await world.pki.identity();
        const source = await world.identity(first);
        const peer = await world.peer({ as: server, protocol: 'http1' });
        const request = await openPool(world, source);
        wantAnswered(await request(peer), server.id, 'the request before the rotation');
        const next = await world.pki.identity();
        await source.rotate(next);
        wantAnswered(await request(peer), server.id, 'the request after the rotation');
        wantAnswered(await request(peer), server.id, 'one more request');
        const leaves = peer.visits.map(({ chain }) => chain[0]);
        wantSame('the leaves of the connections', leaves, [
          leafOf(first.svid.chainDer),
          leafOf(next.svid.chainDer),
        ]);
      },
    },
    {
      row: 331,
      id: 'pool/own-svid-expired',
      title: 'a kept connection takes no request once the SVID that was shown on it has expired',
      why: 'a connection would otherwise outlive the identity that it was opened with',
      level: 'choice',
      spec: SPEC.expiry,
      ops: POOL_OPS,
      features: NEEDS,
      control: REUSES,
      branches: ['refused', 'served'],
      long: true,
      async script(world) {
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const own = await world.pki.identity({ lifetimeMs: 3000 });
        const source = await world.identity(own);
        const peer = await world.peer({ as: server, protocol: 'http1' });
        const request = await openPool(world, source);
        wantAnswered(await request(peer), server.id, 'the request before the expiry');
        await world.expiryOf(own.svid);
        const answer = await request(peer);
        wantSame('connections', peer.visits.length, 1);
        return answer.kind === 'reject' ? 'refused' : 'served';
      },
    },
    {
      row: 332,
      id: 'pool/no-reuse-by-other-rule',
      title: 'a connection that one rule let in serves no other rule',
      why: 'a pool that is shared by address lends verified connections to those who want someone else',
      level: 'ref',
      spec: SPEC.authorization,
      ops: POOL_OPS,
      features: NEEDS,
      control: REUSES,
      async script(world) {
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const source = await world.identity(await world.pki.identity());
        const peer = await world.peer({ as: server, protocol: 'http1' });
        const one = await openPool(world, source, { authorize: { id: server.id } });
        const other = await openPool(world, source, { authorize: { id: 'spiffe://a.test/other' } });
        wantAnswered(await one(peer), server.id, 'the request of the rule that wants the server');
        const answer = await other(peer);
        want(answer.kind === 'reject', 'a rule that wants another server was served');
        wantAnswered(await one(peer), server.id, 'one more request of the rule that wants the server');
        const requests = peer.visits.reduce((sum, visit) => sum + visit.requests, 0);
        wantSame('requests that reached the server', requests, 2);
      },
    },
    ...BAD_PEERS.filter(({ slug }) =>
      ['other-root', 'federated-ca-vouches', 'leaf-expired', 'two-uri-sans'].includes(slug),
    ).map(({ slug, title, make }): BehaviourDraft => ({
      row: 328,
      id: `send/no-request-before-verify[who=${slug}]`,
      title: `a server ${title} sees no byte of a request`,
      why: 'a request holds secrets, and is read as soon as it is sent',
      level: 'ref',
      spec: SPEC.decisionFirst,
      ops: POOL_OPS,
      features: NEEDS,
      control: REUSES,
      async script(world) {
        const source = await world.identity(await world.pki.identity());
        const peer = await world.peer({ as: await make(world.pki), protocol: 'http1' });
        const request = await openPool(world, source);
        const answer = await request(peer);
        if (answer.kind === 'ok') throw observed(`a server ${title} answered a request`);
        const requests = peer.visits.reduce((sum, visit) => sum + visit.requests, 0);
        wantSame('requests that reached the server', requests, 0);
        wantSame(
          'bytes that reached the server',
          peer.visits.reduce((sum, { socket }) => sum + socket.bytesRead, 0),
          0,
        );
      },
    })),
    {
      row: 338,
      id: 'retry/refused-while-rotating',
      title: 'a server that already wants the next CA refuses the old leaf, and is served after the rotation',
      why: 'one request may fail in the second in which a root is dropped, the next one may not',
      level: 'choice',
      spec: SPEC.rotation,
      ops: POOL_OPS,
      features: NEEDS,
      control: REUSES,
      branches: ['failed', 'not-failed'],
      async script(world) {
        const root = await world.pki.root();
        const { next, both } = await root.rotate();
        const server = await next.issue({ path: '/server' });
        const { svid } = await world.pki.identity();
        const source = await world.identity({ svid, bundles: [both] });
        // It believes clients of the next CA alone.
        const peer = await world.peer({
          as: server,
          protocol: 'http1',
          tls: { rejectUnauthorized: true, ca: next.pem },
        });
        const request = await openPool(world, source);
        const early = await request(peer);
        await source.rotate({ svid: await next.issue({ path: '/port' }), bundles: [both] });
        wantAnswered(await request(peer), server.id, 'the request after the rotation');
        return early.kind === 'reject' ? 'failed' : 'not-failed';
      },
    },
  ];
}
