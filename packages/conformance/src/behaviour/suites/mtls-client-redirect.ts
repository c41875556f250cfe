import { type BehaviourDraft } from '../behaviour-case.ts';
import { openPool, wantAnswered } from '../client-checks.ts';
import { observed, want, wantSame } from '../ended.ts';
import { plainEndpoint } from '../federation-stage.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';

const REDIRECT_OPS = ['client.request', 'client.pool', 'source.open', 'source.wait'] as const;
const NEEDS = ['protocols:http1', 'options:redirects'];
const FOLLOWS = 'redirect/followed';
const SERVER = 'spiffe://a.test/server';

/** The port follows redirects from one server of the kit to another. */
export function mtlsClientRedirectDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 336,
      id: FOLLOWS,
      title: 'a redirect to another server that the rule allows is followed, and that server is who answers',
      why: 'the twin of the refusals: who follows nothing cannot be led astray',
      level: 'ref',
      spec: SPEC.authorization,
      ops: REDIRECT_OPS,
      features: NEEDS,
      async script(world) {
        const ca = await world.pki.root();
        const source = await world.identity(await world.pki.identity());
        const authorize = { oneOf: [SERVER, 'spiffe://a.test/other'] };
        const other = await ca.issue({ path: '/other' });
        const target = await world.peer({ as: other, protocol: 'http1' });
        const peer = await world.peer({
          as: await ca.issue({ path: '/server' }),
          protocol: 'http1',
          redirect: `https://127.0.0.1:${target.port}/`,
        });
        const request = await openPool(world, source, { authorize, redirects: true });
        wantAnswered(await request(peer), other.id, 'the request with a redirect');
        wantSame('requests to the first server', peer.visits[0]?.requests, 1);
        wantSame('requests to the second server', target.visits[0]?.requests, 1);
      },
    },
    ...(
      [
        ['not-allowed', 'that the rule does not allow', (world) => issue(world, '/other')],
        [
          'stranger',
          'of a CA that nobody trusts',
          async (world) => (await world.pki.stranger()).issue({ path: '/server' }),
        ],
      ] as const satisfies readonly (readonly [string, string, (world: World) => ReturnType<typeof issue>])[]
    ).map(([who, title, make]): BehaviourDraft => ({
      row: 336,
      id: `redirect/other-host[who=${who}]`,
      title: `a redirect to a server ${title} ends there, before a request`,
      why: 'the first server was judged, and says where to go; headers and bodies would go along',
      level: 'ref',
      spec: SPEC.authorization,
      ops: REDIRECT_OPS,
      features: NEEDS,
      control: FOLLOWS,
      async script(world) {
        const target = await world.peer({ as: await make(world), protocol: 'http1' });
        await wantStopped(world, `https://127.0.0.1:${target.port}/`, `a server ${title}`);
        wantSame(
          `requests to a server ${title}`,
          target.visits.reduce((sum, { requests }) => sum + requests, 0),
          0,
        );
      },
    })),
    {
      row: 336,
      id: 'redirect/plain-http',
      title: 'a redirect to a server without TLS ends there',
      why: 'nobody can be verified there, and everything could be read',
      level: 'ref',
      spec: SPEC.authorization,
      ops: REDIRECT_OPS,
      features: NEEDS,
      control: FOLLOWS,
      async script(world) {
        const plain = await plainEndpoint(world, '');
        await wantStopped(world, `http://127.0.0.1:${plain.port}/`, 'a server without TLS');
        wantSame('requests to a server without TLS', plain.asked(), 0);
      },
    },
  ];
}

async function issue(world: World, path: string) {
  return (await world.pki.root()).issue({ path });
}

/** Wants a good server to be asked, and nothing to come of where it leads. */
async function wantStopped(world: World, redirect: string, what: string): Promise<void> {
  const source = await world.identity(await world.pki.identity());
  const peer = await world.peer({ as: await issue(world, '/server'), protocol: 'http1', redirect });
  const request = await openPool(world, source, { authorize: { id: SERVER }, redirects: true });
  const answer = await request(peer);
  want(peer.visits[0]?.requests === 1, 'the first server was not asked');
  // Who gives the redirect to the caller has not followed it.
  if (answer.kind === 'ok' && answer.value['status'] !== 302)
    throw observed(`${what} answered: ${JSON.stringify(answer.value)}`);
}
