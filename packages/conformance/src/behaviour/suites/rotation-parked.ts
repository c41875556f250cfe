import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type InPlaceWriterOptions, type Rotation } from '@svidkit/testkit';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { want } from '../ended.ts';
import { type Identity } from '../identity.ts';
import { Load } from '../load.ts';
import { type MountKind, type WriterName } from '../mount.ts';
import { leafOf } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { MOUNT_OPS } from './mount-layout.ts';
import { followedOrKept, opened, SPLIT, SWAPS } from './rotation.ts';

const OPS = [...MOUNT_OPS, 'server.start'] as const;
const ANY = { authorize: { any: true } };

/** Rotations that stand still half done, that hold what cannot be used, and that never stand still. */
export function rotationParkedDrafts(): readonly BehaviourDraft[] {
  return [...PARKED.map((parked) => parkedDraft(parked)), ...crashDrafts(), ...badDrafts(), ...soakDrafts()];
}

/** A rotation that stops in the middle. */
interface Parked {
  readonly row: number;
  readonly slug: string;
  readonly title: string;
  readonly kind: MountKind;
  readonly stop: string;
  readonly isQuick?: true;
}

function inPlace(options: InPlaceWriterOptions): MountKind {
  return { writer: 'in-place', inPlace: options };
}

const KEY_FIRST = ['tls.key', 'tls.crt', 'ca.crt'];
const CA_FIRST = ['ca.crt', 'tls.crt', 'tls.key'];

const PARKED: readonly Parked[] = [
  {
    row: 275,
    slug: 'new-cert-old-key[writer=in-place]',
    title: 'the new chain beside the old key',
    kind: inPlace({}),
    stop: 'write:tls.crt',
    isQuick: true,
  },
  {
    row: 275,
    slug: 'new-cert-old-key[writer=rename]',
    title: 'the new chain beside the old key',
    kind: { writer: 'rename' },
    stop: 'rename:tls.crt',
  },
  {
    row: 276,
    slug: 'new-key-old-cert',
    title: 'the new key beside the old chain',
    kind: inPlace({ order: KEY_FIRST }),
    stop: 'write:tls.key',
  },
  { row: 277, slug: 'cert-empty', title: 'an empty chain', kind: inPlace({}), stop: 'truncate:tls.crt' },
  {
    row: 278,
    slug: 'key-empty',
    title: 'an empty key',
    kind: inPlace({ order: KEY_FIRST }),
    stop: 'truncate:tls.key',
  },
  {
    row: 279,
    slug: 'half-pem',
    title: 'half of the chain file',
    kind: inPlace({ cut: { 'tls.crt': 'mid-block' } }),
    stop: 'write:tls.crt:1',
  },
  {
    row: 281,
    slug: 'ca-empty',
    title: 'an empty bundle',
    kind: inPlace({ order: CA_FIRST }),
    stop: 'truncate:ca.crt',
    isQuick: true,
  },
];

function parkedDraft({ row, slug, title, kind, stop, isQuick }: Parked): BehaviourDraft {
  return {
    row,
    id: `parked/${slug}`,
    title: `with ${title} the old identity serves on and the problem is told; then the new one is used`,
    why: 'writers are slow, and crash in the middle',
    level: 'ref',
    spec: SPEC.lastKnownGood,
    ops: OPS,
    features: SPLIT,
    control: `swap/leaf-and-key[writer=${kind.writer ?? 'kubelet'}]`,
    ...(isQuick === true ? {} : { long: true }),
    async script(world) {
      const ca = await (await world.pki.root()).intermediate();
      const { mount, source, first } = await opened(world, kind, await world.pki.identity({}, ca));
      const server = await world.serve(source, ANY);
      const client = await ca.issue({ path: '/client' });
      const next = await world.pki.identity({}, ca);
      const rotation = mount.begin(mount.files(next));
      await rotation.runTo(stop);
      world.note(`stopped after ${stop}`);
      await source.until({ error: true }, 'an error that is told');
      await source.has(first.svid, 'while the rotation stands still');
      server.presents(await server.admits(client), first.svid, 'while the rotation stands still');
      source.neverHad(next.svid, 'half of a rotation');
      await rotation.finish();
      await source.toHave(next.svid);
      server.presents(await server.admits(client), next.svid, 'after the rotation');
    },
  };
}

function crashDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 282,
      id: 'parked/data-dir-missing',
      title: 'while the ..data link is gone the old identity serves on; then the new one is used',
      why: 'a driver that lost a volume empties it',
      level: 'ref',
      spec: SPEC.lastKnownGood,
      ops: OPS,
      features: SPLIT,
      control: SWAPS,
      long: true,
      async script(world) {
        const { mount, source, first } = await opened(world);
        const server = await world.serve(source, ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        rmSync(join(mount.directory, '..data'));
        await source.until({ error: true }, 'an error that is told');
        await source.has(first.svid, 'without ..data');
        server.presents(await server.admits(client), first.svid, 'without ..data');
        const next = await world.pki.identity();
        await mount.write(mount.files(next));
        await source.toHave(next.svid);
      },
    },
    {
      row: 283,
      id: 'parked/tmp-link-left',
      title: 'what a writer that crashed left behind is not looked at',
      why: 'a half-written generation is never what ..data leads to',
      level: 'ref',
      spec: SPEC.whole,
      ops: MOUNT_OPS,
      features: SPLIT,
      control: SWAPS,
      async script(world) {
        const { mount, source, first } = await opened(world, { kubelet: { staleDataTmp: 'replace' } });
        const orphan = '..2020_01_01_00_00_00.1';
        const evil = await world.pki.identity();
        mkdirSync(join(mount.directory, orphan));
        for (const [name, text] of Object.entries(mount.files(evil)))
          writeFileSync(join(mount.directory, orphan, name), text);
        symlinkSync(orphan, join(mount.directory, '..data_tmp'));
        const next = await world.pki.identity();
        await mount.write(mount.files(next));
        await source.toHave(next.svid);
        source.neverHad(evil.svid, 'what a crashed writer left');
        want(first.svid !== next.svid, 'there was a rotation');
      },
    },
    {
      row: 280,
      id: 'parked/one-of-two-chain-certs',
      title:
        'a leaf whose intermediate is not written yet is used or waited over; the whole chain is used in the end',
      why: 'the file is cut off exactly between two certificates, and looks whole',
      level: 'choice',
      spec: SPEC.lastKnownGood,
      ops: MOUNT_OPS,
      features: SPLIT,
      control: 'swap/leaf-and-key[writer=in-place]',
      branches: ['kept', 'followed'],
      long: true,
      async script(world) {
        const ca = await (await world.pki.root()).intermediate();
        const kind = inPlace({ cut: { 'tls.crt': 'block-boundary' } });
        const { mount, source, first } = await opened(world, kind, await world.pki.identity({}, ca));
        const next = await world.pki.identity({ key: first.svid.keyPair }, ca);
        const rotation = mount.begin(mount.files(next));
        await rotation.runTo('write:tls.crt:1');
        const branch = await followedOrKept(world, source, first.svid, next.svid);
        await rotation.finish();
        await source.eventually(
          'the whole chain',
          (now) => JSON.stringify(now['chainSha256'])?.split(',').length === 2,
          2000,
        );
        return branch;
      },
    },
  ];
}

function badDrafts(): readonly BehaviourDraft[] {
  const bad = (
    row: number,
    slug: string,
    title: string,
    make: (world: World) => Promise<Identity>,
    isQuick: boolean,
  ): BehaviourDraft => ({
    row,
    id: `bad/${slug}`,
    title: `${title} is kept out or followed; a good one is used afterwards`,
    why: 'a mistake of an issuer must not take a service down',
    level: 'choice',
    spec: SPEC.lastKnownGood,
    ops: MOUNT_OPS,
    features: SPLIT,
    control: SWAPS,
    branches: ['kept', 'followed'],
    ...(isQuick ? {} : { long: true }),
    async script(world) {
      const { mount, source, first } = await opened(world);
      const wrong = await make(world);
      await mount.write(mount.files(wrong));
      const branch = await followedOrKept(world, source, first.svid, wrong.svid);
      const good = await world.pki.identity();
      await mount.write(mount.files(good));
      await source.toHave(good.svid);
      return branch;
    },
  });
  return [
    {
      row: 289,
      id: 'bad/expired-update',
      title: 'an update that has expired already is never used, and is told',
      why: 'a clock that is wrong at the issuer would end every service at once',
      level: 'ref',
      spec: SPEC.lastKnownGood,
      ops: OPS,
      features: SPLIT,
      control: SWAPS,
      async script(world) {
        const { mount, source, first } = await opened(world);
        const server = await world.serve(source, ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const expired = await world.pki.identity({ defects: ['expired'] });
        await mount.write(mount.files(expired));
        await source.until({ error: true }, 'an error that is told');
        await source.has(first.svid, 'after an update that had expired');
        server.presents(await server.admits(client), first.svid, 'after an update that had expired');
        const good = await world.pki.identity();
        await mount.write(mount.files(good));
        await source.toHave(good.svid);
        source.neverHad(expired.svid, 'an SVID that had expired');
      },
    },
    bad(
      290,
      'other-td-update',
      'an SVID of another trust domain',
      async ({ pki }) => {
        const ca = await pki.root('b.test');
        return { svid: await ca.issue({ path: '/port' }), bundles: [ca] };
      },
      true,
    ),
    bad(
      291,
      'untrusted-update',
      'an SVID that our own bundle does not vouch for',
      async ({ pki }) => ({
        svid: await (await pki.stranger()).issue({ path: '/port' }),
        bundles: [await pki.root()],
      }),
      false,
    ),
    ...(['at-once', 'when-told'] as const).map((pace): BehaviourDraft => ({
      row: 288,
      id: `bad/garbage-then-good[pace=${pace}]`,
      title: 'nonsense is never served, and the good generation after it is',
      why: 'a bad generation may stand for a second or for a day',
      level: 'ref',
      spec: SPEC.lastKnownGood,
      ops: OPS,
      features: SPLIT,
      control: SWAPS,
      ...(pace === 'at-once' ? {} : { long: true }),
      async script(world) {
        const { mount, source, first } = await opened(world);
        const server = await world.serve(source, ANY);
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const good = await world.pki.identity();
        const files = mount.files(good);
        await mount.write({ ...files, 'tls.crt': 'nonsense', 'tls.key': 'nonsense' });
        if (pace === 'when-told') await source.until({ error: true }, 'an error that is told');
        server.presents(await server.admits(client), first.svid, 'beside nonsense');
        await mount.write(files);
        await source.toHave(good.svid);
        server.presents(await server.admits(client), good.svid, 'after nonsense');
        const strange = source.updates.filter(
          (leaf) => leaf !== leafOf(first.svid.chainDer) && leaf !== leafOf(good.svid.chainDer),
        );
        want(strange.length === 0, 'something else was in use for a while');
      },
    })),
  ];
}

function soakDrafts(): readonly BehaviourDraft[] {
  const soaks: readonly (readonly [row: number, slug: string, writer: WriterName, pauseMs: number])[] = [
    [285, 'kubelet-2ms', 'kubelet', 2],
    [286, 'inplace-5ms', 'in-place', 5],
    [287, 'rename-5ms', 'rename', 5],
  ];
  return soaks.map(([row, slug, writer, pauseMs]): BehaviourDraft => ({
    row,
    id: `soak/${slug}`,
    title: `no connection fails while the mount is written without a rest, by ${writer}`,
    why: 'reads and writes meet in every possible way, given time',
    level: 'ref',
    spec: SPEC.whole,
    ops: OPS,
    features: SPLIT,
    control: `swap/leaf-and-key[writer=${writer}]`,
    long: true,
    async script(world) {
      const ca = await world.pki.root();
      const svids = await Promise.all(Array.from({ length: 100 }, () => ca.issue({ path: '/port' })));
      const [svid] = svids;
      const last = svids.at(-1);
      if (svid === undefined || last === undefined) return;
      const { mount, source } = await opened(world, { writer }, { svid, bundles: [ca] });
      const server = await world.serve(source, ANY);
      const client = await ca.issue({ path: '/client' });
      const load = new Load(
        server,
        client,
        svids.map(({ chainDer }) => leafOf(chainDer)),
      );
      try {
        for (const [index, one] of svids.entries()) {
          if (index === 0) continue;
          await slowly(mount.begin(mount.files({ svid: one, bundles: [ca] })), writer, world, pauseMs);
        }
        await source.toHave(last, 3000);
      } finally {
        await load.end();
      }
      world.note(`${load.attempts.length} connections`);
      load.judge(Number.POSITIVE_INFINITY);
      server.presents(await server.admits(client), last, 'in the end');
    },
  }));
}

/** Takes the steps of a rotation with pauses between some of them, as the seed decides. */
async function slowly(
  rotation: Rotation,
  writer: WriterName,
  { random }: World,
  pauseMs: number,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // A pause is part of what is written, and nothing waits for it.
  setTimeout(resolve, random.below(pauseMs * 2 + 1));
  if (writer !== 'kubelet' && random.below(2) === 0) {
    const stop = rotation.steps[random.below(rotation.steps.length)];
    if (stop !== undefined) await rotation.runTo(stop);
    await promise;
    await rotation.finish();
    return;
  }
  await rotation.finish();
  await promise;
}
