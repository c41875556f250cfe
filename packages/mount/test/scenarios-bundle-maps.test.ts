import { rm } from 'node:fs/promises';

// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import {
  createTestCa,
  inPlaceWriter,
  kubeletWriter,
  mountFiles,
  renameWriter,
  type TestCa,
} from '@svidkit/testkit';
import { expect } from 'vitest';

import { type MountOptions } from '../src/mount-options.ts';
import { documentOf, type MapEntry, mapOf } from './bundle-documents.ts';
import { count, domains, MAP, OWN, PARTNER, partnerCa, trusts, WRITERS } from './bundles-in-use.ts';
import { scenario } from './scenario.ts';
import { stubWatch } from './stub-watch.ts';

for (const [name, make] of Object.entries(WRITERS)) {
  scenario(28, `follows a bundle map, by a writer that works by ${name} (B-16)`, async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const third = await createTestCa({ trustDomain: 'third.example', clock: fixture.clock });
    const writer = make(path('mount'));
    const svid = await ca.issue();
    const write = async (...bundles: readonly MapEntry[]): Promise<void> =>
      writer.write({ ...mountFiles.secret(svid, ca), [MAP]: mapOf(...bundles) });
    await write(partner);
    const reader = await open({ bundles: MAP });
    expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
    // Never merged.
    expect([count(reader), count(reader, PARTNER)]).toEqual([1, 1]);
    expect(reader.source.current.bundles.get(OWN)?.has(certificateOf(partner))).toBe(false);
    await reader.update(() => write(partner, third));
    expect(domains(reader)).toEqual(['partner.example', 'prod.example', 'third.example']);
    // The state of the world: what it does not have is not federated with any more.
    await reader.update(() => write(third));
    expect(domains(reader)).toEqual(['prod.example', 'third.example']);
    expect(reader.source.current.bundles.get(PARTNER)).toBeUndefined();
  });
}

function certificateOf(ca: TestCa): ReturnType<TestCa['bundle']>['authorities'][number] {
  const [authority] = ca.bundle().authorities;
  if (authority === undefined) throw new Error('a CA without a certificate');
  return authority;
}

scenario(
  26,
  'at each stop of a writer that overwrites, what is in use is one of two whole documents (B-16)',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const writer = inPlaceWriter(path('mount'), { cut: { [MAP]: 12 } });
    const svid = await ca.issue();
    const { next, both } = await ca.rotate();
    await writer.write({ ...mountFiles.secret(svid, ca), [MAP]: mapOf(both, partner) });
    await rm(path('mount/ca.crt'));
    const reader = await open({ bundles: MAP });
    const before = reader.source.current.bundles;
    const rotation = writer.begin({ [MAP]: mapOf(next) });
    for (const step of rotation.steps.slice(0, -1)) {
      await reader.silence(() => rotation.runTo(step));
      await reader.pass(5_000, 1_000);
      expect(reader.source.current.bundles).toBe(before);
      expect(reader.source.health().lastError).toMatchObject({
        code: 'ERR_BUNDLE_INVALID',
        file: path(`mount/${MAP}`),
      });
    }
    // Once for as long as it lasts.
    expect(reader.errors.filter(({ code }) => code === 'ERR_BUNDLE_INVALID')).toHaveLength(1);
    await reader.update(() => rotation.finish());
    expect([domains(reader), count(reader), trusts(reader, next)]).toEqual([['prod.example'], 1, true]);
    await reader.source.check();
    expect(reader.source.health().lastError).toBeUndefined();
  },
);

scenario(21, 'judges the age of each trust domain in a map by itself (F-04)', async (fixture) => {
  const { ca, path, open } = fixture;
  const partner = await partnerCa(fixture);
  const { next: newPartner, both: bothPartners } = await partner.rotate();
  const { next, both } = await ca.rotate();
  const writer = renameWriter(path('mount'));
  await writer.write(mountFiles.credentialBundle(await ca.issue(), ca));
  await rm(path('mount/ca.crt'));
  await writer.write({ [MAP]: mapOf([both, { sequence: 5n }], [bothPartners, { sequence: 5n }]) });
  const reader = await open({ bundles: MAP });
  expect([count(reader), count(reader, PARTNER)]).toEqual([2, 2]);
  // The partner cannot keep us from taking a root of ours out.
  await reader.update(() =>
    writer.write({ [MAP]: mapOf([next, { sequence: 6n }], [partner, { sequence: 4n }]) }),
  );
  await reader.source.check();
  expect([count(reader), count(reader, PARTNER), trusts(reader, ca)]).toEqual([1, 2, false]);
  expect(reader.source.health().lastError).toMatchObject({
    code: 'ERR_BUNDLE_SEQUENCE',
    message: expect.stringContaining('partner.example') as string,
  });
  // Whoever is gone and comes back may count anew.
  await reader.update(() => writer.write({ [MAP]: mapOf([next, { sequence: 6n }]) }));
  expect(domains(reader)).toEqual(['prod.example']);
  await reader.update(() =>
    writer.write({ [MAP]: mapOf([next, { sequence: 6n }], [newPartner, { sequence: 1n }]) }),
  );
  await reader.source.check();
  expect([count(reader, PARTNER), reader.source.health().lastError]).toEqual([1, undefined]);
});

scenario(
  28,
  'takes of a map in the place of one bundle that one alone, unless it is told to split it',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const third = await createTestCa({ trustDomain: 'third.example', clock: fixture.clock });
    const writer = kubeletWriter(path('mount'));
    const map = mapOf(ca, partner, third);
    await writer.write({ ...mountFiles.secret(await ca.issue(), ca), 'ca.crt': map });

    const alone = await open();
    expect([domains(alone), count(alone)]).toEqual([['prod.example'], 1]);
    expect(alone.errors).toContainEqual(
      expect.objectContaining({ code: 'ERR_BUNDLE_INVALID', file: path('mount/ca.crt') }),
    );
    expect(alone.source.health().problems.join()).toContain('those of partner.example, third.example');
    for (const bundles of [{ 'partner.example': 'ca.crt' }, { 'partner.example': path('mount/ca.crt') }]) {
      const named = await open({ bundles });
      expect([domains(named), count(named, PARTNER)]).toEqual([['partner.example', 'prod.example'], 1]);
    }
    // No authority of another trust domain is ever ours.
    const kept = await open({ foreignAuthorities: 'keep' });
    expect([domains(kept), count(kept)]).toEqual([['prod.example'], 1]);
    for (const options of [{ foreignAuthorities: 'split' }, { bundles: 'ca.crt' }] as const) {
      const all = await open(options);
      expect([domains(all), count(all)]).toEqual([['partner.example', 'prod.example', 'third.example'], 1]);
      expect(all.source.health().problems.join()).not.toContain('want the bundle of');
    }
  },
);

scenario(28, 'takes nothing from a map about a trust domain that has a file of its own', async (fixture) => {
  const { ca, path, open } = fixture;
  const stranger = await createTestCa({ trustDomain: 'prod.example', clock: fixture.clock });
  const writer = kubeletWriter(path('mount'));
  const svid = await ca.issue();
  await writer.write({ ...mountFiles.secret(svid, ca), [MAP]: mapOf(stranger) });
  const reader = await open({ bundles: MAP });
  expect([trusts(reader, ca), trusts(reader, stranger), count(reader)]).toEqual([true, false, 1]);
  // Nor when that file is empty.
  await reader.silence(() =>
    writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': '', [MAP]: mapOf(stranger) }),
  );
  expect([trusts(reader, ca), trusts(reader, stranger)]).toEqual([true, false]);
});

scenario(
  28,
  'keeps all bundles of a map that is broken, and ends the federations of a map that is gone',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const svid = await ca.issue();
    await kubeletWriter(path('mount')).write(mountFiles.secret(svid, ca));
    const writer = renameWriter(path('shared'));
    await writer.write({ [MAP]: mapOf(partner) });
    const reader = await open({ bundles: path(`shared/${MAP}`) });
    const before = reader.source.current;
    for (const broken of [
      '',
      '{"trust_domains":',
      documentOf(partner),
      partner.bundlePem,
      '{"trust_domains":{"Partner.example":{"keys":[]}}}',
      '{"trust_domains":{"partner.example":{"keys":[]},"partner.example":{"keys":[]}}}',
      '{"trust_domains":{"partner.example":{"keys":[{"kty":"EC","use":"x509-svid","x5c":["AAAA"]}]}}}',
    ]) {
      await reader.silence(() => writer.write({ [MAP]: broken }));
      await reader.pass(4_000, 1_000);
      expect(reader.source.current).toBe(before);
      expect(reader.source.health().lastError).toMatchObject({
        code: 'ERR_BUNDLE_INVALID',
        file: path(`shared/${MAP}`),
      });
    }
    // That file can be moved away and put back, so it has to stay away.
    await reader.silence(() => rm(path(`shared/${MAP}`)));
    expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
    await reader.pass(2_000);
    expect(domains(reader)).toEqual(['prod.example']);
    expect(reader.source.health().problems.join()).toContain('want a bundle map');
    await reader.update(() => writer.write({ [MAP]: mapOf(partner) }));
    expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
  },
);

scenario(
  28,
  'keeps our own bundle when the map loses us, is broken or is gone, and says so',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const writer = renameWriter(path('mount'));
    await writer.write(mountFiles.credentialBundle(await ca.issue(), ca));
    await rm(path('mount/ca.crt'));
    await writer.write({ [MAP]: mapOf(ca, partner) });
    const reader = await open({ bundles: MAP });
    for (const [spoil, code] of [
      [() => writer.write({ [MAP]: mapOf(partner) }), 'ERR_MOUNT_NOT_FOUND'],
      [() => writer.write({ [MAP]: mapOf(ca, partner).slice(0, -1) }), 'ERR_BUNDLE_INVALID'],
      [() => rm(path(`mount/${MAP}`)), 'ERR_MOUNT_NOT_FOUND'],
    ] as const) {
      await reader.silence(spoil);
      await reader.pass(1_000);
      expect([count(reader), reader.source.chainVerified]).toEqual([1, true]);
      expect(reader.source.health().lastError).toMatchObject({ code, file: path(`mount/${MAP}`) });
      await writer.write({ [MAP]: mapOf(ca, partner) });
      await reader.pass(12_000);
      expect(reader.source.health().lastError).toBeUndefined();
    }
  },
);

scenario(
  28,
  'keeps what it split off a file while that file is broken, be it PEM or a map',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const svid = await ca.issue();
    for (const text of [ca.bundlePem + partner.bundlePem, mapOf(ca, partner)]) {
      const writer = kubeletWriter(path('mount'));
      const write = async (bundle: string): Promise<void> =>
        writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': bundle });
      await write(text);
      const reader = await open({ foreignAuthorities: 'split' });
      await reader.silence(() => write(text.slice(0, -20)));
      expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
      await reader.update(() => write(ca.bundlePem));
      expect(domains(reader)).toEqual(['prod.example']);
    }
  },
);

scenario(46, 'refuses a map that is too large, and keeps what it has', async (fixture) => {
  const { ca, path, open } = fixture;
  const partner = await partnerCa(fixture);
  const writer = kubeletWriter(path('mount'));
  const files = mountFiles.secret(await ca.issue(), ca);
  await writer.write({ ...files, [MAP]: mapOf(partner) });
  const reader = await open({ bundles: MAP });
  const huge = mapOf(partner).replace('{', `{"foo":"${'x'.repeat(1024 * 1024)}",`);
  await reader.silence(() => writer.write({ ...files, [MAP]: huge }));
  expect(domains(reader)).toEqual(['partner.example', 'prod.example']);
  expect(reader.source.health().lastError).toMatchObject({
    code: 'ERR_MOUNT_TOO_LARGE',
    file: path(`mount/${MAP}`),
  });
  const larger = await open({ bundles: MAP, maxFileBytes: 2 * 1024 * 1024 });
  expect(domains(larger)).toEqual(['partner.example', 'prod.example']);
});

scenario(47, 'waits for a map that has our bundle', async ({ ca, path, open }) => {
  const writer = renameWriter(path('mount'));
  await writer.write(mountFiles.credentialBundle(await ca.issue(), ca));
  await rm(path('mount/ca.crt'));
  await expect(open({ bundles: MAP, wait: 0 })).rejects.toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: { code: 'ERR_MOUNT_NOT_FOUND', file: path(`mount/${MAP}`) },
  });
  await writer.write({ [MAP]: mapOf(ca) });
  expect(count(await open({ bundles: MAP, wait: 0 }))).toBe(1);
});

scenario(
  43,
  'has no timer more, and one watch for each directory, however many bundles there are',
  async (fixture) => {
    const { ca, path, open, clock } = fixture;
    const partners = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        createTestCa({ trustDomain: `p${index}.example`, clock: fixture.clock }),
      ),
    );
    const files = { ...mountFiles.secret(await ca.issue(), ca), [MAP]: mapOf(...partners) };
    await renameWriter(path('mount')).write(files);
    await renameWriter(path('shared')).write({ [MAP]: mapOf(...partners) });
    const cost = async (options: MountOptions): Promise<readonly number[]> => {
      const stub = stubWatch();
      const before = clock.pending;
      const reader = await open(options, { watches: stub.watches });
      const counts = [clock.pending - before, stub.watches.size];
      expect(domains(reader)).toHaveLength(options.bundles === undefined ? 1 : 6);
      return counts;
    };
    const [timers, watches] = await cost({ watch: true });
    expect(watches).toBe(1);
    expect(await cost({ watch: true, bundles: MAP })).toEqual([timers, 1]);
    expect(await cost({ watch: true, bundles: path(`shared/${MAP}`) })).toEqual([timers, 2]);
  },
  { modes: ['inotify'] },
);
