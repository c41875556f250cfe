import { writeFileSync } from 'node:fs';

// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { TrustDomain } from '@svidkit/core';
import {
  createTestCa,
  inPlaceWriter,
  kubeletWriter,
  mountFiles,
  renameWriter,
  type TestBundle,
  testBundle,
  type TestCa,
} from '@svidkit/testkit';
import { expect } from 'vitest';

import { type OpenReader } from './open-reader.ts';
import { scenario } from './scenario.ts';

const OWN = TrustDomain.parse('prod.example');

function count({ source }: OpenReader, trustDomain = OWN): number {
  return source.current.bundles.get(trustDomain)?.authorities.length ?? 0;
}

function domains({ source }: OpenReader): readonly string[] {
  return source.current.bundles.trustDomains.map(({ name }) => name);
}

scenario(
  22,
  'finds the bundle under its other name when the writer changes it, and says so',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const withBundle = async (name: string, bundle: TestBundle): Promise<Record<string, string>> => {
      const { 'ca.crt': pem = '', ...rest } = mountFiles.csiDriverSpiffe(await ca.issue(), bundle);
      return { ...rest, [name]: pem };
    };
    await writer.write(await withBundle('custom.pem', ca));
    const reader = await open({ files: { ca: 'custom.pem' } });
    const { both } = await ca.rotate();
    const flipped = await withBundle('ca.crt', both);
    await reader.update(() => writer.write(flipped));
    await reader.source.check();
    expect(count(reader)).toBe(2);
    expect(reader.errors.filter(({ code }) => code === 'ERR_MOUNT_NOT_FOUND')).toHaveLength(1);
    expect(reader.source.health().problems.join()).toContain(`got it in ${path('mount/ca.crt')} instead`);

    const back = await withBundle('custom.pem', both);
    await reader.update(() => writer.write(back));
    await reader.source.check();
    expect(count(reader)).toBe(2);
    expect(reader.source.health().problems.join()).not.toContain('instead');
  },
);

scenario(
  22,
  'keeps the last good bundle when it moves to a name that nobody told',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(mountFiles.secret(await ca.issue({ path: '/0' }), ca));
    const reader = await open();
    const { 'ca.crt': pem = '', ...rest } = mountFiles.secret(await ca.issue({ path: '/1' }), ca);
    const { svid } = await reader.update(() => writer.write({ ...rest, 'elsewhere.pem': pem }));
    expect(svid.id.path).toBe('/1');
    expect(count(reader)).toBe(1);
    await reader.source.check();
    expect(reader.source.health().lastError).toMatchObject({
      code: 'ERR_MOUNT_NOT_FOUND',
      file: path('mount/ca.crt'),
    });
    expect(reader.source.health().lastError?.hint).toContain('files.ca');
  },
);

scenario(23, 'takes up a changed bundle under an unchanged identity', async ({ ca, path, open }) => {
  const writer = kubeletWriter(path('mount'));
  const svid = await ca.issue();
  await writer.write(mountFiles.secret(svid, ca));
  const reader = await open();
  const before = reader.source.current;
  const { next, both } = await ca.rotate();
  const grown = await reader.update(() => writer.write(mountFiles.secret(svid, both)));
  expect(grown.svid).toBe(before.svid);
  expect(count(reader)).toBe(2);
  // From a writer that swaps whole generations, less is believed at once, too.
  await reader.update(() => writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': next.bundlePem }));
  expect(count(reader)).toBe(1);
  expect(reader.reasons()).toEqual(['first load', 'bundles', 'bundles']);
});

scenario(
  24,
  'says nothing of a bundle in another order, with comments, duplicates or CRLF',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const { next } = await ca.rotate();
    const { pem } = ca;
    await writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': pem + next.pem });
    const reader = await open();
    const before = reader.source.current;
    for (const text of [
      next.pem + pem,
      `# roots\n${pem}# next\n${next.pem}`,
      pem + next.pem + pem,
      (pem + next.pem).replaceAll('\n', '\r\n'),
    ]) {
      await reader.silence(() => writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': text }));
      expect(reader.source.current).toBe(before);
    }
    // The objects stay, too: what was verified with them need not be verified again.
    const renewed = mountFiles.secret(await ca.issue({ path: '/1' }), ca);
    const { bundles } = await reader.update(() => writer.write({ ...renewed, 'ca.crt': next.pem + pem }));
    expect(bundles).toBe(before.bundles);
  },
);

for (const [name, text] of [
  ['empty', ''],
  ['without any authority', undefined],
  ['no PEM', 'not a bundle\n'],
] as const) {
  scenario(25, `keeps the last good bundle when the file is ${name}`, async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue({ path: '/0' });
    await writer.write(mountFiles.secret(svid, ca));
    const reader = await open();
    const next = await ca.issue({ path: '/1' });
    const { svid: mounted } = await reader.update(() =>
      writer.write({ ...mountFiles.secret(next, ca), 'ca.crt': text ?? svid.certPem }),
    );
    expect(mounted.id.path).toBe('/1');
    expect(count(reader)).toBe(1);
    const code = text === 'not a bundle\n' ? 'ERR_BUNDLE_INVALID' : 'ERR_BUNDLE_EMPTY';
    expect(reader.source.health().lastError).toMatchObject({ code, file: path('mount/ca.crt') });
    await reader.pass(3_000, 1_000);
    expect(
      reader.errors.filter((error) => error.code === code && error.message.includes('want the trust bundle'))
        .length,
    ).toBe(code === 'ERR_BUNDLE_EMPTY' ? 1 : 0);
    expect(reader.errors.some((error) => error.code === code)).toBe(true);
  });
}

scenario(25, 'never opens with an empty bundle', async ({ ca, path, open }) => {
  const writer = kubeletWriter(path('mount'));
  const svid = await ca.issue();
  await writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': '' });
  await expect(open({ wait: 0 })).rejects.toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: { code: 'ERR_BUNDLE_EMPTY', file: path('mount/ca.crt') },
  });
  await writer.write(mountFiles.secret(svid, ca));
  const reader = await open({ wait: 0 });
  expect(count(reader)).toBe(1);
});

scenario(
  26,
  'keeps the last good bundle while the file is half written, and takes up the whole one',
  async ({ ca, path, open }) => {
    const writer = inPlaceWriter(path('mount'), { cut: { 'svid_bundle.pem': 'mid-block' } });
    const svid = await ca.issue();
    await writer.write(mountFiles.spiffeHelper(svid, ca));
    const reader = await open();
    const { both } = await ca.rotate();
    const rotation = writer.begin(mountFiles.spiffeHelper(svid, both));
    for (const step of ['truncate:svid_bundle.pem', 'write:svid_bundle.pem:1']) {
      await reader.silence(() => rotation.runTo(step));
      expect(count(reader)).toBe(1);
      expect(reader.source.health().lastError?.file).toBe(path('mount/svid_bundle.pem'));
    }
    await reader.update(() => rotation.finish());
    expect(count(reader)).toBe(2);
    expect(reader.source.health().lastError).toBeUndefined();
  },
);

scenario(
  27,
  'by default uses a leaf of a new CA before the bundle has it, and says that it is not trusted yet',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(mountFiles.secret(await ca.issue({ path: '/0' }), ca));
    const reader = await open();
    expect(reader.source.chainVerified).toBe(true);
    const { next, both } = await ca.rotate();
    const early = await next.issue({ path: '/1' });
    expect((await reader.update(() => writer.write(mountFiles.secret(early, ca)))).svid.id.path).toBe('/1');
    expect(reader.source.chainVerified).toBe(false);
    await reader.update(() => writer.write(mountFiles.secret(early, both)));
    expect(reader.source.chainVerified).toBe(true);
  },
);

scenario(
  27,
  'with deferUntilTrusted keeps the old pair until the bundle knows the new CA',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(mountFiles.secret(await ca.issue({ path: '/0' }), ca));
    const reader = await open({ deferUntilTrusted: true });
    const { next, both } = await ca.rotate();
    const early = await next.issue({ path: '/1' });
    await reader.silence(() => writer.write(mountFiles.secret(early, ca)));
    expect(reader.source.current.svid.id.path).toBe('/0');
    expect(reader.source.health().lastError?.code).toBe('ERR_CHAIN_UNTRUSTED');
    expect((await reader.update(() => writer.write(mountFiles.secret(early, both)))).svid.id.path).toBe('/1');
    expect(reader.source.health().lastError).toBeUndefined();
  },
);

scenario(
  27,
  'with deferUntilTrusted waits no longer than 10 minutes or half of what is left',
  async ({ ca, path, open, clock }) => {
    for (const [lifetimeMs, longestMs] of [
      [3_600_000, 600_000],
      [600_000, 300_000],
    ] as const) {
      const directory = path(`mount-${lifetimeMs}`);
      const writer = kubeletWriter(directory);
      const old = await ca.issue({ path: '/0', lifetimeMs });
      await writer.write(mountFiles.secret(old, ca));
      const reader = await open({ directory, deferUntilTrusted: true });
      const { next } = await ca.rotate();
      const startMs = clock.now();
      await reader.silence(async () => writer.write(mountFiles.secret(await next.issue({ path: '/1' }), ca)));
      const longest = Math.min(longestMs, (old.notAfter - startMs) / 2);
      await reader.pass(longest - (clock.now() - startMs) - 1_000);
      expect(reader.source.current.svid.id.path).toBe('/0');
      await reader.pass(15_000, 5_000);
      expect(reader.source.current.svid.id.path).toBe('/1');
      expect(reader.source.chainVerified).toBe(false);
    }
  },
);

scenario(
  27,
  'says that the own chain is not trusted any more when its CA leaves the bundle',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const { next, both } = await ca.rotate();
    await writer.write(mountFiles.secret(svid, both));
    const reader = await open();
    expect(reader.source.chainVerified).toBe(true);
    await reader.update(() => writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': next.bundlePem }));
    expect(reader.source.chainVerified).toBe(false);
    expect(
      reader.source.current.bundles
        .get(OWN)
        ?.has(ca.bundle().authorities[0] ?? reader.source.current.svid.leaf),
    ).toBe(false);
  },
);

const withFederation = async (own: TestCa, bundles: readonly TestBundle[]): Promise<Record<string, string>> =>
  mountFiles.filesystemDraft(await own.issue(), bundles);

scenario(
  28,
  'federates with each trust domain that has a file, and stops when the file is gone (FS-03, FS-06)',
  async ({ ca, clock, path, open }) => {
    const partner = await createTestCa({ trustDomain: 'partner.example', clock });
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const alone = mountFiles.filesystemDraft(svid, ca);
    const both = mountFiles.filesystemDraft(svid, [ca, partner]);
    await writer.write(alone);
    const reader = await open();
    expect(domains(reader)).toEqual(['prod.example']);
    await reader.update(() => writer.write(both));
    await reader.source.check();
    expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
    await reader.update(() => writer.write(alone));
    expect(domains(reader)).toEqual(['prod.example']);
    // Emptied is gone, too (Trust Domain and Bundle 4.1.3).
    await reader.update(() => writer.write(both));
    await reader.source.check();
    await reader.update(() => writer.write({ ...both, 'partner.example.spiffe-trust-bundle.pem': '' }));
    expect(domains(reader)).toEqual(['prod.example']);
  },
);

scenario(
  28,
  'keeps the last good bundle of a partner while its file is broken',
  async ({ ca, clock, path, open }) => {
    const partner = await createTestCa({ trustDomain: 'partner.example', clock });
    const writer = kubeletWriter(path('mount'));
    const files = await withFederation(ca, [ca, partner]);
    await writer.write(files);
    const reader = await open();
    const broken = partner.pem.slice(0, partner.pem.length / 2);
    await reader.silence(() => writer.write({ ...files, 'partner.example.spiffe-trust-bundle.pem': broken }));
    expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
    expect(reader.source.health().lastError).toMatchObject({
      code: 'ERR_PEM_INVALID',
      file: path('mount/partner.example.spiffe-trust-bundle.pem'),
    });
  },
);

scenario(
  28,
  'ends a federation after two seconds where files are removed one by one',
  async ({ ca, clock, path, open }) => {
    const partner = await createTestCa({ trustDomain: 'partner.example', clock });
    const writer = renameWriter(path('mount'));
    const svid = await ca.issue();
    await writer.write(mountFiles.istio(svid, ca));
    await writer.write({ 'partner.pem': partner.bundlePem });
    const reader = await open({ bundles: { 'partner.example': 'partner.pem' } });
    expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
    await reader.silence(() => writer.write({ 'partner.pem': '' }));
    expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
    await reader.pass(2_000);
    expect(domains(reader)).toEqual(['prod.example']);
  },
);

scenario(
  28,
  'never takes the authorities of another trust domain in a merged file for its own',
  async ({ ca, clock, path, open }) => {
    const partner = await createTestCa({ trustDomain: 'partner.example', clock });
    const files = mountFiles.spiffeHelperFederated(await ca.issue(), [ca, partner]);
    await inPlaceWriter(path('mount')).write(files);

    const skipping = await open();
    expect(domains(skipping)).toEqual(['prod.example']);
    expect(count(skipping)).toBe(1);
    expect(skipping.errors).toContainEqual(
      expect.objectContaining({ code: 'ERR_BUNDLE_INVALID', file: path('mount/svid_bundle.pem') }),
    );
    expect(skipping.source.health().problems.join()).toContain('partner.example');

    const splitting = await open({ foreignAuthorities: 'split' });
    expect(domains(splitting)).toEqual(['partner.example', 'prod.example']);
    expect(count(splitting)).toBe(1);
    expect(count(splitting, TrustDomain.parse('partner.example'))).toBe(1);

    const keeping = await open({ foreignAuthorities: 'keep' });
    expect(domains(keeping)).toEqual(['prod.example']);
    expect(count(keeping)).toBe(2);
  },
);

scenario(
  28,
  'leaves out bundle files whose names are no trust domains (FS-03)',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const files = await withFederation(ca, [ca]);
    await writer.write({
      ...files,
      'Partner.example.spiffe-trust-bundle.pem': ca.bundlePem,
      'a b.trust-bundle.pem': ca.bundlePem,
    });
    const reader = await open();
    expect(domains(reader)).toEqual(['prod.example']);
    expect(
      reader.source.health().problems.filter((problem) => problem.includes('want a trust domain')),
    ).toHaveLength(2);
  },
);

scenario(
  28,
  "leaves out files of the writer's own, whose names begin with two dots, although trust domains may",
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await withFederation(ca, [ca]));
    writeFileSync(path('mount/..evil.example.spiffe-trust-bundle.pem'), ca.bundlePem);
    writeFileSync(path('mount/.fine.example.spiffe-trust-bundle.pem'), ca.bundlePem);
    const reader = await open();
    expect(domains(reader)).toEqual(['.fine.example', 'prod.example']);
  },
);

scenario(28, 'adds at once and removes later when a file does both', async ({ ca, path, open }) => {
  const writer = inPlaceWriter(path('mount'));
  const svid = await ca.issue();
  const { next } = await ca.rotate();
  await writer.write(mountFiles.spiffeHelper(svid, ca));
  const reader = await open();
  await reader.update(() => writer.write({ 'svid_bundle.pem': testBundle(next).bundlePem }));
  expect(count(reader)).toBe(2);
  await reader.pass(2_000);
  expect(count(reader)).toBe(1);
  expect(reader.source.current.bundles.get(OWN)?.has(next.bundle().authorities[0] ?? svid.svid().leaf)).toBe(
    true,
  );
});
