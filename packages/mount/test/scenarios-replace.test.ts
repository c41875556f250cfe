// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { mkdir, rm, stat } from 'node:fs/promises';

import {
  directorySwapWriter,
  inPlaceWriter,
  mountFiles,
  renameWriter,
  testBundle,
  type TestSvid,
} from '@svidkit/testkit';
import { expect } from 'vitest';

import { type ReaderFixture } from './reader-fixture.ts';
import { scenario } from './scenario.ts';

for (const target of ['absolute', 'relative'] as const) {
  scenario(8, `follows a directory link that is swapped (${target} target)`, async ({ ca, path, open }) => {
    const writer = directorySwapWriter(path('mount'), { target });
    await writer.write(mountFiles.gce(await ca.issue({ path: '/0' }), ca));
    const reader = await open();
    expect(reader.source.layout).toBe('gce');
    for (const id of ['/1', '/2', '/3']) {
      const files = mountFiles.gce(await ca.issue({ path: id }), ca);
      expect((await reader.update(() => writer.write(files))).svid.id.path).toBe(id);
    }
  });
}

scenario(
  8,
  'keeps the last good identity when the new directory holds empty files',
  async ({ ca, path, open }) => {
    const writer = directorySwapWriter(path('mount'));
    await writer.write(mountFiles.gce(await ca.issue({ path: '/0' }), ca));
    const reader = await open();
    await reader.silence(() =>
      writer.write({ 'certificates.pem': '', 'private_key.pem': '', 'ca_certificates.pem': '' }),
    );
    expect(reader.source.current.svid.id.path).toBe('/0');
    expect(reader.source.health().lastError).toBeDefined();
  },
);

scenario(
  9,
  'follows a directory that is replaced by renaming another one into its place',
  async ({ ca, path, open }) => {
    const writer = directorySwapWriter(path('mount'), { mode: 'rename' });
    await writer.write(mountFiles.istio(await ca.issue({ path: '/0' }), ca));
    const reader = await open();
    for (const id of ['/1', '/2', '/3']) {
      const files = mountFiles.istio(await ca.issue({ path: id }), ca);
      expect((await reader.update(() => writer.write(files))).svid.id.path).toBe(id);
    }
  },
);

scenario(9, 'keeps the last good identity between the two moves', async ({ ca, path, open }) => {
  const writer = directorySwapWriter(path('mount'), { mode: 'rename' });
  await writer.write(mountFiles.istio(await ca.issue({ path: '/0' }), ca));
  const reader = await open();
  const rotation = writer.begin(mountFiles.istio(await ca.issue({ path: '/1' }), ca));
  await reader.silence(() => rotation.runTo('move-away'));
  expect(reader.source.current.svid.id.path).toBe('/0');
  expect((await reader.update(() => rotation.finish())).svid.id.path).toBe('/1');
});

scenario(10, 'follows a directory that is removed and made again', async ({ path, open, secret }) => {
  const writer = directorySwapWriter(path('mount'), { mode: 'recreate' });
  await writer.write(await secret({ path: '/0' }));
  const reader = await open();
  for (const id of ['/1', '/2']) {
    const rotation = writer.begin(await secret({ path: id }));
    await reader.silence(() => rotation.runTo('mkdir'));
    expect((await reader.update(() => rotation.finish())).svid.id.path).toBe(id);
  }
});

scenario(
  10,
  'waits for a directory that is not there at the start',
  async ({ clock, path, open, secret }) => {
    const opening = open();
    await mkdir(path('unrelated'));
    const files = await secret({ path: '/late' });
    await renameWriter(path('mount')).write(files);
    const timer = setInterval(() => clock.advance(50), 2);
    const reader = await opening.finally(() => clearInterval(timer));
    expect(reader.source.current.svid.id.path).toBe('/late');
  },
);

for (const gapMs of [0, 15, 500]) {
  scenario(
    11,
    `takes up files that are renamed one by one, certificate first, ${gapMs} ms apart`,
    (fixture) => oneByOne(fixture, 'cert-first', gapMs),
  );
}
scenario(12, 'takes up files that are renamed one by one, key first', (fixture) =>
  oneByOne(fixture, 'key-first', 15),
);

async function oneByOne(
  { ca, clock, path, open }: ReaderFixture,
  order: 'cert-first' | 'key-first',
  gapMs: number,
): Promise<void> {
  const writer = renameWriter(path('mount'), { order });
  await writer.write(mountFiles.istio(await ca.issue({ path: '/0' }), ca));
  const reader = await open();
  const next = await ca.issue({ path: '/1' });
  const rotation = writer.begin(mountFiles.istio(next, ca));
  const [first, second] =
    order === 'cert-first' ? ['cert-chain.pem', 'key.pem'] : ['key.pem', 'cert-chain.pem'];

  // The pair on disk does not match now, for as long as the writer takes.
  await reader.silence(() => rotation.runTo(`rename:${first}`));
  clock.advance(gapMs);
  await reader.silence(() => rotation.runTo(`sync-temp:${second}`));
  expect(reader.source.current.svid.id.path).toBe('/0');
  expect(reader.source.health().lastError?.code).toBe('ERR_SVID_KEY_MISMATCH');

  const { svid } = await reader.update(() => rotation.runTo(`rename:${second}`));
  expect(svid.id.path).toBe('/1');
  expect(svid.leaf.x509.checkPrivateKey(svid.privateKey)).toBe(true);
  clock.advance(gapMs);
  await reader.silence(() => rotation.finish());
  expect(reader.updates).toHaveLength(2);
  expect(reader.source.health().lastError).toBeUndefined();
}

scenario(
  13,
  'notices a replacement that keeps the times and sizes of the files',
  async ({ ca, path, open }) => {
    const writer = renameWriter(path('mount'), { keepTimes: true });
    const old = await ca.issue({ path: '/0' });
    await writer.write(mountFiles.secret(old, ca));
    const reader = await open();
    const before = await stat(path('mount/tls.crt'));
    const files = mountFiles.secret(await sameSize(() => ca.issue({ path: '/1' }), old), ca);
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/1');
    const after = await stat(path('mount/tls.crt'));
    expect([after.size, Math.trunc(after.mtimeMs)]).toEqual([before.size, Math.trunc(before.mtimeMs)]);
  },
);

/** Signatures in DER differ in length now and then. */
async function sameSize(issue: () => Promise<TestSvid>, like: TestSvid): Promise<TestSvid> {
  for (;;) {
    const svid = await issue();
    if (svid.certPem.length === like.certPem.length && svid.keyPem.length === like.keyPem.length) return svid;
  }
}

scenario(14, 'takes up files that are emptied and written again at once', async ({ ca, path, open }) => {
  const writer = inPlaceWriter(path('mount'));
  await writer.write(mountFiles.spiffeHelper(await ca.issue({ path: '/0' }), ca));
  const reader = await open();
  expect(reader.source.layout).toBe('spiffe-helper');
  for (const id of ['/1', '/2', '/3']) {
    const files = mountFiles.spiffeHelper(await ca.issue({ path: id }), ca);
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe(id);
  }
  expect(reader.errors.filter(({ code }) => code !== 'ERR_MOUNT_PERMISSIONS')).toEqual([]);
});

for (const cut of ['mid-block', 'block-boundary'] as const) {
  scenario(15, `never uses files that are half written (cut: ${cut})`, async ({ ca, path, open }) => {
    const writer = inPlaceWriter(path('mount'), { cut });
    const intermediate = await ca.intermediate();
    await writer.write(mountFiles.spiffeHelper(await intermediate.issue({ path: '/0' }), ca));
    const reader = await open();
    const { next, both } = await ca.rotate();
    const underNext = await next.intermediate();
    const bundle = testBundle(both);
    const rotation = writer.begin(mountFiles.spiffeHelper(await underNext.issue({ path: '/1' }), bundle));
    expect(rotation.steps.length).toBeGreaterThan(6);

    for (const step of rotation.steps) {
      await rotation.runTo(step);
      await reader.source.check();
      const { svid, bundles } = reader.source.current;
      // Whatever stage the writer is at: a whole chain with its key, and authorities.
      expect(svid.leaf.x509.checkPrivateKey(svid.privateKey)).toBe(true);
      expect(svid.certificates).toHaveLength(2);
      expect(bundles.require(svid.id.trustDomain).authorities.length).toBeGreaterThan(0);
    }
    expect(reader.source.current.svid.id.path).toBe('/1');
    expect(
      reader.source.current.bundles.get(reader.source.current.svid.id.trustDomain)?.authorities,
    ).toHaveLength(2);
    expect(reader.source.health().lastError).toBeUndefined();
  });
}

scenario(
  15,
  'believes a bundle that gets smaller only when it stays so for two seconds',
  async ({ ca, path, open, clock }) => {
    const writer = inPlaceWriter(path('mount'), { cut: 'block-boundary' });
    const { both } = await ca.rotate();
    const svid = await ca.issue();
    await writer.write(mountFiles.spiffeHelper(svid, both));
    const reader = await open();
    const count = (): number | undefined =>
      reader.source.current.bundles.get(reader.source.current.svid.id.trustDomain)?.authorities.length;
    expect(count()).toBe(2);

    // Cut off after the first certificate, it looks like a smaller bundle.
    const rotation = writer.begin(mountFiles.spiffeHelper(svid, both));
    await reader.silence(() => rotation.runTo('write:svid_bundle.pem:1'));
    expect(count()).toBe(2);
    await reader.silence(() => rotation.finish());
    expect(count()).toBe(2);

    // A bundle that is really smaller, and stays so.
    await reader.silence(() => writer.write(mountFiles.spiffeHelper(svid, ca)));
    expect(count()).toBe(2);
    clock.advance(1_999);
    await reader.source.check();
    expect(count()).toBe(2);
    clock.advance(1);
    await reader.source.check();
    expect(count()).toBe(1);
    expect(reader.reasons()).toEqual(['first load', 'bundles']);
  },
);

for (const gapMs of [500, 60_000]) {
  scenario(
    16,
    `keeps the last good identity while the files are gone for ${gapMs} ms`,
    async ({ path, open, secret }) => {
      const writer = renameWriter(path('mount'));
      await writer.write(await secret({ path: '/0' }));
      const reader = await open();
      await reader.silence(async () => {
        for (const name of ['tls.crt', 'tls.key', 'ca.crt']) await rm(path(`mount/${name}`));
      });
      await reader.pass(gapMs, Math.max(gapMs / 10, 100));
      expect(reader.source.current.svid.id.path).toBe('/0');
      expect(reader.source.health()).toMatchObject({ status: 'fresh', ready: true });
      expect(reader.source.health().lastError).toMatchObject({
        code: 'ERR_MOUNT_NOT_FOUND',
        file: path('mount/tls.crt'),
      });
      // Half a second can be a rewrite; a minute is news.
      const told = reader.errors.filter(({ code }) => code === 'ERR_MOUNT_NOT_FOUND');
      expect(told.length > 0).toBe(gapMs > 2_000);

      const files = await secret({ path: '/1' });
      expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/1');
      expect(reader.source.health().lastError).toBeUndefined();
    },
  );
}
