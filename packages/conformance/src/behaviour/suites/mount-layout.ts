import { symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { testBundle } from '@svidkit/testkit';

import { member } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { observed, wantSame } from '../ended.ts';
import { sha256 } from '../fingerprints.ts';
import { type Identity } from '../identity.ts';
import { type Mount, type MountKind } from '../mount.ts';
import { authoritiesIn, leafOf, type SourceUnderTest } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';

/** What every case of mounts needs. */
export const MOUNT_OPS = ['source.open', 'source.get', 'source.wait'] as const;
/** The case that the ones about mounts rest on. */
export const LOADS = 'load/kubelet-symlinks';
const SERVE_OPS = [...MOUNT_OPS, 'server.start'] as const;

/** How mounts are laid out, and what is made of what is in them. */
export function mountLayoutDrafts(): readonly BehaviourDraft[] {
  return [...loadDrafts(), ...pathDrafts(), ...trustDrafts()];
}

/** Opens a mount that has been written, and wants exactly that identity. */
export async function loads(
  world: World,
  mount: Mount,
  { svid, bundles }: Identity,
  more: Parameters<World['open']>[2] = {},
): Promise<SourceUnderTest> {
  const source = await world.open(mount, {}, more);
  const snapshot = await source.until({ state: 'ready' }, 'an identity');
  wantSame('the ID', member(snapshot, 'id'), svid.id);
  wantSame(
    'the chain',
    member(snapshot, 'chainSha256'),
    svid.chainDer.map((der) => sha256(der)),
  );
  for (const { trustDomain, authorities } of bundles) {
    const wanted = authorities.map((der) => sha256(der)).toSorted();
    wantSame(`the bundle of ${trustDomain}`, authoritiesIn(snapshot, trustDomain).toSorted(), wanted);
  }
  const names = bundles.map(({ trustDomain }) => trustDomain).toSorted();
  wantSame(
    'the trust domains that there are bundles of',
    Object.keys(member(snapshot, 'bundles') ?? {}).toSorted(),
    names,
  );
  return source;
}

function loadDrafts(): readonly BehaviourDraft[] {
  const kinds: readonly (readonly [row: number, id: string, kind: MountKind, title: string])[] = [
    [243, 'load/plain-files[layout=split]', { writer: 'in-place' }, 'plain files of the names of a Secret'],
    [
      243,
      'load/plain-files[layout=spiffe-helper]',
      { writer: 'in-place', layout: 'spiffe-helper' },
      'plain files of the names of spiffe-helper',
    ],
    [244, LOADS, { writer: 'kubelet' }, 'a volume with a ..data link'],
    [244, 'load/directory-link', { writer: 'directory-swap' }, 'a path that is a link to a directory'],
    [
      245,
      'load/credential-bundle',
      { writer: 'kubelet', layout: 'credential-bundle' },
      'key and chain in one file',
    ],
    [
      245,
      'load/filesystem-draft',
      { writer: 'kubelet', layout: 'spiffe-filesystem' },
      'the names of the draft of SPIFFE Filesystem Delivery',
    ],
  ];
  return [
    ...kinds.map(([row, id, kind, title]): BehaviourDraft => ({
      row,
      id,
      title: `${title}: ID, chain and bundle are loaded`,
      why: 'each agent has its own way; a reader that knows one of them serves one platform',
      level: 'ref',
      spec: SPEC.layout,
      ops: MOUNT_OPS,
      features: ['sources:mount', `layouts:${kind.layout ?? 'split'}`],
      async script(world) {
        const ca = await (await world.pki.root()).intermediate();
        const identity = await world.pki.identity({}, ca);
        const mount = world.mount(kind);
        await mount.write(mount.files(identity));
        await loads(world, mount, identity);
      },
    })),
    {
      row: 246,
      id: 'load/bundle-pem-multi',
      title: 'a bundle file with three authorities is loaded whole',
      why: 'while a CA rotates there are always several, and the first one alone is the wrong one half of the time',
      level: 'ref',
      spec: SPEC.layout,
      ops: SERVE_OPS,
      features: ['sources:mount', 'layouts:split'],
      async script(world) {
        const [one, two, three] = [
          await world.pki.root(),
          await world.pki.stranger(),
          await world.pki.stranger(),
        ];
        const identity = { svid: await two.issue({ path: '/port' }), bundles: [testBundle(one, two, three)] };
        const mount = world.mount();
        await mount.write(mount.files(identity));
        const source = await loads(world, mount, identity);
        const server = await world.serve(source, { authorize: { any: true } });
        for (const ca of [one, two, three]) await server.admits(await ca.issue({ path: '/client' }));
      },
    },
    {
      row: 249,
      id: 'load/custom-names',
      title: "files of names of one's own are loaded",
      why: 'a volume can be projected to any names',
      level: 'ref',
      spec: SPEC.layout,
      ops: MOUNT_OPS,
      features: ['sources:mount', 'layouts:custom'],
      async script(world) {
        const identity = await world.pki.identity();
        const {
          'tls.crt': cert = '',
          'tls.key': key = '',
          'ca.crt': ca = '',
        } = world.mount().files(identity);
        const mount = world.mount({ layout: 'custom' });
        await mount.write({ 'my chain.pem': cert, 'my-key': key, 'roots.txt': ca });
        await loads(world, mount, identity, {
          files: { cert: 'my chain.pem', key: 'my-key', ca: 'roots.txt' },
        });
      },
    },
    {
      row: 251,
      id: 'load/federated-files',
      title: 'bundle files of other trust domains are loaded by the names in their names',
      why: 'the name of a file decides whom it is about, so it has to be a trust domain',
      level: 'ref',
      spec: SPEC.neverMerge,
      ops: MOUNT_OPS,
      features: ['sources:mount', 'layouts:spiffe-filesystem'],
      control: LOADS,
      async script(world) {
        const [own, friend, evil] = [
          await world.pki.root(),
          await world.pki.root('b.test'),
          await world.pki.stranger('evil.test'),
        ];
        const { svid } = await world.pki.identity();
        const identity = { svid, bundles: [own, friend] };
        const mount = world.mount({ layout: 'spiffe-filesystem' });
        await mount.write({
          ...mount.files(identity),
          'EVIL.test.spiffe-trust-bundle.pem': evil.bundlePem,
          'evil test.spiffe-trust-bundle.pem': evil.bundlePem,
        });
        await loads(world, mount, identity);
      },
    },
    {
      row: 265,
      id: 'dotdot/ignored',
      title: 'files whose names begin with two dots are no bundles',
      why: 'they belong to the writer, and stay behind when it crashes',
      level: 'ref',
      spec: SPEC.layout,
      ops: MOUNT_OPS,
      features: ['sources:mount', 'layouts:spiffe-filesystem'],
      control: 'load/filesystem-draft',
      async script(world) {
        const identity = await world.pki.identity();
        const mount = world.mount({ layout: 'spiffe-filesystem' });
        await mount.write(mount.files(identity));
        const evil = await world.pki.stranger('evil.test');
        for (const name of ['..evil.test.spiffe-trust-bundle.pem', '...evil.test.spiffe-trust-bundle.pem']) {
          writeFileSync(join(mount.directory, name), evil.bundlePem);
        }
        await loads(world, mount, identity);
      },
    },
  ];
}

function pathDrafts(): readonly BehaviourDraft[] {
  const place = (
    id: string,
    title: string,
    pathOf: (world: World) => { write: string; read: string },
  ): BehaviourDraft => ({
    row: 250,
    id: `load/${id}`,
    title,
    why: 'paths come from people and pod specs',
    level: 'ref',
    spec: SPEC.layout,
    ops: MOUNT_OPS,
    features: ['sources:mount', 'layouts:split'],
    async script(world) {
      const { write, read } = pathOf(world);
      const identity = await world.pki.identity();
      const mount = world.mount({}, write);
      await mount.write(mount.files(identity));
      const source = await loads(world, { ...mount, directory: read }, identity);
      const next = await world.pki.identity();
      await mount.write(mount.files(next));
      await source.toHave(next.svid);
    },
  });
  return [
    place('relative-path', 'a path that is relative to the process is read and followed', (world) => {
      const write = world.directory();
      return { write, read: relative(process.cwd(), write) };
    }),
    place(
      'unicode-and-space-path',
      'a path with spaces, letters of all kinds and a hash is read and followed',
      (world) => {
        const write = join(world.directory(), 'mit Leerzeichen #1 %41 \u00fc\u4e2d');
        return { write, read: write };
      },
    ),
    place('symlinked-dir', 'a path that goes through links is read and followed', (world) => {
      const write = world.directory();
      const read = join(world.directory('links'), 'svid');
      symlinkSync(write, `${read}-1`);
      symlinkSync('svid-1', read);
      return { write, read };
    }),
  ];
}

function trustDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 259,
      id: 'trust/no-ca-file',
      title: 'without a bundle file nobody is trusted: there is no identity yet, or one that verifies nobody',
      why: 'a missing file must not mean "trust the system"',
      level: 'choice',
      spec: SPEC.noBundle,
      ops: SERVE_OPS,
      features: ['sources:mount', 'layouts:split'],
      control: LOADS,
      branches: ['waits', 'trusts-nobody'],
      long: true,
      async script(world) {
        const identity = await world.pki.identity();
        const mount = world.mount();
        const { 'ca.crt': _ca, ...files } = mount.files(identity);
        await mount.write(files);
        const source = await world.open(mount);
        const snapshot = await source.eventually(
          'an error or an identity',
          (now) => member(now, 'lastError') !== undefined || member(now, 'state') === 'ready',
        );
        if (member(snapshot, 'state') === 'ready') {
          const server = await world.serve(source, { authorize: { any: true } });
          await server.refuses(await (await world.pki.root()).issue(), 'a client without a bundle for it');
          return 'trusts-nobody';
        }
        await mount.write(mount.files(identity));
        await source.until(
          { leafSha256: leafOf(identity.svid.chainDer) },
          'an identity once there is a bundle',
        );
        return 'waits';
      },
    },
    {
      row: 260,
      id: 'trust/own-td-from-leaf',
      title: 'the bundle file is the bundle of the trust domain of the leaf',
      why: "taken for anyone's bundle, it would vouch for everyone",
      level: 'ref',
      spec: SPEC.neverMerge,
      ops: SERVE_OPS,
      features: ['sources:mount', 'layouts:split'],
      control: LOADS,
      async script(world) {
        const ca = await world.pki.root('b.test');
        const identity = { svid: await ca.issue({ path: '/port' }), bundles: [ca] };
        const mount = world.mount();
        await mount.write(mount.files(identity));
        const server = await world.serve(await loads(world, mount, identity), { authorize: { any: true } });
        await server.admits(await ca.issue({ path: '/client' }));
        await server.refuses(
          await ca.issue({ id: 'spiffe://a.test/client' }),
          'a client of another trust domain',
        );
      },
    },
    {
      row: 261,
      id: 'trust/foreign-root-in-ca-file',
      title: 'the root of another trust domain in our bundle file vouches for nobody there',
      why: 'agents write files that hold the roots of all trust domains one after the other',
      level: 'must',
      spec: SPEC.neverMerge,
      ops: SERVE_OPS,
      features: ['sources:mount', 'layouts:split'],
      control: LOADS,
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { svid } = await world.pki.identity();
        const mount = world.mount();
        const files = mount.files({ svid, bundles: [own] });
        await mount.write({ ...files, 'ca.crt': own.bundlePem + friend.bundlePem });
        const source = await world.open(mount);
        await source.until({ state: 'ready' }, 'an identity');
        const server = await world.serve(source, { authorize: { any: true } });
        await server.admits(await own.issue({ path: '/client' }));
        await server.refuses(await friend.issue({ path: '/client' }), 'a client of the other trust domain');
      },
    },
    {
      row: 262,
      id: 'perm/world-readable-key',
      title: 'a private key that everyone may read is used or refused, and that is recorded',
      why: 'Secret volumes have such modes by default',
      level: 'choice',
      spec: SPEC.layout,
      ops: MOUNT_OPS,
      features: ['sources:mount', 'layouts:split'],
      control: LOADS,
      branches: ['used', 'refused'],
      async script(world) {
        const mount = world.mount({ kubelet: { fileMode: 0o644 } });
        await mount.write(mount.files(await world.pki.identity()));
        const source = await world.open(mount);
        const snapshot = await source.eventually(
          'an error or an identity',
          (now) => member(now, 'lastError') !== undefined || member(now, 'state') === 'ready',
        );
        if (member(snapshot, 'state') === 'ready') return 'used';
        if (member(snapshot, 'state') === 'waiting') return 'refused';
        throw observed('the source neither uses the key nor waits for a better one');
      },
    },
  ];
}
