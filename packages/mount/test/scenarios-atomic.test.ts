// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { kubeletWriter } from '@svidkit/testkit';
import { expect } from 'vitest';

import { directFs, type MountFs } from '../src/mount-fs.ts';
import { scenario } from './scenario.ts';

scenario(1, 'follows every generation that kubelet swaps in', async ({ path, open, secret }) => {
  const writer = kubeletWriter(path('mount'));
  await writer.write(await secret({ path: '/0' }));
  const reader = await open();
  expect(reader.source.layout).toBe('kubernetes-secret');
  for (const id of ['/1', '/2', '/3', '/4']) {
    const files = await secret({ path: id });
    const { svid, generation } = await reader.update(() => writer.write(files));
    expect(svid.id.path).toBe(id);
    expect(generation).toBe(Number(id.slice(1)) + 1);
  }
  expect(reader.updates).toHaveLength(5);
  expect(reader.source.health()).toMatchObject({ status: 'fresh', ready: true, lastError: undefined });
});

scenario(
  2,
  'follows swaps of a writer that leaves old generations behind',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'), { keepOld: true });
    await writer.write(await secret({ path: '/0' }));
    const reader = await open();
    for (const id of ['/1', '/2', '/3']) {
      const files = await secret({ path: id });
      const { svid } = await reader.update(() => writer.write(files));
      expect(svid.id.path).toBe(id);
    }
    const generations = (await readdir(path('mount'))).filter((name) => /^\.\.\d/.test(name));
    expect(generations).toHaveLength(4);
  },
);

scenario(
  3,
  'uses a generation as soon as it is swapped in, before the old one is removed',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/old' }));
    const reader = await open();
    const rotation = writer.begin(await secret({ path: '/new' }));

    await reader.silence(() => rotation.runTo('link-data-tmp'));
    expect(reader.source.current.svid.id.path).toBe('/old');
    const { svid } = await reader.update(() => rotation.runTo('swap'));
    expect(svid.id.path).toBe('/new');
    expect(rotation.done).not.toContain('remove-old');
    await reader.silence(() => rotation.finish());
    expect(reader.source.health().lastError).toBeUndefined();
  },
);

scenario(
  4,
  'ends up with the last of two generations that come one right after the other',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open();
    const [first, second] = [await secret({ path: '/1' }), await secret({ path: '/2' })];
    await reader.update(async () => {
      await writer.write(first);
      await writer.write(second);
    });
    await reader.source.check();
    expect(reader.source.current.svid.id.path).toBe('/2');
    expect(reader.errors.filter(({ code }) => code !== 'ERR_MOUNT_PERMISSIONS')).toEqual([]);
  },
);

scenario(
  5,
  'reads again, from the new generation alone, when the old one is removed while it is read',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const next = { files: await secret({ path: '/1' }), isDue: false };
    let swaps = 0;
    const swapping: MountFs = {
      ...directFs,
      async read(file, maxBytes) {
        const result = await directFs.read(file, maxBytes);
        if (next.isDue && file.endsWith('tls.crt')) {
          // The certificate is read; now the whole generation goes away under the reader.
          next.isDue = false;
          swaps++;
          await writer.write(next.files);
        }
        return result;
      },
    };
    const reader = await open({}, { chooseFs: async () => swapping });
    expect(reader.source.current.svid.id.path).toBe('/0');

    const middle = await secret({ path: '/lost' });
    next.isDue = true;
    const { svid } = await reader.update(() => writer.write(middle));
    expect(svid.id.path).toBe('/1');
    expect(swaps).toBe(1);
    expect(reader.updates.map(({ context }) => context?.svid.id.path)).toEqual(['/0', '/1']);
  },
);

scenario(
  6,
  'is not disturbed by a "..data_tmp" that a crashed writer left',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'), { staleDataTmp: 'replace' });
    await writer.write(await secret({ path: '/0' }));
    const reader = await open();
    await reader.silence(async () => {
      await symlink('..nowhere', path('mount/..data_tmp'));
      const failing = kubeletWriter(path('mount')).begin(await secret({ path: '/never' }));
      await expect(failing.finish()).rejects.toThrow(/EEXIST/);
    });
    expect(reader.source.current.svid.id.path).toBe('/0');
    const files = await secret({ path: '/1' });
    const { svid } = await reader.update(() => writer.write(files));
    expect(svid.id.path).toBe('/1');
  },
);

scenario(7, 'follows a chain of links: own link, mount, "..data"', async ({ path, open, secret }) => {
  const writer = kubeletWriter(path('csi/volume'));
  await writer.write(await secret({ path: '/0' }));
  await mkdir(path('app'));
  await symlink(join('..', 'csi', 'volume'), path('app/certs'));
  const reader = await open({ directory: path('app/certs') });
  for (const id of ['/1', '/2']) {
    const files = await secret({ path: id });
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe(id);
  }
  // The own link leads elsewhere.
  const other = kubeletWriter(path('csi/other'));
  await other.write(await secret({ path: '/3' }));
  const { svid } = await reader.update(async () => {
    await rm(path('app/certs'));
    await symlink(path('csi/other'), path('app/certs'));
  });
  expect(svid.id.path).toBe('/3');
  const files = await secret({ path: '/4' });
  expect((await reader.update(() => other.write(files))).svid.id.path).toBe('/4');
});

scenario(
  48,
  'takes up a bundle file whose visible link appears after the swap',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    const before = await secret({ path: '/0' });
    await writer.write({
      'tls.crt': before['tls.crt'] ?? '',
      'tls.key': before['tls.key'] ?? '',
      'old-ca.pem': before['ca.crt'] ?? '',
    });
    const reader = await open({ files: { ca: 'old-ca.pem' } });
    const rotation = writer.begin(await secret({ path: '/1' }));
    await reader.update(() => rotation.runTo('swap'));
    // The new pair counts at once; the bundle file has no visible name yet, so the last good one stays.
    expect(reader.source.current.svid.id.path).toBe('/1');
    expect(reader.source.current.bundles.size).toBe(1);
    expect(reader.source.health().lastError?.code).toBe('ERR_MOUNT_NOT_FOUND');
    await rotation.finish();
    await reader.source.check();
    expect(reader.source.health().lastError).toBeUndefined();
    expect(reader.source.current.bundles.size).toBe(1);
  },
);

scenario(48, 'waits for the visible links of a first generation', async ({ path, open, secret }) => {
  const rotation = kubeletWriter(path('mount')).begin(await secret({ path: '/0' }));
  await rotation.runTo('link:tls.crt');
  await expect(open({ wait: 0 })).rejects.toMatchObject({ code: 'ERR_SOURCE_TIMEOUT' });
  await rotation.finish();
  const reader = await open({ wait: 0 });
  expect(reader.source.current.svid.id.path).toBe('/0');
});
