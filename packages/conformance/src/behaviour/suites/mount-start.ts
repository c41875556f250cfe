import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { member, objectMember, textMember } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { Ended, want, wantSame } from '../ended.ts';
import { type Identity } from '../identity.ts';
import { type Mount } from '../mount.ts';
import { leafOf } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { LOADS, MOUNT_OPS } from './mount-layout.ts';

const NEEDS = ['sources:mount', 'layouts:split'];

/** What is there when a source is opened, and is no identity. */
interface Start {
  readonly row: number;
  readonly slug: string;
  readonly title: string;
  /** Makes it so. */
  readonly spoil: (place: Place) => Promise<void> | void;
  /** Makes it good. */
  readonly mend: (place: Place) => Promise<void> | void;
  /** Whether the implementation tells of it only after a while. */
  readonly isQuick?: true;
}

interface Place {
  readonly world: World;
  readonly mount: Mount;
  readonly files: Readonly<Record<string, string>>;
  readonly path: (name: string) => string;
}

/** A source is opened before there is an identity: it waits, says why, and is ready once there is one. */
export function mountStartDrafts(): readonly BehaviourDraft[] {
  return [...STARTS.map((start) => startDraft(start)), ...otherDrafts()];
}

const rewrite = ({ mount, files }: Place): Promise<void> => mount.write(files);

/** Something else takes the place of one file of a good mount. */
function instead(name: string, make: (path: string) => void): Pick<Start, 'spoil' | 'mend'> {
  return {
    async spoil({ mount, files, path }) {
      await mount.write(files);
      rmSync(path(name));
      make(path(name));
    },
    async mend({ mount, files, path }) {
      rmSync(path(name));
      await mount.write(files);
    },
  };
}

const STARTS: readonly Start[] = [
  { row: 253, slug: 'empty-dir', title: 'in an empty directory', spoil: () => {}, mend: rewrite },
  {
    row: 253,
    slug: 'one-file-missing',
    title: 'without the key',
    spoil: ({ files, path }) => {
      for (const name of ['tls.crt', 'ca.crt']) writeFileSync(path(name), files[name] ?? '');
    },
    mend: rewrite,
  },
  {
    row: 253,
    slug: 'empty-file',
    title: 'with an empty chain',
    spoil: ({ mount, files }) => mount.write({ ...files, 'tls.crt': '' }),
    mend: rewrite,
  },
  {
    row: 253,
    slug: 'garbage',
    title: 'with nonsense in place of the chain',
    spoil: ({ mount, files }) => mount.write({ ...files, 'tls.crt': 'this is no certificate\n' }),
    mend: rewrite,
  },
  {
    row: 255,
    slug: 'wrong-pair',
    title: 'with the key of another certificate',
    async spoil({ world, mount, files }) {
      const other = await world.pki.identity();
      await mount.write({ ...files, 'tls.key': other.svid.keyPem });
    },
    mend: rewrite,
  },
  {
    row: 257,
    slug: 'unreadable',
    title: 'with a key that it may not read',
    async spoil({ mount, files, path }) {
      if (process.getuid?.() === 0) {
        throw new Ended({ kind: 'impossible', detail: 'the kit runs as root, whom modes do not stop' });
      }
      await mount.write(files);
      chmodSync(path('tls.key'), 0);
    },
    mend: ({ path }) => chmodSync(path('tls.key'), 0o600),
  },
  {
    row: 258,
    slug: 'dir-is-file',
    title: 'with a file in place of the directory',
    spoil({ mount }) {
      rmSync(mount.directory, { recursive: true });
      writeFileSync(mount.directory, 'no directory');
    },
    async mend(place) {
      rmSync(place.mount.directory);
      await rewrite(place);
    },
  },
  {
    row: 258,
    slug: 'dangling-symlink',
    title: 'with a key that is a link to nowhere',
    ...instead('tls.key', (path) => symlinkSync('nowhere', path)),
  },
  {
    row: 258,
    slug: 'symlink-loop',
    title: 'with a chain that is a link to itself',
    ...instead('tls.crt', (path) => symlinkSync('tls.crt', path)),
  },
  {
    row: 263,
    slug: 'fifo',
    title: 'with a key that is a pipe nobody writes to',
    ...instead('tls.key', (path) => {
      if (spawnSync('mkfifo', [path]).status === 0) return;
      throw new Ended({ kind: 'impossible', detail: 'there is no mkfifo here' });
    }),
  },
  {
    row: 264,
    slug: 'huge-file',
    title: 'with a chain of 100 MiB',
    async spoil({ mount, files, path }) {
      await mount.write(files);
      truncateSync(path('tls.crt'), 100 * 1024 * 1024);
    },
    async mend({ mount, files, path }) {
      rmSync(path('tls.crt'));
      await mount.write(files);
    },
    isQuick: true,
  },
];

function startDraft({ row, slug, title, spoil, mend, isQuick }: Start): BehaviourDraft {
  return {
    row,
    id: `start/${slug}`,
    title: `a source that is opened ${title} waits, says why, and is ready once that is mended`,
    why: 'a service starts before its identity about as often as after it',
    level: 'ref',
    spec: SPEC.waits,
    ops: MOUNT_OPS,
    features: NEEDS,
    control: LOADS,
    ...(isQuick === true ? {} : { long: true }),
    async script(world) {
      const identity = await world.pki.identity();
      const mount = world.mount({ writer: 'in-place' });
      const place: Place = {
        world,
        mount,
        files: mount.files(identity),
        path: (name) => join(mount.directory, name),
      };
      await spoil(place);
      const source = await world.open(mount);
      const snapshot = await source.until({ error: true }, 'an error that is told');
      wantSame('the state', member(snapshot, 'state'), 'waiting');
      wantSecretless(snapshot, identity);
      await mend(place);
      await source.until({ leafSha256: leafOf(identity.svid.chainDer) }, 'an identity once all was mended');
    },
  };
}

function otherDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 252,
      id: 'start/late-mount',
      title: 'a source of a directory that does not exist yet is ready once it does',
      why: 'volumes are mounted while containers start',
      level: 'ref',
      spec: SPEC.waits,
      ops: MOUNT_OPS,
      features: NEEDS,
      control: LOADS,
      async script(world) {
        const identity = await world.pki.identity();
        const mount = world.mount({}, join(world.directory(), 'not', 'yet'));
        const source = await world.open(mount);
        wantSame('the state before there is a directory', member(await source.get(), 'state'), 'waiting');
        await mount.write(mount.files(identity));
        await source.until(
          { leafSha256: leafOf(identity.svid.chainDer) },
          'an identity once there is a directory',
        );
      },
    },
    {
      row: 254,
      id: 'start/wait-timeout',
      title: 'a source that was told how long to wait gives up then, and names the place',
      why: 'an error without a path is a search, one with key material is an incident',
      level: 'ref',
      spec: SPEC.waits,
      ops: MOUNT_OPS,
      features: [...NEEDS, 'options:waitMs'],
      control: LOADS,
      async script(world) {
        const identity = await world.pki.identity();
        const other = await world.pki.identity();
        const mount = world.mount({ writer: 'in-place' });
        await mount.write({ ...mount.files(identity), 'tls.key': other.svid.keyPem });
        const source = await world.open(mount, { waitMs: 300 });
        const snapshot = await source.until({ state: 'failed' }, 'an end of the waiting');
        const { message, code } = objectMember(snapshot, 'lastError');
        wantSame('the code', code, 'source.timeout');
        want(
          typeof message === 'string' && message.includes(mount.directory),
          'the message does not name the place',
        );
        wantSecretless(snapshot, identity);
        wantSecretless(snapshot, other);
      },
    },
    {
      row: 256,
      id: 'start/expired',
      title: 'an SVID that has expired is waited over, or loaded and not presented',
      why: 'a pod that starts late finds what was written long ago',
      level: 'choice',
      spec: SPEC.expiry,
      ops: [...MOUNT_OPS, 'server.start'],
      features: NEEDS,
      control: LOADS,
      branches: ['waits', 'loaded'],
      async script(world) {
        const expired = await world.pki.identity({ defects: ['expired'] });
        const mount = world.mount();
        await mount.write(mount.files(expired));
        const source = await world.open(mount);
        const snapshot = await source.eventually(
          'an error or an identity',
          (now) => member(now, 'lastError') !== undefined || member(now, 'state') !== 'waiting',
        );
        const isLoaded = member(snapshot, 'leafSha256') !== undefined;
        if (isLoaded) {
          const server = await world.serve(source, { authorize: { any: true } });
          await server.refuses(
            await (await world.pki.root()).issue(),
            'a client, by an SVID that has expired',
          );
        }
        const next = await world.pki.identity();
        await mount.write(mount.files(next));
        await source.until({ leafSha256: leafOf(next.svid.chainDer) }, 'an identity that has not expired');
        return isLoaded ? 'loaded' : 'waits';
      },
    },
    {
      row: 258,
      id: 'start/key-is-directory',
      title: 'a directory in place of the key is told, and a file that takes its place is used',
      why: 'a missing source of a mount of one file makes a directory',
      level: 'ref',
      spec: SPEC.waits,
      ops: MOUNT_OPS,
      features: NEEDS,
      control: LOADS,
      async script(world) {
        const identity = await world.pki.identity();
        const mount = world.mount({ writer: 'in-place' });
        const { 'tls.key': key = '', ...files } = mount.files(identity);
        await mount.write(files);
        const path = join(mount.directory, 'tls.key');
        mkdirSync(path);
        const source = await world.open(mount);
        const snapshot = await source.until({ error: true }, 'an error that is told');
        wantSame('the state', textMember(snapshot, 'state'), 'waiting');
        rmSync(path, { recursive: true });
        writeFileSync(path, key);
        await source.until({ leafSha256: leafOf(identity.svid.chainDer) }, 'an identity');
      },
    },
  ];
}

/** Wants that nothing of a private key is in what was said. */
function wantSecretless(said: object, { svid }: Identity): void {
  const text = JSON.stringify(said);
  const lines = svid.keyPem.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----'));
  want(!lines.some((line) => text.includes(line)), 'a part of the private key is in what was said');
}
