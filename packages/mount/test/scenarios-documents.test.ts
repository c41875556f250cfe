import { rm } from 'node:fs/promises';

// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { TrustDomain } from '@svidkit/core';
import {
  createTestCa,
  createTestJwtAuthority,
  directorySwapWriter,
  inPlaceWriter,
  kubeletWriter,
  mountFiles,
  type MountWriter,
  renameWriter,
  type TestCa,
} from '@svidkit/testkit';
import { expect } from 'vitest';

import { documentOf, emptyDocument, type MapEntry, mapOf } from './bundle-documents.ts';
import { type OpenReader } from './open-reader.ts';
import { type ReaderFixture } from './reader-fixture.ts';
import { scenario } from './scenario.ts';

const OWN = TrustDomain.parse('prod.example');
const PARTNER = TrustDomain.parse('partner.example');
const MAP = 'bundles.json';

const WRITERS: Readonly<Record<string, (directory: string) => MountWriter>> = {
  kubelet: (directory) => kubeletWriter(directory),
  rename: (directory) => renameWriter(directory),
  'directory swap': (directory) => directorySwapWriter(directory),
  'in place': (directory) => inPlaceWriter(directory, { cut: { 'ca.crt': 5, [MAP]: 5 } }),
};

function count({ source }: OpenReader, trustDomain = OWN): number {
  return source.current.bundles.get(trustDomain)?.authorities.length ?? 0;
}

function domains({ source }: OpenReader): readonly string[] {
  return source.current.bundles.trustDomains.map(({ name }) => name);
}

/** Whether peers of `ca` are trusted. */
function trusts({ source }: OpenReader, ca: TestCa): boolean {
  const bundle = source.current.bundles.get(TrustDomain.parse(ca.trustDomain));
  return ca.bundle().authorities.every((authority) => bundle?.has(authority) === true);
}

function partnerCa({ clock }: ReaderFixture): Promise<TestCa> {
  return createTestCa({ trustDomain: 'partner.example', clock });
}

for (const [name, make] of Object.entries(WRITERS)) {
  scenario(
    23,
    `follows our own bundle as a document, by a writer that works by ${name}`,
    async ({ ca, path, open }) => {
      const writer = make(path('mount'));
      const svid = await ca.issue();
      const write = async (text: string): Promise<void> =>
        writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': text });
      const { next, both } = await ca.rotate();
      await write(documentOf(ca, { sequence: 1n, refreshHint: 60 }));
      const reader = await open();
      expect([count(reader), reader.source.chainVerified]).toEqual([1, true]);
      await reader.update(() => write(documentOf(both, { sequence: 2n })));
      expect(count(reader)).toBe(2);
      // What a document leaves out is gone at once, whoever writes it: half of one is none.
      await reader.update(() => write(documentOf(next, { sequence: 3n })));
      expect([count(reader), trusts(reader, next), trusts(reader, ca)]).toEqual([1, true, false]);
      expect(reader.reasons()).toEqual(['first load', 'bundles', 'bundles']);
      await reader.source.check();
      expect(reader.source.health()).toMatchObject({ ready: true, lastError: undefined });
      expect(reader.errors.filter(({ code }) => code.startsWith('ERR_BUNDLE'))).toEqual([]);
    },
  );

  scenario(28, `follows a bundle map, by a writer that works by ${name}`, async (fixture) => {
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
  'at each stop of a writer that overwrites, what is in use is one of two whole documents',
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

scenario(24, 'says nothing of a document that says the same in other words', async ({ ca, path, open }) => {
  const writer = kubeletWriter(path('mount'));
  const svid = await ca.issue();
  const { both } = await ca.rotate();
  const files = mountFiles.secret(svid, ca);
  await writer.write({ ...files, 'ca.crt': documentOf(both, { sequence: 1n }) });
  const reader = await open();
  const before = reader.source.current;
  const jwt = createTestJwtAuthority({ trustDomain: 'prod.example' });
  const { keys } = JSON.parse(documentOf(both)) as { keys: unknown[] };
  for (const text of [
    documentOf(both, { sequence: 2n, refreshHint: 1 }),
    documentOf(both, { sequence: 2n, jwt }),
    JSON.stringify({ foo: 1, keys: keys.toReversed(), spiffe_sequence: 3 }, null, 4),
    `\r\n\t ${documentOf(both, { sequence: 4n })}\n`,
    mapOf([both, { sequence: 5n }]),
    both.bundlePem,
  ]) {
    await reader.silence(() => writer.write({ ...files, 'ca.crt': text }));
    expect(reader.source.current).toBe(before);
    expect(reader.source.health()).toMatchObject({ lastError: undefined });
  }
  expect(reader.errors.filter(({ code }) => code.startsWith('ERR_BUNDLE'))).toEqual([]);
});

scenario(
  21,
  'ignores an older bundle and says so, and takes the next newer one (F-04)',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const { next, both } = await ca.rotate();
    const write = async (text: string): Promise<void> =>
      writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': text });
    // Beyond what a number can hold.
    const sequence = 2n ** 60n + 1n;
    await write(documentOf(both, { sequence }));
    const reader = await open();
    const before = reader.source.current;
    await reader.silence(() => write(documentOf(ca, { sequence: sequence - 1n })));
    await reader.pass(10_000, 1_000);
    expect(reader.source.current).toBe(before);
    expect(reader.source.health()).toMatchObject({
      ready: true,
      lastError: { code: 'ERR_BUNDLE_SEQUENCE', file: path('mount/ca.crt'), blame: 'environment' },
    });
    expect(reader.source.health().lastError?.message).toContain(`${sequence} of prod.example`);
    expect(reader.errors.filter(({ code }) => code === 'ERR_BUNDLE_SEQUENCE')).toHaveLength(1);
    await reader.update(() => write(documentOf(next, { sequence: sequence + 1n })));
    await reader.source.check();
    expect([count(reader), trusts(reader, next), reader.source.health().lastError]).toEqual([
      1,
      true,
      undefined,
    ]);
  },
);

scenario(
  21,
  'takes a bundle that changed under the same number, and says so (F-04)',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const { both } = await ca.rotate();
    await writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': documentOf(ca, { sequence: 7n }) });
    const reader = await open();
    await reader.update(() =>
      writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': documentOf(both, { sequence: 7n }) }),
    );
    expect(count(reader)).toBe(2);
    expect(reader.errors).toContainEqual(
      expect.objectContaining({
        code: 'ERR_BUNDLE_SEQUENCE',
        message: expect.stringContaining('7') as string,
      }),
    );
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
  25,
  'trusts nobody of ours any more when our own document has no authority, unlike with an empty file (B-07)',
  async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const files = mountFiles.secret(svid, ca);
    await writer.write({ ...files, 'ca.crt': documentOf(ca, { sequence: 1n }) });
    const reader = await open();
    await reader.silence(() => writer.write({ ...files, 'ca.crt': '' }));
    expect(count(reader)).toBe(1);
    expect(reader.source.health().lastError?.code).toBe('ERR_BUNDLE_EMPTY');

    await reader.update(() => writer.write({ ...files, 'ca.crt': emptyDocument(2n) }));
    await reader.pass(3_000, 1_000);
    expect(reader.source.current.bundles.get(OWN)?.isEmpty).toBe(true);
    expect(() => reader.source.current.bundles.require(OWN)).toThrow(
      expect.objectContaining({ code: 'ERR_BUNDLE_EMPTY' }),
    );
    expect(reader.source.chainVerified).toBe(false);
    expect(reader.source.health()).toMatchObject({
      lastError: { code: 'ERR_BUNDLE_EMPTY', file: path('mount/ca.crt') },
    });
    // An older one does not bring back what was revoked.
    await reader.silence(() => writer.write({ ...files, 'ca.crt': documentOf(ca, { sequence: 1n }) }));
    expect(count(reader)).toBe(0);
    await reader.update(() => writer.write({ ...files, 'ca.crt': documentOf(ca, { sequence: 3n }) }));
    await reader.source.check();
    expect([count(reader), reader.source.health().lastError]).toEqual([1, undefined]);
  },
);

for (const [what, text] of [
  ['no authority', () => emptyDocument()],
  ['authorities for JWT-SVIDs alone', () => jwtOnly()],
  ['a map without us', () => '{"trust_domains":{}}'],
] as const) {
  scenario(25, `never opens with a document that has ${what}`, async ({ ca, path, open }) => {
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    await writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': text() });
    await expect(open({ wait: 0 })).rejects.toMatchObject({
      code: 'ERR_SOURCE_TIMEOUT',
      cause: { file: path('mount/ca.crt'), message: expect.stringContaining('prod.example') as string },
    });
    await writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': documentOf(ca) });
    expect(count(await open({ wait: 0 }))).toBe(1);
  });
}

function jwtOnly(): string {
  const { keys } = JSON.parse(createTestJwtAuthority().jwks()) as { keys: Record<string, unknown>[] };
  return JSON.stringify({ keys: keys.map((key) => ({ ...key, use: 'jwt-svid' })) });
}

scenario(
  28,
  'federates by documents of the names that are configured, and by those of the draft (FS-03)',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const third = await createTestCa({ trustDomain: 'third.example', clock: fixture.clock });
    const writer = kubeletWriter(path('mount'));
    const files = {
      ...mountFiles.filesystemDraft(await ca.issue(), []),
      'prod.example.spiffe-trust-bundle.pem': documentOf(ca, { sequence: 1n }),
      'third.example.spiffe-trust-bundle.pem': documentOf(third),
      'p.json': documentOf(partner, { sequence: 9n }),
    };
    await writer.write(files);
    const reader = await open({ bundles: { 'partner.example': 'p.json' } });
    expect(domains(reader)).toEqual(['partner.example', 'prod.example', 'third.example']);
    expect([trusts(reader, ca), trusts(reader, partner), trusts(reader, third)]).toEqual([true, true, true]);
    const { next } = await partner.rotate();
    await reader.update(() => writer.write({ ...files, 'p.json': documentOf(next, { sequence: 10n }) }));
    await reader.source.check();
    expect([trusts(reader, next), trusts(reader, partner)]).toEqual([true, false]);
    // Without authorities is gone, too (Trust Domain and Bundle 4.1.3).
    await reader.update(() => writer.write({ ...files, 'p.json': emptyDocument(11n) }));
    await reader.source.check();
    expect(domains(reader)).toEqual(['prod.example', 'third.example']);
    await reader.silence(() => writer.write({ ...files, 'p.json': documentOf(partner, { sequence: 9n }) }));
    expect(reader.source.health().lastError?.code).toBe('ERR_BUNDLE_SEQUENCE');
  },
);

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
  'never takes the authorities of another trust domain in our document for ours',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const files = mountFiles.secret(svid, ca);
    await writer.write({ ...files, 'ca.crt': documentOf(ca) });
    const reader = await open();
    // The document of the wrong trust domain revokes nothing.
    await reader.silence(() => writer.write({ ...files, 'ca.crt': documentOf(partner) }));
    await reader.pass(3_000, 1_000);
    expect([count(reader), trusts(reader, ca), domains(reader)]).toEqual([1, true, ['prod.example']]);
    expect(reader.source.health().lastError).toMatchObject({ file: path('mount/ca.crt') });
    expect(reader.source.health().problems.join()).toContain('partner.example');
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
