import { type BehaviourDraft } from '../behaviour-case.ts';
import { wantAccepted, wantRefused } from '../client-checks.ts';
import { Ended } from '../ended.ts';
import { type PeerServer } from '../peer-server.ts';
import { SPEC } from '../spec.ts';
import { inTrustingEnvironment } from '../trusting-environment.ts';
import { type World } from '../world.ts';

/** What a program without SPIFFE believes is asked of the port itself. */
const WEB_OPS = ['client.connect', 'client.web', 'source.open', 'source.wait'] as const;
const NAME = { serverName: 'localhost' };

/** The port dials servers that everybody else on its machine believes. */
export function mtlsClientWebDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 326,
      id: 'reject/public-ca-server',
      title: 'a server that every ordinary program of this process would believe is refused',
      why: 'there are a hundred public authorities, and each could otherwise be the CA of every trust domain',
      level: 'must',
      spec: SPEC.noBundle,
      ops: WEB_OPS,
      control: 'accept/valid-server',
      async script(world) {
        const web = await world.pki.stranger('web.test', { id: '' });
        const ordinary = await web.issueLegacy({ commonName: 'localhost', dnsNames: ['localhost'] });
        // The same authority, and a name as the client wants it.
        const forged = await web.issue({
          id: 'spiffe://a.test/server',
          extraNames: [{ type: 'dns', value: 'localhost' }],
        });
        await inTrustingEnvironment(world, web.pem, async () => {
          const source = await world.identity(await world.pki.identity());
          for (const [as, what] of [
            [ordinary, 'an ordinary server'],
            [forged, 'a server of a public CA with a SPIFFE ID'],
          ] as const) {
            const peer = await world.peer({ as });
            await requireBelieved(world, peer);
            await wantRefused(world, source, peer, `${what} that programs believe`, NAME);
          }
          const good = await (await world.pki.root()).issue({ path: '/server' });
          await wantAccepted(world, source, await world.peer({ as: good }), good.id);
        });
      },
    },
  ];
}

/** A refusal proves nothing about authorities of the environment where the environment is not believed. */
async function requireBelieved(world: World, { port }: PeerServer): Promise<void> {
  const answer = await world.ask('client.web', { port, ...NAME });
  if (answer.kind === 'ok') return;
  throw new Ended({
    kind: 'impossible',
    detail: `programs on this platform take no authorities from the environment (${answer.message ?? answer.code})`,
  });
}
