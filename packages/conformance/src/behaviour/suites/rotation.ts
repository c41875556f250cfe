import { testBundle, type TestCa, type TestSvid } from '@svidkit/testkit';

import { member, textMember } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { observed, want, wantSame } from '../ended.ts';
import { sha256 } from '../fingerprints.ts';
import { type Identity } from '../identity.ts';
import { type Mount, type MountKind, type WriterName } from '../mount.ts';
import { leafOf, type SourceUnderTest } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { MOUNT_OPS } from './mount-layout.ts';

/** What cases of rotations need. */
export const SPLIT = ['sources:mount', 'layouts:split'] as const;
/** The rotation that the ones with a catch rest on. */
export const SWAPS = 'swap/leaf-and-key[writer=kubelet]';
const WRITERS: readonly WriterName[] = ['kubelet', 'rename', 'in-place', 'directory-swap'];

/** Whole rotations, by each writer. */
export function rotationDrafts(): readonly BehaviourDraft[] {
  return [...WRITERS.flatMap((writer) => swapDrafts(writer)), ...oddDrafts()];
}

/** A mount with an identity, open and ready. */
export async function opened(
  world: World,
  kind: MountKind = {},
  identity?: Identity,
): Promise<{ readonly mount: Mount; readonly source: SourceUnderTest; readonly first: Identity }> {
  const first = identity ?? (await world.pki.identity());
  const mount = world.mount(kind);
  await mount.write(mount.files(first));
  const source = await world.open(mount);
  await source.until({ leafSha256: leafOf(first.svid.chainDer) }, 'its first identity');
  return { mount, source, first };
}

function swapDrafts(writer: WriterName): readonly BehaviourDraft[] {
  const draft = (
    row: number,
    slug: string,
    title: string,
    change: (given: { world: World; ca: TestCa; first: Identity }) => Promise<Identity>,
  ): BehaviourDraft => ({
    row,
    id: `swap/${slug}[writer=${writer}]`,
    title: `${title}, written by ${WRITER_NAMES[writer]}, is in use soon`,
    why: 'what is not noticed is used until it expires',
    level: 'ref',
    spec: SPEC.converges,
    ops: MOUNT_OPS,
    features: SPLIT,
    async script(world) {
      const ca = await (await world.pki.root()).intermediate();
      const { mount, source, first } = await opened(world, { writer }, await world.pki.identity({}, ca));
      const before = await source.get();
      const next = await change({ world, ca, first });
      await mount.write(mount.files(next));
      const wanted = next.svid.chainDer.map((der) => sha256(der));
      if (leafOf(next.svid.chainDer) !== leafOf(first.svid.chainDer)) await source.toHave(next.svid);
      await source.eventually(
        'the new chain',
        (now) => JSON.stringify(member(now, 'chainSha256')) === JSON.stringify(wanted),
        1000,
      );
      for (const bundle of next.bundles) await source.toTrust(bundle);
      const after = await source.get();
      wantSame('the ID', member(after, 'id'), first.svid.id);
      want(
        Number(member(after, 'generation')) > Number(member(before, 'generation')),
        'the generation was not counted',
      );
    },
  });
  return [
    draft(266, 'leaf-and-key', 'a new leaf with a new key', async ({ ca, first }) => ({
      svid: await ca.issue({ path: '/port' }),
      bundles: first.bundles,
    })),
    draft(267, 'only-bundle', 'one more authority', async ({ world, ca, first }) => ({
      svid: first.svid,
      bundles: [testBundle(ca, await world.pki.stranger())],
    })),
    draft(268, 'only-chain', 'the same leaf under a reissued intermediate', async ({ ca, first }) => ({
      svid: (await ca.reissue()).rechain(first.svid),
      bundles: first.bundles,
    })),
    draft(269, 'all-three', 'an SVID of the next root, with both roots', async ({ world }) => {
      const { next, both } = await (await world.pki.root()).rotate();
      return { svid: await next.issue({ path: '/port' }), bundles: [both] };
    }),
  ];
}

const WRITER_NAMES: Readonly<Record<WriterName, string>> = {
  kubelet: 'a swap of ..data',
  rename: 'renames, file by file',
  'in-place': 'overwriting, file by file',
  'directory-swap': 'a swap of the directory',
};

function oddDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 270,
      id: 'swap/id-changes',
      title: 'another SPIFFE ID of our trust domain is followed or refused, and that is recorded',
      why: 'a workload that is renamed gets an SVID of its new name',
      level: 'choice',
      spec: SPEC.lastKnownGood,
      ops: MOUNT_OPS,
      features: SPLIT,
      control: SWAPS,
      branches: ['followed', 'kept'],
      async script(world) {
        const { mount, source, first } = await opened(world);
        const next = await world.pki.identity({ path: '/renamed' });
        await mount.write(mount.files(next));
        return followedOrKept(world, source, first.svid, next.svid);
      },
    },
    ...(
      [
        ['rsa-2048', 'rsa2048'],
        ['ec-p384', 'p384'],
      ] as const
    ).map(([key, keyType]): BehaviourDraft => ({
      row: 271,
      id: `swap/key-type-changes[to=${key}]`,
      title: 'a leaf with another type of key is used, on new connections too',
      why: 'contexts that are changed in place may keep the old key beside the new one',
      level: 'ref',
      spec: SPEC.converges,
      ops: [...MOUNT_OPS, 'server.start'],
      features: [...SPLIT, `keys:${key}`],
      control: SWAPS,
      async script(world) {
        const { mount, source } = await opened(world);
        const server = await world.serve(source, { authorize: { any: true } });
        const client = await (await world.pki.root()).issue({ path: '/client' });
        await server.admits(client);
        const next = await world.pki.identity({ keyType });
        await mount.write(mount.files(next));
        await source.toHave(next.svid);
        server.presents(await server.admits(client), next.svid, 'after the rotation');
      },
    })),
    {
      row: 272,
      id: 'swap/no-change-rewrite',
      title: 'files that are written anew with the same content are no update',
      why: 'who tells updates that are none makes others rebuild everything',
      level: 'ref',
      spec: SPEC.converges,
      ops: MOUNT_OPS,
      features: [...SPLIT, 'events:source.update'],
      control: 'swap/leaf-and-key[writer=rename]',
      async script(world) {
        const { mount, source, first } = await opened(world, { writer: 'rename' });
        for (let round = 0; round < 3; round++) await mount.write(mount.files(first));
        const next = await world.pki.identity();
        await mount.write(mount.files(next));
        await source.toHave(next.svid);
        await eventOf(world, source, next.svid);
        const repeated = source.updates.filter((leaf) => leaf === leafOf(first.svid.chainDer));
        want(repeated.length <= 1, `the first SVID was told ${repeated.length} times`);
      },
    },
    {
      row: 273,
      id: 'swap/same-size-same-mtime',
      title: 'new content of the same size and time is noticed without events',
      why: 'copies and restores keep times, and keys of one type have one size',
      level: 'ref',
      spec: SPEC.converges,
      ops: MOUNT_OPS,
      features: [...SPLIT, 'options:watch', 'options:pollMs'],
      control: 'swap/leaf-and-key[writer=rename]',
      async script(world) {
        const first = await world.pki.identity();
        const mount = world.mount({ writer: 'rename', keepTimes: true });
        await mount.write(mount.files(first));
        const source = await world.open(mount, { watch: false, pollMs: 250 });
        await source.until({ state: 'ready' }, 'its first identity');
        const next = await sameSize(world, first);
        await mount.write(mount.files(next));
        await source.toHave(next.svid);
      },
    },
    {
      row: 274,
      id: 'swap/100-in-a-row',
      title: 'of a hundred rotations in a row the last one wins, and none comes after a later one',
      why: 'a slow reader that reads in parallel ends with whatever was read last',
      level: 'ref',
      spec: SPEC.converges,
      ops: MOUNT_OPS,
      features: [...SPLIT, 'events:source.update'],
      control: SWAPS,
      async script(world) {
        const { mount, source, first } = await opened(world);
        const ca = await world.pki.root();
        const svids = [first.svid];
        for (let round = 0; round < 100; round++) {
          const svid = await ca.issue({ path: '/port' });
          svids.push(svid);
          await mount.write(mount.files({ svid, bundles: [ca] }));
        }
        const last = svids.at(-1) ?? first.svid;
        await source.toHave(last);
        await eventOf(world, source, last);
        wantAscending(source, svids);
      },
    },
    {
      row: 284,
      id: 'swap/old-dir-removed-during-read',
      title: 'generations that vanish while they are read are no errors',
      why: 'kubelet removes the old directory at once; an alarm for each rotation is an alarm that nobody reads',
      level: 'ref',
      spec: SPEC.whole,
      ops: MOUNT_OPS,
      features: [...SPLIT, 'events:source.error'],
      control: SWAPS,
      async script(world) {
        const { mount, source } = await opened(world);
        for (let round = 0; round < 30; round++) {
          const next = await world.pki.identity();
          await mount.write(mount.files(next));
          if (round % 10 === 9) await source.toHave(next.svid);
        }
        wantSame('errors that were told', source.errors, []);
      },
    },
    {
      row: 301,
      id: 'events/order',
      title: 'an update is told when the new SVID is in use, once, and in order',
      why: 'who acts on an update finds the old SVID otherwise',
      level: 'ref',
      spec: SPEC.whole,
      ops: [...MOUNT_OPS, 'server.start'],
      features: [...SPLIT, 'events:source.update'],
      control: SWAPS,
      async script(world) {
        const { mount, source, first } = await opened(world);
        const server = await world.serve(source, { authorize: { any: true } });
        const ca = await world.pki.root();
        const client = await ca.issue({ path: '/client' });
        const svids = [first.svid];
        for (let round = 0; round < 5; round++) {
          const svid = await ca.issue({ path: '/port' });
          svids.push(svid);
          const told = eventOf(world, source, svid);
          await mount.write(mount.files({ svid, bundles: [ca] }));
          await told;
          server.presents(await server.admits(client), svid, 'once it was told');
          await source.has(svid, 'once it was told');
        }
        wantAscending(source, svids);
        want(new Set(source.updates).size === source.updates.length, 'an SVID was told twice');
      },
    },
  ];
}

/** Waits until the source tells of an SVID. */
function eventOf(world: World, source: SourceUnderTest, { chainDer }: TestSvid): Promise<unknown> {
  return world.event(
    'the new SVID',
    ({ event, handle, data }) =>
      event === 'source.update' &&
      handle === source.handle &&
      textMember(data, 'leafSha256') === leafOf(chainDer),
  );
}

/** Wants updates to be of these SVIDs alone, and in this order. */
function wantAscending(source: SourceUnderTest, svids: readonly TestSvid[]): void {
  const leaves = svids.map(({ chainDer }) => leafOf(chainDer));
  let latest = -1;
  for (const leaf of source.updates) {
    const index = leaves.indexOf(leaf);
    if (index === -1) throw observed('an SVID was told that nobody wrote');
    if (index < latest) throw observed(`SVID ${index} was told after SVID ${latest}`);
    latest = index;
  }
}

/** Waits until another SVID is in use, or refused: told as an error. */
export async function followedOrKept(
  world: World,
  source: SourceUnderTest,
  old: TestSvid,
  next: TestSvid,
): Promise<'followed' | 'kept'> {
  const leaf = leafOf(next.chainDer);
  const snapshot = await source.eventually(
    'the new SVID or an error',
    (now) => textMember(now, 'leafSha256') === leaf || member(now, 'lastError') !== undefined,
  );
  const isFollowed = textMember(snapshot, 'leafSha256') === leaf;
  world.note(isFollowed ? 'it was followed' : 'it was refused');
  if (isFollowed) return 'followed';
  await source.has(old, 'while another one is refused');
  return 'kept';
}

/** An SVID whose files are exactly as large. */
async function sameSize(world: World, { svid, bundles }: Identity): Promise<Identity> {
  for (let round = 0; round < 200; round++) {
    const next = await world.pki.identity();
    const isSame =
      next.svid.certPem.length === svid.certPem.length && next.svid.keyPem.length === svid.keyPem.length;
    if (isSame) return { svid: next.svid, bundles };
  }
  throw new Error('no two SVIDs of the same size in 200');
}
