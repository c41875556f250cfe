import { type BehaviourDraft } from '../behaviour-case.ts';
import { documentOf, mapOf } from '../bundle-document.ts';
import { wantSame } from '../ended.ts';
import { FEDERATION } from '../federation-spec.ts';
import { sha256 } from '../fingerprints.ts';
import { type Identity } from '../identity.ts';
import { type Mount, type MountKind, type WriterName } from '../mount.ts';
import { authoritiesIn, type SourceUnderTest } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { BUNDLE_MAPS, BY_MAP, JSON_BUNDLES, mapFiles, mapMount } from './mount-documents.ts';
import { MOUNT_OPS } from './mount-layout.ts';
import { SPLIT } from './rotation.ts';

const OPS = [...MOUNT_OPS, 'server.start'] as const;
const ANY = { authorize: { any: true } };
const WRITERS: readonly WriterName[] = ['kubelet', 'rename', 'in-place', 'directory-swap'];
const JSON_SPLIT = [...JSON_BUNDLES, ...SPLIT.filter((one) => one.startsWith('layouts'))] as const;
const JSON_SWAPS = 'swap/bundle-json[writer=kubelet]';
const MAP_FOLLOWS = 'bundle/map-loses-domain';

/** Bundles that are JSON, and change. */
export function rotationDocumentDrafts(): readonly BehaviourDraft[] {
  return [...WRITERS.map((writer) => swapDraft(writer)), ...documentDrafts(), ...mapDrafts()];
}

interface Opened {
  readonly mount: Mount;
  readonly source: SourceUnderTest;
  /** Writes the bundle anew, whatever it is. */
  readonly write: (text: string) => Promise<void>;
}

/** A mount whose own bundle is a document, open and ready. */
async function withDocument(
  world: World,
  { svid, bundles }: Identity,
  text: string,
  kind: MountKind = {},
): Promise<Opened> {
  const mount = world.mount(kind);
  const write = (next: string): Promise<void> =>
    mount.write({ ...mount.files({ svid, bundles }), [mount.names.ca]: next });
  await write(text);
  const source = await world.open(mount);
  await source.until({ state: 'ready' }, 'its first identity');
  return { mount, source, write };
}

/** A mount whose bundles are in a map, open and ready. */
async function withMap(world: World, identity: Identity, map: string): Promise<Opened> {
  const mount = mapMount(world);
  const write = (next: string): Promise<void> => mount.write(mapFiles(mount, identity, next));
  await write(map);
  const source = await world.open(mount, {}, BY_MAP);
  await source.until({ state: 'ready' }, 'its first identity');
  return { mount, source, write };
}

/** Wants exactly these authorities of a trust domain to be in use now. */
async function wantInUse(
  source: SourceUnderTest,
  { trustDomain, authorities }: Identity['bundles'][number],
  when: string,
): Promise<void> {
  const wanted = authorities.map((der) => sha256(der)).toSorted();
  wantSame(
    `the bundle of ${trustDomain} ${when}`,
    authoritiesIn(await source.get(), trustDomain).toSorted(),
    wanted,
  );
}

function swapDraft(writer: WriterName): BehaviourDraft {
  return {
    row: 267,
    id: `swap/bundle-json[writer=${writer}]`,
    title: 'a SPIFFE bundle that gets and loses an authority is in use soon',
    why: 'what is not noticed is used until it expires',
    level: 'ref',
    spec: SPEC.converges,
    ops: OPS,
    features: JSON_SPLIT,
    async script(world) {
      const old = await world.pki.root();
      const { next, both } = await old.rotate();
      const identity = { svid: await next.issue({ path: '/port' }), bundles: [both] };
      const { source, write } = await withDocument(world, identity, documentOf(next), { writer });
      const server = await world.serve(source, ANY);
      const client = await old.issue({ path: '/client' });
      await server.refuses(client, 'a client of a root that is not there yet');
      await write(documentOf(both));
      await source.toTrust(both);
      await server.admits(client);
      // Half a document is none, so that what is left out is gone at once, whoever writes it.
      await write(documentOf(next));
      await source.toTrust(next);
      await server.refuses(client, 'a client of a root that was removed');
      await server.admits(await next.issue({ path: '/client' }));
    },
  };
}

function documentDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 279,
      id: 'parked/half-json',
      title:
        'with half of a SPIFFE bundle the old one stays in use and the problem is told; then the new one is',
      why: 'writers are slow, and crash in the middle',
      level: 'ref',
      spec: SPEC.lastKnownGood,
      ops: OPS,
      features: JSON_SPLIT,
      control: 'swap/bundle-json[writer=in-place]',
      long: true,
      async script(world) {
        const old = await world.pki.root();
        const { next, both } = await old.rotate();
        const identity = { svid: await next.issue({ path: '/port' }), bundles: [both] };
        const kind: MountKind = { writer: 'in-place', inPlace: { order: CA_FIRST, cut: { 'ca.crt': 3 } } };
        const { mount, source } = await withDocument(world, identity, documentOf(both), kind);
        const server = await world.serve(source, ANY);
        const client = await old.issue({ path: '/client' });
        const rotation = mount.begin({ ...mount.files(identity), 'ca.crt': documentOf(next) });
        await rotation.runTo('write:ca.crt:2');
        await source.until({ error: true }, 'an error that is told');
        await wantInUse(source, both, 'while half of the next one is there');
        await server.admits(client, 'a client of a root that half a document may have left out');
        await rotation.finish();
        await source.toTrust(next);
        await server.refuses(client, 'a client of a root that was removed');
      },
    },
    {
      row: 247,
      id: 'bad/json-older',
      title: 'a SPIFFE bundle with a lower sequence number than the one in use is not taken, and told',
      why: 'an old copy that is put back brings back what was removed',
      level: 'should',
      spec: FEDERATION.sequence,
      ops: OPS,
      features: [...JSON_SPLIT, 'events:source.error'],
      control: JSON_SWAPS,
      long: true,
      async script(world) {
        const old = await world.pki.root();
        const { next } = await old.rotate();
        const identity = { svid: await next.issue({ path: '/port' }), bundles: [next] };
        // Beyond what a double can tell apart.
        const numbered = (bundle: Identity['bundles'][number], number: string): string =>
          documentOf(bundle, { spiffe_sequence: 0 }).replace(
            '"spiffe_sequence":0',
            `"spiffe_sequence":${number}`,
          );
        const { source, write } = await withDocument(world, identity, numbered(next, '9007199254740993'));
        const server = await world.serve(source, ANY);
        await write(numbered(old, '9007199254740992'));
        await source.until({ error: true }, 'an error that is told');
        await wantInUse(source, next, 'while an older one is there');
        await server.refuses(await old.issue({ path: '/client' }), 'a client of a root that was removed');
        await server.admits(await next.issue({ path: '/client' }));
        const { both } = await next.rotate();
        await write(numbered(both, '9007199254740994'));
        await source.toTrust(both);
      },
    },
    {
      row: 247,
      id: 'bundle/json-revoked',
      title: 'a SPIFFE bundle without keys makes all SVIDs of its trust domain invalid, ours included',
      why: 'this is how a trust domain takes back everything, and an empty file does not say it',
      level: 'must',
      spec: FEDERATION.empty,
      ops: OPS,
      features: JSON_SPLIT,
      control: JSON_SWAPS,
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { svid } = await world.pki.identity();
        const mount = world.mount();
        const write = (a: string, b: string): Promise<void> =>
          mount.write({ ...mount.files({ svid, bundles: [own] }), 'ca.crt': a, 'friend.json': b });
        await write(documentOf(own), documentOf(friend));
        const source = await world.open(mount, {}, { bundles: { 'b.test': 'friend.json' } });
        await source.until({ state: 'ready' }, 'its first identity');
        const server = await world.serve(source, ANY);
        const [ours, theirs] = [
          await own.issue({ path: '/client' }),
          await friend.issue({ path: '/client' }),
        ];
        await server.admits(theirs, 'a friend');
        await write(documentOf(own), documentOf({ authorities: [] }));
        await source.converge({ bundle: { trustDomain: 'b.test', sha256: [] } }, 'a bundle without keys');
        await server.refuses(theirs, 'a friend whose trust domain revoked everything');
        await server.admits(ours, 'a peer of our own');
        await write(documentOf({ authorities: [] }), documentOf(friend));
        await source.toTrust(friend);
        await source.converge(
          { bundle: { trustDomain: 'a.test', sha256: [] } },
          'a bundle of ours without keys',
        );
        await server.refuses(ours, 'a peer of our own, which was revoked');
      },
    },
  ];
}

const CA_FIRST = ['ca.crt', 'tls.crt', 'tls.key'];

function mapDrafts(): readonly BehaviourDraft[] {
  /** A map that is spoilt while it is in use. */
  const spoilt = (
    draft: Pick<BehaviourDraft, 'id' | 'title' | 'why' | 'level' | 'spec'>,
    spoil: (given: { readonly own: string; readonly next: string; readonly friend: string }) => string,
  ): BehaviourDraft => ({
    row: 248,
    ops: OPS,
    features: BUNDLE_MAPS,
    control: MAP_FOLLOWS,
    long: true,
    ...draft,
    async script(world) {
      const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
      const { next } = await friend.rotate();
      const identity = await world.pki.identity();
      const documents = { own: documentOf(own), next: documentOf(next), friend: documentOf(friend) };
      const good = mapOf(['a.test', documents.own], ['b.test', documents.friend]);
      const { source, write } = await withMap(world, identity, good);
      const server = await world.serve(source, ANY);
      await write(spoil(documents));
      await source.until({ error: true }, 'an error that is told');
      await wantInUse(source, own, 'while the map is bad');
      await wantInUse(source, friend, 'while the map is bad');
      await server.admits(await friend.issue({ path: '/client' }), 'a friend, by the map of before');
      await server.refuses(await next.issue({ path: '/client' }), 'a friend, by the bad map');
      await write(mapOf(['a.test', documents.own], ['b.test', documents.next]));
      await source.toTrust(next);
    },
  });
  return [
    {
      row: 294,
      id: MAP_FOLLOWS,
      title: 'a trust domain that a bundle map does not have any more is trusted no more within the bound',
      why: 'a map is the state of the world: this is how a federation ends',
      level: 'ref',
      spec: SPEC.noBundle,
      ops: OPS,
      features: BUNDLE_MAPS,
      control: '/mount-layout/load/bundle-map',
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const third = await world.pki.stranger('c.test');
        const identity = await world.pki.identity();
        const entry = (ca: typeof own): readonly [string, string] => [ca.trustDomain, documentOf(ca)];
        const { source, write } = await withMap(world, identity, mapOf(entry(own), entry(friend)));
        const server = await world.serve(source, ANY);
        const client = await friend.issue({ path: '/client' });
        await server.admits(client);
        await write(mapOf(entry(third), entry(own)));
        await source.converge({ bundle: { trustDomain: 'b.test', sha256: [] } }, 'the end of the federation');
        await wantInUse(source, third, 'after the map has it');
        await server.refuses(client, 'a client of a trust domain that the map lost');
        await server.admits(await own.issue({ path: '/client' }));
      },
    },
    spoilt(
      {
        id: 'bad/map-duplicate',
        title: 'a bundle map that has a trust domain twice is not taken, and told',
        why: 'which of the two counts differs from parser to parser, so that one reader can be shown what another is not',
        level: 'must',
        spec: FEDERATION.duplicates,
      },
      ({ own, next, friend }) => mapOf(['a.test', own], ['b.test', friend], ['b.test', next]),
    ),
    spoilt(
      {
        id: 'bad/map-one-broken',
        title: 'a bundle map with one bundle that cannot be read is taken whole or not at all',
        why: 'a map of which a part counts is a state of the world that nobody published',
        level: 'ref',
        spec: SPEC.lastKnownGood,
      },
      ({ own, next }) => mapOf(['a.test', own], ['b.test', next], ['c.test', '{"keys":{}}']),
    ),
    spoilt(
      {
        id: 'bad/map-half',
        title: 'half of a bundle map is not taken, and told',
        why: 'writers are slow, and crash in the middle',
        level: 'ref',
        spec: SPEC.lastKnownGood,
      },
      ({ own, next }) => mapOf(['a.test', own], ['b.test', next]).slice(0, -1),
    ),
  ];
}
