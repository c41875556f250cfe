import { type BehaviourDraft } from '../behaviour-case.ts';
import { field, varint } from '../protobuf.ts';
import { leafOf } from '../source-under-test.ts';
import { keyDer, type SvidEntry, x509Message } from '../workload-messages.ts';
import { WORKLOAD } from '../workload-spec.ts';
import {
  issue,
  SOURCE_OPS,
  wantTold,
  workloadStage,
  type WorkloadStage,
  X509_FEATURES,
} from '../workload-stage.ts';
import { type World } from '../world.ts';

/** Makes the bad message out of a good entry, and may make the world for it. */
type Spoil = (entry: SvidEntry, world: World) => Uint8Array | Promise<Uint8Array>;

/** The port gets messages that it must not use. */
export function workloadApiBadDrafts(): readonly BehaviourDraft[] {
  const empty = new Uint8Array();
  const one =
    (changes: Partial<SvidEntry>): Spoil =>
    (entry) =>
      x509Message([{ ...entry, ...changes }]);
  return [
    lacking('svids', 'without an SVID', () => x509Message([])),
    lacking('spiffe-id', 'whose SVID has no SPIFFE ID', one({ id: '' })),
    lacking('x509-svid', 'whose SVID has no certificate', one({ chain: empty })),
    lacking('x509-svid-key', 'whose SVID has no key', one({ key: empty })),
    lacking('bundle', 'whose SVID has no bundle', one({ bundleDer: empty })),
    broken(387, 'id-field-mismatch', 'whose SVID is of another ID', one({ id: 'spiffe://a.test/other' })),
    broken(388, 'key-mismatch', 'whose key belongs to another certificate', async (entry, world) =>
      x509Message([{ ...entry, key: keyDer(await issue(world)) }]),
    ),
    broken(389, 'der-garbage', 'whose certificate is no DER', one({ chain: Buffer.from('no certificate') })),
    broken(390, 'pem-instead-of-der', 'whose certificate is PEM', (entry) =>
      x509Message([{ ...entry, chain: Buffer.from(entry.svid.certPem) }]),
    ),
    broken(390, 'pem-bundle', 'whose bundle is PEM', (entry) =>
      x509Message([{ ...entry, bundleDer: Buffer.from(entry.bundle.bundlePem) }]),
    ),
    broken(389, 'second-svid-garbage', 'whose second SVID is no SVID', (entry) =>
      x509Message([entry, { ...entry, chain: Buffer.from('no certificate') }]),
    ),
    broken(389, 'protobuf-garbage', 'that ends in the middle of a field', (entry) =>
      Buffer.concat([x509Message([entry]), varint(3 * 8 + 2), varint(1000), Buffer.from('short')]),
    ),
    broken(389, 'federated-garbage', 'whose federated bundle is no DER', (entry) =>
      Buffer.concat([
        x509Message([entry]),
        field(3, Buffer.concat([field(1, 'spiffe://b.test'), field(2, 'no certificate')])),
      ]),
    ),
  ];
}

function lacking(slug: string, title: string, spoil: Spoil): BehaviourDraft {
  return {
    // The sentence wants an error to be reported, of whatever client.
    ...broken(386, `mandatory-default[field=${slug}]`, title, spoil, true),
    level: 'should',
    spec: WORKLOAD.mandatory,
  };
}

function broken(row: number, slug: string, title: string, spoil: Spoil, isReported = false): BehaviourDraft {
  return {
    row,
    id: `x509/${slug}`,
    title: `a message ${title} is told and discarded as a whole`,
    why: 'a slip of the agent would otherwise take an identity that works away, or put half of one in its place',
    level: 'ref',
    spec: WORKLOAD.discards,
    ops: SOURCE_OPS,
    features: X509_FEATURES,
    control: 'x509/update',
    async script(world) {
      const stage = await workloadStage(world);
      const bad = await issue(world);
      const message = await spoil({ svid: bad, bundle: stage.root }, world);
      stage.api.x509.publish(message);
      await (isReported ? stage.source.until({ error: true }, 'an error') : wantTold(world, stage.source));
      await wantUntouched(stage);
      const good = await issue(world);
      stage.api.x509.publish(x509Message([{ svid: good, bundle: stage.root }]));
      // Not within the bound: who opens the stream anew does so after a pause.
      await stage.source.until({ leafSha256: leafOf(good.chainDer) }, 'the SVID of the next good message');
      stage.source.neverHad(bad, 'the SVID of the bad message');
    },
  };
}

async function wantUntouched({ source, first }: WorkloadStage): Promise<void> {
  await source.has(first, 'after the bad message');
}
