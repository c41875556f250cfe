// A program that needs mounts of its own: run it with `unshare --mount`. It does one scenario and fails if the
// reader does not do what it should.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';

import { kubeletWriter, mountFiles, renameWriter } from '@svidkit/testkit';

import { type Mode } from './open-reader.ts';
import { readerFixture, type ReaderFixture } from './reader-fixture.ts';

const MINUTE = 60_000;

function mount(...args: readonly string[]): void {
  execFileSync('mount', [...args]);
}

function unmount(path: string): void {
  execFileSync('umount', [path]);
}

const scenarios: Readonly<Record<string, (fixture: ReaderFixture) => Promise<void>>> = {
  async 'removed-source'({ ca, path, open, secret }) {
    await kubeletWriter(path('volume')).write(await secret({ path: '/0' }));
    await mkdir(path('mount'));
    mount('--bind', path('volume'), path('mount'));
    const reader = await open();
    await reader.silence(() => rm(path('volume'), { recursive: true }));
    assert.equal(reader.source.current.svid.id.path, '/0');
    assert.equal(reader.source.health().lastError?.code, 'ERR_MOUNT_NOT_FOUND');
    // What is made again under the same name is another directory, which this mount never shows.
    await reader.silence(async () =>
      kubeletWriter(path('volume')).write(mountFiles.secret(await ca.issue(), ca)),
    );
    await reader.pass(3_000);
    const stale = reader.errors.filter(({ code }) => code === 'ERR_MOUNT_STALE');
    assert.equal(stale.length, 1);
    assert.match(stale[0]?.message ?? '', /removed on the node/);
    assert.match(stale[0]?.hint ?? '', /Restart the pod/);
    assert.match(reader.source.health().problems.join(), /removed on the node/);
    unmount(path('mount'));
  },

  async 'over-mount'({ clock, path, open, secret }) {
    await kubeletWriter(path('volume')).write(await secret({ path: '/below' }));
    await kubeletWriter(path('other')).write(await secret({ path: '/above' }));
    await mkdir(path('mount'));
    mount('--bind', path('volume'), path('mount'));
    // No event comes for a mount, so polling has to find it.
    const reader = await open({ pollIntervalMs: 10_000 });
    const poll = async (): Promise<string> => {
      clock.advance(12_000);
      await reader.source.check();
      return reader.source.current.svid.id.path;
    };
    mount('--bind', path('other'), path('mount'));
    assert.equal(await poll(), '/above');
    await kubeletWriter(path('other')).write(await secret({ path: '/above-2' }));
    assert.equal(await poll(), '/above-2');
    unmount(path('mount'));
    assert.equal(await poll(), '/below');
    unmount(path('mount'));
  },

  async orphaned({ ca, clock, path, open }) {
    const svid = await ca.issue({ path: '/0', lifetimeMs: 60 * MINUTE });
    await mkdir(path('driver'));
    await mkdir(path('mount'));
    mount('-t', 'tmpfs', 'tmpfs', path('driver'));
    await kubeletWriter(path('driver')).write(mountFiles.csiDriverSpiffe(svid, ca));
    mount('--bind', path('driver'), path('mount'));
    const reader = await open();
    // The driver starts again: its new file system is not ours.
    unmount(path('driver'));
    mount('-t', 'tmpfs', 'tmpfs', path('driver'));
    await reader.silence(async () =>
      kubeletWriter(path('driver')).write(mountFiles.csiDriverSpiffe(await ca.issue({ path: '/1' }), ca)),
    );
    assert.equal(reader.source.current.svid.id.path, '/0');
    await reader.pass(svid.notBefore + 52 * MINUTE - clock.now());
    assert.equal(reader.source.health().status, 'overdue');
    assert.match(reader.source.health().problems.join(), /see whether its writer still runs/);
    await reader.pass(3 * MINUTE);
    assert.deepEqual([reader.source.health().status, reader.source.health().ready], ['critical', false]);
    unmount(path('mount'));
    unmount(path('driver'));
  },

  async 'single-files'({ ca, clock, path, open }) {
    const old = await ca.issue({ path: '/0', lifetimeMs: 60 * MINUTE });
    await renameWriter(path('volume')).write(mountFiles.secret(old, ca));
    await mkdir(path('mount'));
    const names = ['tls.crt', 'tls.key', 'ca.crt'];
    for (const name of names) {
      await writeFile(path(`mount/${name}`), '');
      mount('--bind', path(`volume/${name}`), path(`mount/${name}`));
    }
    const reader = await open();
    const next = mountFiles.secret(await ca.issue({ path: '/1' }), ca);
    // Replacing the file leaves the mount with the old one.
    await reader.silence(() => renameWriter(path('volume')).write(next));
    assert.equal(reader.source.current.svid.id.path, '/0');
    await reader.pass(old.notBefore + 52 * MINUTE - clock.now());
    const stale = reader.errors.find(({ code }) => code === 'ERR_MOUNT_STALE');
    assert.match(stale?.message ?? '', /subPath/);
    assert.match(stale?.hint ?? '', /mount the whole directory/);
    // Only what is written into the very file comes through.
    const { svid } = await reader.update(async () => {
      for (const name of names) await writeFile(path(`mount/${name}`), next[name] ?? '');
    });
    assert.equal(svid.id.path, '/1');
    for (const name of names) unmount(path(`mount/${name}`));
  },
};

const [, , name = '', mode = 'poll'] = process.argv;
const run = scenarios[name];
assert.ok(run, `there is no scenario "${name}"`);
const fixture = await readerFixture(mode as Mode);
try {
  await run(fixture);
  process.stdout.write('done\n');
} finally {
  await fixture[Symbol.asyncDispose]();
}
