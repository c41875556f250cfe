import { createServer } from 'node:net';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { wantAccepted, wantRefused } from '../client-checks.ts';
import { want, wantSame } from '../ended.ts';
import { sha256 } from '../fingerprints.ts';
import { SPEC } from '../spec.ts';
import { inTrustingEnvironment } from '../trusting-environment.ts';
import { BAD_PEERS } from './bad-peers.ts';

/** What every case of clients needs. */
const CLIENT_OPS = ['client.connect', 'source.open', 'source.wait'] as const;
const FEDERATED = ['options:bundles', 'layouts:spiffe-filesystem'];

/** The port dials, the kit serves: whom it believes. */
export function mtlsClientDrafts(): readonly BehaviourDraft[] {
  return [...acceptDrafts(), ...badPeerDrafts(), ...rejectDrafts(), ...sendDrafts()];
}

function acceptDrafts(): readonly BehaviourDraft[] {
  const names = [
    {
      id: 'valid-server',
      title: 'with a DNS name',
      extraNames: [{ type: 'dns', value: 'localhost' }],
      row: 321,
    },
    { id: 'server-no-dns-san', title: 'without a DNS name', extraNames: [], row: 322 },
    {
      id: 'dns-san-mismatch-ignored',
      title: 'with another DNS name',
      extraNames: [{ type: 'dns', value: 'elsewhere.example' }],
      row: 323,
    },
  ] as const;
  return [
    ...names.map(({ id, title, extraNames, row }): BehaviourDraft => ({
      row,
      id: `accept/${id}`,
      title: `a server with a good SVID ${title} is accepted: the SPIFFE ID decides`,
      why: 'SVIDs need no DNS names, and those that they have were verified by nobody',
      level: 'must',
      spec: SPEC.otherSans,
      ops: CLIENT_OPS,
      async script(world) {
        const svid = await (await world.pki.root()).issue({ path: '/server', extraNames });
        const source = await world.identity(await world.pki.identity());
        const peer = await world.peer({ as: svid });
        await wantAccepted(world, source, peer, svid.id);
        await wantAccepted(world, source, peer, svid.id, { serverName: 'localhost' });
      },
    })),
    {
      row: 321,
      id: 'accept/server-intermediate',
      title: 'a server that sends its intermediates is accepted',
      why: 'issuing CAs are intermediates nearly everywhere',
      level: 'must',
      spec: SPEC.path,
      ops: CLIENT_OPS,
      async script(world) {
        const ca = await (await (await world.pki.root()).intermediate()).intermediate();
        const svid = await ca.issue({ path: '/server' });
        const source = await world.identity(await world.pki.identity());
        await wantAccepted(world, source, await world.peer({ as: svid }), svid.id);
      },
    },
    {
      row: 321,
      id: 'accept/federated-server',
      title: 'a server of a federated trust domain is accepted by the bundle of that trust domain',
      why: 'federation is of no use when only the own bundle counts',
      level: 'must',
      spec: SPEC.noBundle,
      ops: CLIENT_OPS,
      features: FEDERATED,
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { svid } = await world.pki.identity();
        const source = await world.identity({ svid, bundles: [own, friend] });
        for (const ca of [friend, own]) {
          const server = await ca.issue({ path: '/server' });
          await wantAccepted(world, source, await world.peer({ as: server }), server.id);
        }
      },
    },
  ];
}

function badPeerDrafts(): readonly BehaviourDraft[] {
  return BAD_PEERS.map(({ slug, title, spec, level, make }) => ({
    row: 324,
    id: `reject/bad-server[who=${slug}]`,
    title: `a server ${title} is refused`,
    why: 'TLS stacks check chains and names, not SVIDs: what they let through has to be caught',
    level,
    spec,
    ops: CLIENT_OPS,
    features: FEDERATED,
    control: 'accept/federated-server',
    async script(world) {
      const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
      const { svid } = await world.pki.identity();
      const source = await world.identity({ svid, bundles: [own, friend] });
      const good = await own.issue({ path: '/server' });
      await wantAccepted(world, source, await world.peer({ as: good }), good.id);
      const bad = await make(world.pki);
      await wantRefused(world, source, await world.peer({ as: bad }), `a server ${title}`);
    },
  }));
}

function rejectDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 325,
      id: 'reject/wrong-id',
      title: 'a server with a good SVID that is not the wanted one is refused',
      why: 'any workload of the trust domain could answer in place of the right one',
      level: 'ref',
      spec: SPEC.authorization,
      ops: CLIENT_OPS,
      control: 'accept/valid-server',
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const authorize = { id: 'spiffe://a.test/server' };
        const good = await ca.issue({ path: '/server' });
        await wantAccepted(world, source, await world.peer({ as: good }), good.id, { authorize });
        for (const path of ['/other', '/server/more', '/Server']) {
          const peer = await world.peer({ as: await ca.issue({ path }) });
          await wantRefused(world, source, peer, `the server ${path}`, { authorize });
        }
      },
    },
    {
      row: 326,
      id: 'reject/ordinary-server',
      title:
        'a server with an ordinary certificate that is valid for its name is refused, whatever the environment trusts',
      why: 'NODE_EXTRA_CA_CERTS and SSL_CERT_FILE are for the public web; they must not make peers',
      level: 'must',
      spec: SPEC.noBundle,
      ops: CLIENT_OPS,
      control: 'accept/valid-server',
      async script(world) {
        const web = await world.pki.stranger('web.test', { id: '' });
        const server = await web.issueLegacy({
          commonName: 'localhost',
          dnsNames: ['localhost'],
        });
        await inTrustingEnvironment(world, web.pem, async () => {
          const source = await world.identity(await world.pki.identity());
          const peer = await world.peer({ as: server });
          await wantRefused(world, source, peer, 'an ordinary server', { serverName: 'localhost' });
        });
      },
    },
    {
      row: 335,
      id: 'env/extra-ca-is-no-bundle',
      title: 'a CA of the environment vouches for no SPIFFE ID',
      why: 'whoever may set a variable or add a system root would be the CA of every trust domain',
      level: 'ref',
      spec: SPEC.noBundle,
      ops: CLIENT_OPS,
      control: 'accept/valid-server',
      async script(world) {
        const evil = await world.pki.stranger();
        const svid = await evil.issue({ path: '/server', extraNames: [{ type: 'dns', value: 'localhost' }] });
        await inTrustingEnvironment(world, evil.pem, async () => {
          const source = await world.identity(await world.pki.identity());
          await wantRefused(
            world,
            source,
            await world.peer({ as: svid }),
            'a server of a CA of the environment',
            {
              serverName: 'localhost',
            },
          );
          const good = await (await world.pki.root()).issue({ path: '/server' });
          await wantAccepted(world, source, await world.peer({ as: good }), good.id);
        });
      },
    },
    {
      row: 329,
      id: 'authz/refused-by-server',
      title: 'a client that the server turns away after the handshake is told so',
      why: 'under TLS 1.3 the handshake of a client is over before it is judged: a hang or an empty answer hides the reason',
      level: 'ref',
      spec: SPEC.bounded,
      ops: CLIENT_OPS,
      control: 'accept/valid-server',
      async script(world) {
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const source = await world.identity(await world.pki.identity());
        const stranger = await world.pki.stranger();
        // OpenSSL judges the client, by authorities that did not issue it.
        const peer = await world.peer({ as: server, tls: { rejectUnauthorized: true, ca: stranger.pem } });
        const answer = await world.connect(source, peer.port);
        want(answer.kind === 'reject', 'a client that was turned away says that all went well');
      },
    },
    {
      row: 337,
      id: 'timeout/handshake-blackhole',
      title: 'a server that never answers the handshake is given up in the time that was given',
      why: 'one silent peer must not hold a caller for ever',
      level: 'ref',
      spec: SPEC.bounded,
      ops: CLIENT_OPS,
      control: 'accept/valid-server',
      async script(world) {
        const hole = createServer();
        await new Promise<void>((resolve) => {
          hole.listen(0, '127.0.0.1', resolve);
        });
        const sockets: { destroy(): unknown }[] = [];
        hole.on('connection', (socket) => void sockets.push(socket.on('error', () => {})));
        world.defer(() => {
          for (const socket of sockets) socket.destroy();
          hole.close();
        });
        const address = hole.address();
        const port = typeof address === 'object' && address !== null ? address.port : 0;
        const source = await world.identity(await world.pki.identity());
        // Without an end the call runs into its deadline, which is a timeout.
        const answer = await world.connect(source, port, { timeoutMs: 300 });
        want(answer.kind === 'reject', 'a server that says nothing was accepted');
      },
    },
  ];
}

function sendDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 327,
      id: 'send/presents-leaf-and-chain',
      title: 'a client presents its leaf and every intermediate',
      why: 'a server that knows the root alone cannot build a path otherwise',
      level: 'ref',
      spec: SPEC.presents,
      ops: CLIENT_OPS,
      async script(world) {
        const ca = await (await (await world.pki.root()).intermediate()).intermediate();
        const identity = await world.pki.identity({}, ca);
        const source = await world.identity(identity);
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const { chain } = await wantAccepted(world, source, await world.peer({ as: server }), server.id);
        const wanted = identity.svid.chainDer.map((der) => sha256(der));
        wantSame('what the client presents', chain.slice(0, wanted.length), wanted);
      },
    },
    {
      row: 327,
      id: 'send/presents-the-new-leaf',
      title: 'a client presents the new leaf after a rotation',
      why: 'a context that is made once shows the first SVID until it has expired',
      level: 'ref',
      spec: SPEC.rotation,
      ops: CLIENT_OPS,
      async script(world) {
        const source = await world.identity(await world.pki.identity());
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const peer = await world.peer({ as: server });
        await wantAccepted(world, source, peer, server.id);
        for (let round = 0; round < 3; round++) {
          const next = await world.pki.identity();
          await source.rotate(next);
          const { chain } = await wantAccepted(world, source, peer, server.id);
          wantSame('the leaf after a rotation', chain[0], sha256(next.svid.chainDer[0] ?? new Uint8Array()));
        }
      },
    },
    {
      row: 333,
      id: 'resume/verify-again',
      title: 'a second connection to a server that gives tickets is judged as the first one is',
      why: 'TLS stacks skip the checks of resumed sessions',
      level: 'ref',
      spec: SPEC.resumption,
      ops: CLIENT_OPS,
      features: ['options:resumption'],
      async script(world) {
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const source = await world.identity(await world.pki.identity());
        const peer = await world.peer({ as: server });
        for (let round = 0; round < 3; round++)
          await wantAccepted(world, source, peer, server.id, { resumption: true });
      },
    },
    {
      row: 334,
      id: 'resume/other-rule',
      title: 'a session that was made under one rule serves no other',
      why: 'a connection that skips the check belongs to whoever was checked first',
      level: 'ref',
      spec: SPEC.resumption,
      ops: CLIENT_OPS,
      features: ['options:resumption'],
      control: 'resume/verify-again',
      async script(world) {
        const server = await (await world.pki.root()).issue({ path: '/server' });
        const source = await world.identity(await world.pki.identity());
        const peer = await world.peer({ as: server });
        await wantAccepted(world, source, peer, server.id, { resumption: true });
        await wantRefused(world, source, peer, 'a server that another rule let in', {
          resumption: true,
          authorize: { id: 'spiffe://a.test/other' },
        });
        await wantAccepted(world, source, peer, server.id, { resumption: true });
      },
    },
  ];
}
