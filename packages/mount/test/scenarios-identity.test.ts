// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { type SpiffeErrorCode } from '@svidkit/core';
import {
  createTestCa,
  inPlaceWriter,
  kubeletWriter,
  type LeafDefect,
  mountFiles,
  renameWriter,
  type TestSvid,
} from '@svidkit/testkit';
import { expect } from 'vitest';

import { scenario } from './scenario.ts';

scenario(17, 'takes up a renewed certificate for the same key', async ({ ca, path, open }) => {
  const writer = renameWriter(path('mount'), { skipUnchanged: true });
  const old = await ca.issue();
  await writer.write(mountFiles.secret(old, ca));
  const reader = await open();
  const renewed = await ca.issue({ key: old.keyPair, lifetimeMs: 7_200_000 });
  const rotation = writer.begin(mountFiles.secret(renewed, ca));
  expect(rotation.steps).not.toContain('rename:tls.key');
  const { svid } = await reader.update(() => rotation.finish());
  expect(svid.notAfter).toBe(renewed.notAfter);
  expect(reader.reasons()).toEqual(['first load', 'rotation']);
});

scenario(18, 'takes up a changed intermediate under the same leaf', async ({ ca, path, open }) => {
  const first = await ca.intermediate({ name: 'first' });
  const leaf = await first.issue();
  const writer = kubeletWriter(path('mount'));
  await writer.write(mountFiles.secret(leaf, ca));
  const reader = await open();
  const second = await ca.crossSign(first);
  const files = mountFiles.secret(leaf, ca);
  const [leafPem = ''] = leaf.certPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  const { svid } = await reader.update(() => writer.write({ ...files, 'tls.crt': leafPem + second.pem }));
  expect(svid.certificates.map(({ der }) => Buffer.from(der))).toEqual(
    [leaf.chainDer[0], second.der].map((der) => Buffer.from(der ?? [])),
  );
  expect(svid.fingerprint).toBe(leaf.svid().fingerprint);
});

scenario(
  19,
  'never uses a key that does not belong to the certificate, tells it, and heals',
  async ({ ca, path, open, clock }) => {
    const writer = kubeletWriter(path('mount'));
    const good = await ca.issue({ path: '/0' });
    await writer.write(mountFiles.secret(good, ca));
    const reader = await open();
    const stranger = await ca.issue({ path: '/1' });
    const torn = { ...mountFiles.secret(good, ca), 'tls.key': stranger.keyPem };
    await reader.silence(() => writer.write(torn));
    expect(reader.source.health().lastError).toMatchObject({
      code: 'ERR_SVID_KEY_MISMATCH',
      file: path('mount/tls.crt'),
    });
    expect(reader.source.health().lastError?.message).toContain(path('mount/tls.crt'));

    await reader.pass(3_000, 500);
    const mismatches = (): readonly string[] =>
      reader.errors.filter(({ code }) => code === 'ERR_SVID_KEY_MISMATCH').map(({ message }) => message);
    expect(mismatches()).toHaveLength(1);
    await reader.pass(60_000, 2_000);
    expect(mismatches()).toHaveLength(2);
    expect(mismatches()[1]).toContain('for more than 60 s');
    expect(reader.source.current.svid.id.path).toBe('/0');

    const files = mountFiles.secret(stranger, ca);
    clock.advance(1);
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/1');
    expect(reader.source.health().lastError).toBeUndefined();
  },
);

scenario(
  20,
  'outlasts 40 minutes of a mismatched pair, and still takes up a new bundle meanwhile',
  async ({ ca, path, open, clock }) => {
    const writer = kubeletWriter(path('mount'));
    const old = await ca.issue({ path: '/0', lifetimeMs: 2 * 3_600_000 });
    await writer.write(mountFiles.secret(old, ca));
    const reader = await open();
    const stranger = await ca.issue({ path: '/1' });
    const { next, both } = await ca.rotate();
    const published = { ...mountFiles.secret(old, both), 'tls.key': stranger.keyPem };
    const { bundles, svid } = await reader.update(() => writer.write(published));
    expect(bundles.require(svid.id.trustDomain).authorities).toHaveLength(2);
    expect(svid.id.path).toBe('/0');

    await reader.pass(40 * 60_000, 5 * 60_000);
    expect(reader.source.current.svid.id.path).toBe('/0');
    expect(reader.source.health()).toMatchObject({
      status: 'fresh',
      lastError: { code: 'ERR_SVID_KEY_MISMATCH' },
    });

    const healed = mountFiles.secret(await next.issue({ path: '/2' }), both);
    clock.advance(1);
    expect((await reader.update(() => writer.write(healed))).svid.id.path).toBe('/2');
  },
);

scenario(
  21,
  'accepts an older pair that is put back, and returns to the better one before the older one ends',
  async ({ ca, path, open, clock }) => {
    const writer = kubeletWriter(path('mount'));
    const older = await ca.issue({ lifetimeMs: 30 * 60_000 });
    clock.advance(10 * 60_000);
    const newer = await ca.issue({ lifetimeMs: 60 * 60_000 });
    await writer.write(mountFiles.secret(newer, ca));
    const reader = await open();

    const files = mountFiles.secret(older, ca);
    const { svid } = await reader.update(() => writer.write(files));
    expect(svid.notAfter).toBe(older.notAfter);
    expect(reader.reasons()).toEqual(['first load', 'regression']);
    expect(reader.source.fallbackInUse).toBe(false);

    await reader.pass(older.notAfter - clock.now() - 2_000);
    expect(reader.source.current.svid.notAfter).toBe(older.notAfter);
    await reader.pass(1_500);
    expect(reader.source.current.svid.notAfter).toBe(newer.notAfter);
    expect(reader.source.fallbackInUse).toBe(true);
    expect(reader.source.health().problems.join()).toContain('an older SVID is in use');
    expect(reader.reasons()).toEqual(['first load', 'regression', 'fallback']);
    // The pair on disk has ended and does not come back.
    await reader.pass(10_000, 1_000);
    expect(reader.source.current.svid.notAfter).toBe(newer.notAfter);
    expect(reader.source.health().lastError).toMatchObject({ code: 'ERR_SVID_EXPIRED' });

    const renewed = mountFiles.secret(await ca.issue({ path: '/workload' }), ca);
    await reader.update(() => writer.write(renewed));
    expect(reader.source.fallbackInUse).toBe(false);
    expect(reader.reasons()).toEqual(['first load', 'regression', 'fallback', 'rotation']);
  },
);

scenario(21, 'never falls back to another identity', async ({ ca, path, open, clock }) => {
  const writer = kubeletWriter(path('mount'));
  await writer.write(mountFiles.secret(await ca.issue({ path: '/a' }), ca));
  const reader = await open();
  const short = await ca.issue({ path: '/b', lifetimeMs: 60_000 });
  await reader.update(() => writer.write(mountFiles.secret(short, ca)));
  await reader.pass(short.notAfter - clock.now() + 1_000);
  expect(() => reader.source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EXPIRED' }));
});

type Render = (svid: TestSvid, rootPem: string, intermediatePem: string) => string;
const credentialBundles: readonly (readonly [string, Render, SpiffeErrorCode | undefined])[] = [
  ['key first', (svid) => svid.keyPem + svid.certPem, undefined],
  ['certificates first', (svid) => svid.certPem + svid.keyPem, undefined],
  ['root included', (svid, root) => svid.keyPem + svid.certPem + root, undefined],
  [
    'wrong order',
    (svid, root, intermediate) => svid.keyPem + intermediate + svid.certPem.replace(intermediate, ''),
    undefined,
  ],
  ['two keys', (svid) => svid.keyPem + svid.keyPem + svid.certPem, 'ERR_SVID_KEY_INVALID'],
  [
    'another kind of block',
    (svid) =>
      `${svid.keyPem}${svid.certPem}-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n`,
    'ERR_SVID_CERTIFICATE_INVALID',
  ],
  ['no key', (svid) => svid.certPem, 'ERR_SVID_KEY_INVALID'],
  ['no certificate', (svid) => svid.keyPem, 'ERR_SVID_CERTIFICATE_INVALID'],
];
for (const [name, render, code] of credentialBundles) {
  scenario(29, `credential bundle, ${name}: ${code ?? 'is used'}`, async ({ ca, path, open }) => {
    const intermediate = await ca.intermediate();
    const writer = renameWriter(path('mount'));
    const files = async (id: string, text: Render): Promise<Record<string, string>> => ({
      'credential-bundle.pem': text(await intermediate.issue({ path: id }), ca.pem, intermediate.pem),
      'ca.crt': ca.bundlePem,
    });
    await writer.write(await files('/0', (svid) => svid.keyPem + svid.certPem));
    const reader = await open();
    expect(reader.source.layout).toBe('pod-certificate');
    const next = await files('/1', render);
    if (code === undefined) {
      const { svid } = await reader.update(() => writer.write(next));
      expect(svid.id.path).toBe('/1');
      expect(svid.certificates).toHaveLength(2);
    } else {
      await reader.silence(() => writer.write(next));
      expect(reader.source.health().lastError).toMatchObject({
        code,
        file: path('mount/credential-bundle.pem'),
      });
      expect(reader.source.current.svid.id.path).toBe('/0');
    }
  });
}

scenario(
  29,
  'a leaf alone, with its intermediate in the bundle file, is used as it is',
  async ({ ca, path, open }) => {
    const intermediate = await ca.intermediate();
    const svid = await intermediate.issue();
    const [leafPem = ''] = svid.certPem.split(/(?<=-----END CERTIFICATE-----\n)/);
    await inPlaceWriter(path('mount')).write({
      'svid.pem': leafPem,
      'svid_key.pem': svid.keyPem,
      'svid_bundle.pem': ca.pem + intermediate.pem,
    });
    const reader = await open();
    const { svid: mounted, bundles } = reader.source.current;
    expect(mounted.certificates).toHaveLength(1);
    expect(bundles.require(mounted.id.trustDomain).authorities).toHaveLength(2);
    expect(reader.source.chainVerified).toBe(true);
  },
);

scenario(
  29,
  'the filesystem draft wants the key first, then certificates and nothing else (FS-02)',
  async ({ ca, path, open }) => {
    const writer = renameWriter(path('mount'));
    const svid = await ca.issue({ path: '/0' });
    const files = mountFiles.filesystemDraft(svid, ca);
    const name = 'credential-bundle.private-key.pem';
    await writer.write(files);
    const reader = await open();
    expect(reader.source.layout).toBe('spiffe-filesystem');
    for (const text of [svid.certPem + svid.keyPem, `${svid.keyPem}a comment\n${svid.certPem}`]) {
      await reader.silence(() => writer.write({ ...files, [name]: text }));
      expect(reader.source.health().lastError).toMatchObject({
        code: 'ERR_PEM_INVALID',
        file: path(`mount/${name}`),
      });
    }
    const next = await ca.issue({ path: '/1' });
    const { svid: mounted } = await reader.update(() => writer.write(mountFiles.filesystemDraft(next, ca)));
    expect(mounted.id.path).toBe('/1');
  },
);

for (const encoding of ['PKCS#1', 'SEC1', 'SEC1 with EC PARAMETERS', 'PKCS#8', 'Ed25519'] as const) {
  scenario(30, `reads a key in ${encoding}`, async ({ ca, path, open }) => {
    const keyType = encoding === 'PKCS#1' ? 'rsa2048' : encoding === 'Ed25519' ? 'ed25519' : 'p256';
    const svid = await ca.issue({ keyType });
    const keyEncoding = encoding === 'PKCS#8' || encoding === 'Ed25519' ? 'pkcs8' : 'traditional';
    const files = mountFiles.secret(svid, ca, { keyEncoding });
    if (encoding === 'SEC1 with EC PARAMETERS') {
      const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
      files['tls.key'] = parameters + (files['tls.key'] ?? '');
    }
    await renameWriter(path('mount')).write(files);
    const reader = await open();
    expect(reader.source.current.svid.privateKey.asymmetricKeyType).toBe(svid.key.asymmetricKeyType);
    expect(reader.source.chainVerified).toBe(true);
  });
}

scenario(
  30,
  'refuses an encrypted key and goes on with the last good one',
  async ({ ca, path, open, secret }) => {
    const writer = renameWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open();
    const next = await ca.issue();
    const encrypted = next.key.export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    });
    await reader.silence(() =>
      writer.write({ ...mountFiles.secret(next, ca), 'tls.key': encrypted.toString() }),
    );
    expect(reader.source.health().lastError).toMatchObject({
      code: 'ERR_SVID_KEY_ENCRYPTED',
      file: path('mount/tls.key'),
    });
    expect(reader.source.current.svid.id.path).toBe('/0');
  },
);

scenario(31, 'takes up SVIDs of other key types at rotation', async ({ ca, path, open }) => {
  const writer = kubeletWriter(path('mount'));
  await writer.write(mountFiles.secret(await ca.issue(), ca));
  const reader = await open();
  for (const keyType of ['rsa2048', 'p384', 'ed25519', 'p256'] as const) {
    const files = mountFiles.secret(await ca.issue({ keyType }), ca);
    const { svid } = await reader.update(() => writer.write(files));
    expect(svid.leaf.keyType).toBe(
      { rsa2048: 'RSA 2048', p384: 'EC P-384', ed25519: 'Ed25519', p256: 'EC P-256' }[keyType],
    );
  }
});

scenario(
  33,
  'takes up another path of the same trust domain, and says so',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/a' }));
    const reader = await open();
    const files = await secret({ path: '/b' });
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/b');
    expect(reader.reasons()).toEqual(['first load', 'identity changed']);
  },
);

scenario(
  33,
  'refuses another path when the identity may not change or was named',
  async ({ path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/a' }));
    const fixed = await open({ identityChange: 'never' });
    const named = await open({ expectedId: 'spiffe://prod.example/a', identityChange: 'any' });
    await writer.write(await secret({ path: '/b' }));
    for (const reader of [fixed, named]) {
      await reader.silence(async () => undefined);
      expect(reader.source.health().lastError).toMatchObject({
        code: 'ERR_MOUNT_IDENTITY',
        file: path('mount/tls.crt'),
      });
      expect(reader.source.health().lastError?.message).toMatch(
        /want spiffe:\/\/prod\.example\/a .*got spiffe:\/\/prod\.example\/b/,
      );
      expect(reader.source.current.svid.id.path).toBe('/a');
    }
  },
);

scenario(
  33,
  'refuses another trust domain, and leaves its authorities alone',
  async ({ clock, ca, path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret());
    const reader = await open();
    const other = await createTestCa({ trustDomain: 'other.example', clock });
    const files = mountFiles.secret(await other.issue(), other);
    await reader.silence(() => writer.write(files));
    expect(reader.source.health().lastError).toMatchObject({ code: 'ERR_MOUNT_IDENTITY' });
    const { svid, bundles } = reader.source.current;
    expect(svid.id.trustDomain.name).toBe('prod.example');
    expect(bundles.trustDomains.map(({ name }) => name)).toEqual(['prod.example']);
    expect(bundles.get(svid.id.trustDomain)?.has(ca.bundle().authorities[0] ?? svid.leaf)).toBe(true);

    const free = await open({ identityChange: 'any' });
    expect(free.source.current.svid.id.trustDomain.name).toBe('other.example');
    const back = await secret();
    const context = await free.update(() => writer.write(back));
    expect(context.svid.id.trustDomain.name).toBe('prod.example');
    expect(context.bundles.trustDomains.map(({ name }) => name)).toEqual(['prod.example']);
  },
);

const unfit: readonly (readonly [LeafDefect, SpiffeErrorCode])[] = [
  ['no-uri-san', 'ERR_SVID_URI_SAN'],
  ['two-uri-sans', 'ERR_SVID_URI_SAN'],
  ['uri-san-not-spiffe', 'ERR_SVID_URI_SAN'],
  ['no-path', 'ERR_SVID_URI_SAN'],
  ['leaf-is-ca', 'ERR_SVID_LEAF_PROFILE'],
  ['leaf-key-cert-sign', 'ERR_SVID_LEAF_PROFILE'],
];
for (const [defect, code] of unfit) {
  scenario(
    33,
    `refuses a certificate that is no X.509-SVID (${defect}) and goes on with the last good one`,
    async ({ ca, path, open, secret }) => {
      const writer = kubeletWriter(path('mount'));
      await writer.write(await secret({ path: '/0' }));
      const reader = await open();
      const files = mountFiles.secret(await ca.issue({ defects: [defect] }), ca);
      await reader.silence(() => writer.write(files));
      expect(reader.source.health().lastError?.code).toMatch(new RegExp(`^(${code}|ERR_SVID_)`));
      expect(reader.source.health().lastError?.code).toBe(code);
      expect(reader.source.current.svid.id.path).toBe('/0');
    },
  );
}

scenario(
  33,
  'does not take the CA of a certificate without SPIFFE ID for one of its own',
  async ({ clock, path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret());
    const reader = await open();
    const legacy = await createTestCa({ trustDomain: 'legacy.example', clock, id: '' });
    const files = mountFiles.secret(await legacy.issue({ defects: ['no-uri-san'] }), legacy);
    await reader.silence(() => writer.write(files));
    const { svid, bundles } = reader.source.current;
    expect(bundles.size).toBe(1);
    expect(
      bundles.get(svid.id.trustDomain)?.authorities.map(({ fingerprint256 }) => fingerprint256),
    ).not.toContain(legacy.bundle().authorities[0]?.fingerprint256);
  },
);

scenario(
  33,
  'refuses a certificate and key that belong together but to no issuer we know, when asked to wait for trust',
  async ({ clock, path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open({ deferUntilTrusted: true });
    const rogue = await createTestCa({ trustDomain: 'prod.example', clock });
    const files = await secret({ path: '/1' }, rogue);
    await reader.silence(() => writer.write(files));
    expect(reader.source.health().lastError?.code).toBe('ERR_CHAIN_UNTRUSTED');
    expect(reader.source.current.svid.id.path).toBe('/0');
  },
);
