// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import {
  createTestCa,
  createTestJwtAuthority,
  kubeletWriter,
  mountFiles,
  renameWriter,
} from '@svidkit/testkit';
import { expect } from 'vitest';

import { documentOf, emptyDocument, mapOf } from './bundle-documents.ts';
import { count, domains, OWN, partnerCa, trusts, WRITERS } from './bundles-in-use.ts';
import { scenario } from './scenario.ts';

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
}

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
  'a document of which nothing can be used is damaged, and revokes nothing: ours, a federated one, one in a map',
  async (fixture) => {
    const { ca, path, open } = fixture;
    const partner = await partnerCa(fixture);
    const third = await createTestCa({ trustDomain: 'third.example', clock: fixture.clock });
    const writer = kubeletWriter(path('mount'));
    const svid = await ca.issue();
    const files = mountFiles.secret(svid, ca);
    const good = { 'ca.crt': documentOf(ca), 'p.json': documentOf(partner), 'map.json': mapOf(third) };
    await writer.write({ ...files, ...good });
    const bundles = { 'partner.example': path('mount/p.json') };
    const byFile = await open({ bundles });
    const byMap = await open({ bundles: path('mount/map.json') });
    // A JWK Set of tokens, as other endpoints publish them: nothing in it says that it is for X.509-SVIDs.
    const others = Object.fromEntries(
      Object.entries(good).map(([name, text]) => [name, text.replaceAll('"use":"x509-svid",', '')]),
    );
    await byFile.silence(() => writer.write({ ...files, ...others }));
    await byMap.source.check();
    expect([trusts(byFile, ca), trusts(byFile, partner), trusts(byMap, third)]).toEqual([true, true, true]);
    for (const { source } of [byFile, byMap]) {
      expect(source.health().lastError?.code).toBe('ERR_BUNDLE_EMPTY');
      expect(source.health().problems.join()).toContain('none that counts: keys[0] is left out: unknown use');
    }
    const { next } = await ca.rotate();
    await byFile.update(() => writer.write({ ...files, ...good, 'ca.crt': documentOf(next) }));
    expect([trusts(byFile, ca), trusts(byFile, next)]).toEqual([false, true]);
  },
);

scenario(
  42,
  'warns of a bundle file that anybody can write, be it PEM or a document, and refuses it with strictPermissions',
  async ({ ca, path, open }) => {
    const svid = await ca.issue();
    const { both } = await ca.rotate();
    for (const text of [both.bundlePem, documentOf(both), mapOf(both)]) {
      const writer = renameWriter(path('mount'), { fileMode: 0o600 });
      await writer.write(mountFiles.secret(svid, ca));
      const strict = await open({ strictPermissions: true });
      await renameWriter(path('mount'), { fileMode: 0o666 }).write({ 'ca.crt': text });
      await strict.source.check();
      expect(count(strict)).toBe(1);
      expect(strict.source.health().lastError).toMatchObject({
        code: 'ERR_MOUNT_PERMISSIONS',
        file: path('mount/ca.crt'),
        hint: expect.stringContaining('whom we trust') as string,
      });
      const lax = await open();
      expect([count(lax), lax.source.health().lastError]).toEqual([2, undefined]);
      expect(lax.errors.map(({ code, file }) => [code, file])).toEqual([
        ['ERR_MOUNT_PERMISSIONS', path('mount/ca.crt')],
      ]);
      // As soon as it is as it should be, it is used.
      await strict.update(() => renameWriter(path('mount'), { fileMode: 0o644 }).write({ 'ca.crt': text }));
      expect([count(strict), strict.source.health().lastError]).toEqual([2, undefined]);
    }
  },
);
