import { type TLSSocket } from 'node:tls';

import { type KeyType, type TestSvid } from '@svidkit/testkit';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { type DialOptions } from '../dial.ts';
import { openTls } from '../dial.ts';
import { observed, want, wantSame } from '../ended.ts';
import { sha256 } from '../fingerprints.ts';
import { askHttp2, Http1Connection } from '../http-over.ts';
import { wantAlive } from '../server-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { BAD_PEERS } from './bad-peers.ts';

/** What every case of servers needs. */
export const SERVER_OPS = ['server.start', 'source.open', 'source.wait'] as const;
const ANY = { authorize: { any: true } };
const VALID = 'accept/valid-client[key=ec-p256,tls=1.3]';

/** The port serves, the kit dials: who is let in, and who is not. */
export function mtlsServerDrafts(): readonly BehaviourDraft[] {
  return [...acceptDrafts(), ...rejectDrafts(), ...badPeerDrafts(), ...protocolDrafts()];
}

const KEYS: readonly (readonly [string, KeyType])[] = [
  ['ec-p256', 'p256'],
  ['ec-p384', 'p384'],
  ['rsa-2048', 'rsa2048'],
];

/** Options that fix the version of TLS. */
export function tlsOnly(version: '1.2' | '1.3'): Required<Pick<DialOptions, 'tls'>> {
  return { tls: { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` } };
}

/** What a case needs for a version of TLS. */
export function tlsFeatures(version: '1.2' | '1.3'): readonly string[] {
  return version === '1.2' ? ['options:minTls', 'tls:1.2'] : ['tls:1.3'];
}

function acceptDrafts(): readonly BehaviourDraft[] {
  return [
    ...KEYS.flatMap(([key, keyType]) =>
      (['1.3', '1.2'] as const).map((version): BehaviourDraft => ({
        row: 302,
        id: `accept/valid-client[key=${key},tls=${version}]`,
        title: 'a client with a good SVID is let in, and told whom it is taken for',
        why: 'a server that takes the ID from anywhere but the verified leaf can be talked into any name',
        level: 'must',
        spec: SPEC.path,
        ops: SERVER_OPS,
        features: [`keys:${key}`, ...tlsFeatures(version)],
        async script(world) {
          const ca = await world.pki.root();
          const source = await world.identity(await world.pki.identity());
          const server = await world.serve(source, { ...ANY, minTls: version });
          await server.admits(
            await ca.issue({ path: '/client', keyType }),
            'a good client',
            tlsOnly(version),
          );
        },
      })),
    ),
    {
      row: 303,
      id: 'accept/client-intermediate',
      title: 'a client that sends its intermediates is let in',
      why: 'issuing CAs are intermediates nearly everywhere',
      level: 'must',
      spec: SPEC.path,
      ops: SERVER_OPS,
      async script(world) {
        const ca = await (await (await world.pki.root()).intermediate()).intermediate();
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, ANY);
        await server.admits(await ca.issue({ path: '/client' }));
      },
    },
    {
      row: 304,
      id: 'accept/federated-client',
      title: 'a client of a federated trust domain is let in by the bundle of that trust domain',
      why: 'federation is of no use when only the own bundle counts',
      level: 'must',
      spec: SPEC.noBundle,
      ops: SERVER_OPS,
      features: ['options:bundles', 'layouts:spiffe-filesystem'],
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { svid } = await world.pki.identity();
        const source = await world.identity({ svid, bundles: [own, friend] });
        const server = await world.serve(source, ANY);
        await server.admits(await friend.issue({ path: '/client' }));
        await server.admits(await own.issue({ path: '/client' }));
      },
    },
    {
      row: 305,
      id: 'present/leaf-and-intermediates',
      title: 'the server presents its leaf and every intermediate',
      why: 'a client that knows the root alone cannot build a path otherwise',
      level: 'ref',
      spec: SPEC.presents,
      ops: SERVER_OPS,
      async script(world) {
        const ca = await (await (await world.pki.root()).intermediate()).intermediate();
        const identity = await world.pki.identity({}, ca);
        const server = await world.serve(await world.identity(identity), ANY);
        const { chain } = await server.admits(await (await world.pki.root()).issue({ path: '/client' }));
        const wanted = identity.svid.chainDer.map((der) => sha256(der));
        wantSame('what the server presents', chain.slice(0, wanted.length), wanted);
      },
    },
  ];
}

function rejectDrafts(): readonly BehaviourDraft[] {
  return [
    ...(['1.3', '1.2'] as const).map((version): BehaviourDraft => ({
      row: 306,
      id: `reject/no-client-cert[tls=${version}]`,
      title: 'a client without a certificate is turned away without a byte',
      why: 'a server that only asks for certificates lets in everyone who has none',
      level: 'must',
      spec: SPEC.path,
      ops: SERVER_OPS,
      features: tlsFeatures(version),
      control: `accept/valid-client[key=ec-p256,tls=${version}]`,
      async script(world) {
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, { ...ANY, minTls: version });
        await server.refuses(undefined, 'a client without a certificate', tlsOnly(version));
        await server.admits(await (await world.pki.root()).issue(), 'a good client', tlsOnly(version));
      },
    })),
    {
      row: 308,
      id: 'reject/unauthorized',
      title: 'a client with a good SVID that is not allowed gets not a byte',
      why: 'authorization after the first byte is too late',
      level: 'ref',
      spec: SPEC.decisionFirst,
      ops: SERVER_OPS,
      control: VALID,
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, { authorize: { id: 'spiffe://a.test/allowed' } });
        await server.admits(await ca.issue({ path: '/allowed' }));
        for (const path of ['/other', '/allowed/more', '/Allowed', '/allow']) {
          await server.refuses(await ca.issue({ path }), `the client ${path}`);
        }
        await server.admits(await ca.issue({ path: '/allowed' }));
      },
    },
    {
      row: 308,
      id: 'reject/unauthorized-is-told',
      title: 'the operator of the server learns that and why a client was turned away',
      why: 'under TLS 1.3 neither end sees the reason in its own errors',
      level: 'ref',
      spec: SPEC.authorization,
      ops: SERVER_OPS,
      features: ['events:server.rejected'],
      control: VALID,
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, { authorize: { id: 'spiffe://a.test/allowed' } });
        await server.refuses(await ca.issue({ path: '/other' }), 'the client /other');
        const { data } = await world.event('the rejection', ({ event }) => event === 'server.rejected');
        wantSame('the code of the rejection', data['code'], 'authz.denied');
      },
    },
    ...(['throws', 'denies'] as const).map((rule): BehaviourDraft => ({
      row: 240,
      id: `authorize/no-byte-before-decision[rule=${rule}]`,
      title: 'what a client sends with its handshake is not answered before the decision',
      why: 'a handler that runs before the verdict has done its work when the verdict comes',
      level: 'ref',
      spec: SPEC.decisionFirst,
      ops: SERVER_OPS,
      features: rule === 'throws' ? ['rules:throws'] : [],
      control: VALID,
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const authorize = rule === 'throws' ? { throws: true } : { id: 'spiffe://a.test/nobody' };
        const server = await world.serve(source, { authorize });
        const other = await world.serve(source, ANY);
        const client = await ca.issue({ path: '/client' });
        for (let round = 0; round < 5; round++) {
          await server.refuses(client, 'a client that sends at once', { send: 'work\n' });
        }
        await other.admits(client);
      },
    })),
    {
      row: 242,
      id: 'authorize/default',
      title: 'a server without a rule is not made, or lets in nobody',
      why: 'whoever forgets the rule must not serve the whole trust domain',
      level: 'choice',
      spec: SPEC.authorization,
      ops: SERVER_OPS,
      branches: ['refused', 'denies'],
      control: VALID,
      async script(world) {
        const source = await world.identity(await world.pki.identity());
        const answer = await world.ask('server.start', { source: source.handle, protocol: 'line' });
        if (answer.kind === 'reject') return 'refused';
        const port = answer.value['port'];
        if (typeof port !== 'number') throw observed('server.start was answered without a port');
        const server = await world.serve(source, {});
        await server.refuses(
          await (await world.pki.root()).issue(),
          'a good client of a server without a rule',
        );
        return 'denies';
      },
    },
  ];
}

function badPeerDrafts(): readonly BehaviourDraft[] {
  return BAD_PEERS.map(({ slug, title, spec, level, make }) => ({
    row: 307,
    id: `reject/bad-client[who=${slug}]`,
    title: `a client ${title} is turned away without a byte`,
    why: 'TLS stacks check chains, not SVIDs: what they let through has to be caught',
    level,
    spec,
    ops: SERVER_OPS,
    features: ['options:bundles', 'layouts:spiffe-filesystem'],
    control: 'accept/federated-client',
    async script(world) {
      const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
      const { svid } = await world.pki.identity();
      const server = await world.serve(await world.identity({ svid, bundles: [own, friend] }), ANY);
      const good = await own.issue({ path: '/client' });
      await server.admits(good);
      await server.refuses(await make(world.pki), `a client ${title}`);
      await server.admits(good, 'a good client afterwards');
    },
  }));
}

function protocolDrafts(): readonly BehaviourDraft[] {
  const names = [
    ['any-name', 'somewhere.example'],
    ['none', ''],
    ['trust-domain', 'a.test'],
  ] as const;
  return [
    ...names.map(([sni, servername]): BehaviourDraft => ({
      row: 317,
      id: `sni/ignored[name=${sni}]`,
      title: 'the server name that a client asks for decides nothing',
      why: 'names are not authenticated; a server that picks identities by them can be steered',
      level: 'ref',
      spec: SPEC.authorization,
      ops: SERVER_OPS,
      async script(world) {
        const identity = await world.pki.identity();
        const server = await world.serve(await world.identity(identity), ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const admitted = await server.admits(client, 'a client', { tls: { servername } });
        server.presents(admitted, identity.svid, 'for any name');
      },
    })),
    {
      row: 311,
      id: 'http1/keepalive-peer-id',
      title: 'every request of a connection that is kept knows its peer',
      why: 'an ID that is looked up for the first request alone is missing or stale for the next',
      level: 'ref',
      spec: SPEC.authorization,
      ops: SERVER_OPS,
      features: ['protocols:http1'],
      async script(world) {
        const { client, socket } = await connected(world, 'http1');
        const http = new Http1Connection(socket);
        for (let round = 0; round < 3; round++) {
          const answer = await http.ask();
          wantSame(`the answer to request ${round + 1}`, answer?.body, JSON.stringify({ peer: client.id }));
        }
      },
    },
    {
      row: 311,
      id: 'http2/streams-peer-id',
      title: 'every stream of an HTTP/2 connection knows its peer',
      why: 'streams have no socket of their own, and what stands in for it is easily taken for it',
      level: 'ref',
      spec: SPEC.authorization,
      ops: SERVER_OPS,
      features: ['protocols:http2'],
      async script(world) {
        const { client, socket } = await connected(world, 'http2', { ALPNProtocols: ['h2'] });
        const answers = await askHttp2(socket, ['/a', '/b', '/c']);
        for (const answer of answers)
          wantSame('the answer on a stream', answer?.body, JSON.stringify({ peer: client.id }));
      },
    },
    ...(['http1', 'http2'] as const).map((protocol): BehaviourDraft => ({
      row: 311,
      id: `${protocol}/rejected-before-request`,
      title: 'a request of a client that is not allowed reaches no handler',
      why: 'an HTTP layer that starts before the verdict answers the first request',
      level: 'ref',
      spec: SPEC.decisionFirst,
      ops: SERVER_OPS,
      features: [`protocols:${protocol}`],
      control: protocol === 'http1' ? 'http1/keepalive-peer-id' : 'http2/streams-peer-id',
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const server = await world.serve(source, { authorize: { id: 'spiffe://a.test/allowed' }, protocol });
        for (const as of [
          await ca.issue({ path: '/other' }),
          await (await world.pki.stranger()).issue({ path: '/allowed' }),
          undefined,
        ]) {
          const { socket } = await openTls({
            port: server.port,
            as,
            patienceMs: world.patienceMs,
            tls: { ALPNProtocols: protocol === 'http2' ? ['h2'] : [] },
          });
          world.defer(() => void socket.destroy());
          if (socket.destroyed) continue;
          const [answer] =
            protocol === 'http2' ? await askHttp2(socket, ['/']) : [await new Http1Connection(socket).ask()];
          want(
            answer === undefined,
            `a client that is not allowed got the answer ${String(answer?.status)} ${answer?.body ?? ''}`,
          );
        }
      },
    })),
    {
      row: 318,
      id: 'alpn/h2',
      title: 'an HTTP/2 server agrees to h2',
      why: 'without it clients fall back to HTTP/1.1, or fail',
      level: 'ref',
      spec: SPEC.protocol,
      ops: SERVER_OPS,
      features: ['protocols:http2'],
      async script(world) {
        const { socket } = await connected(world, 'http2', { ALPNProtocols: ['h2', 'http/1.1'] });
        wantSame('the protocol that was agreed on', socket.alpnProtocol, 'h2');
      },
    },
    {
      row: 310,
      id: 'accept/first-word-is-the-verdict',
      title: 'what an allowed client sends at once is answered after it was told whom it is taken for',
      why: 'the twin of a client that is not allowed: nothing that it sent is lost either',
      level: 'ref',
      spec: SPEC.decisionFirst,
      ops: SERVER_OPS,
      async script(world) {
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const server = await world.serve(await world.identity(await world.pki.identity()), ANY);
        const admitted = await server.admits(client, 'a client that sends at once', { send: 'first\n' });
        wantSame('what it sent at once comes back as', await admitted.reader.next(world.patienceMs), 'first');
        await wantAlive(admitted, 'the server', world.patienceMs);
      },
    },
  ];
}

/** A client that is let in by a server of a protocol, and its connection. */
async function connected(
  world: World,
  protocol: 'http1' | 'http2',
  tls: DialOptions['tls'] = {},
): Promise<{ readonly client: TestSvid; readonly socket: TLSSocket }> {
  const client = await (await world.pki.root()).issue({ path: '/client' });
  const server = await world.serve(await world.identity(await world.pki.identity()), { ...ANY, protocol });
  const { socket } = await openTls({ port: server.port, as: client, patienceMs: world.patienceMs, tls });
  world.defer(() => void socket.destroy());
  return { client, socket };
}
