import { mkdir, writeFile } from 'node:fs/promises';

import { mountFiles, renameWriter, type TestBundle, type TestSvid } from '@svidkit/testkit';
import { describe, expect, test } from 'vitest';

import { type LayoutName, layoutsFor, WELL_KNOWN_DIRECTORIES } from '../src/layout.ts';
import { testFixture } from './test-fixture.ts';

type Render = (svid: TestSvid, bundle: TestBundle) => Record<string, string>;

const bundleOf = (svid: TestSvid): string => svid.keyPem + svid.certPem;
const cases: readonly (readonly [title: string, layout: LayoutName, render: Render])[] = [
  ['a Kubernetes secret or csi-driver', 'kubernetes-secret', mountFiles.secret],
  ['spiffe-helper', 'spiffe-helper', mountFiles.spiffeHelper],
  [
    'spiffe-helper with bundle.pem',
    'spiffe-helper',
    (svid, { bundlePem }) => ({
      'svid.pem': svid.certPem,
      'svid_key.pem': svid.keyPem,
      'bundle.pem': bundlePem,
    }),
  ],
  ['Istio', 'istio', mountFiles.istio],
  ['GCE', 'gce', mountFiles.gce],
  ['a PodCertificate credential bundle', 'pod-certificate', mountFiles.credentialBundle],
  [
    'a PodCertificate credential bundle without hyphen',
    'pod-certificate',
    (svid, { bundlePem }) => ({ 'credentialbundle.pem': bundleOf(svid), 'trust-bundle.pem': bundlePem }),
  ],
  [
    'a PodCertificate with key and chain',
    'pod-certificate',
    (svid, { bundlePem }) => ({
      'key.pem': svid.keyPem,
      'certificates.pem': svid.certPem,
      'ca.crt': bundlePem,
    }),
  ],
  ['the filesystem draft', 'spiffe-filesystem', mountFiles.filesystemDraft],
  ...[
    'credential-bundle.private-key.pem',
    'x509.credential-bundle.private-key.pem',
    'credential-bundle.x509.pem',
    'credential-bundle.pem',
  ].flatMap((identity) =>
    [
      '.spiffe-trust-bundle.pem',
      '.trust-bundle.pem',
      '.spiffe-trust-bundle.x509.pem',
      '.trust-bundle.x509.pem',
    ].map(
      (suffix) =>
        [
          `the filesystem draft as ${identity} and *${suffix}`,
          'spiffe-filesystem' as const,
          ((svid, { bundlePem, trustDomain }) => ({
            [identity]: bundleOf(svid),
            [`${trustDomain}${suffix}`]: bundlePem,
          })) satisfies Render,
        ] as const,
    ),
  ),
];

describe('layouts are told apart by their files (FS-02, FS-03, FS-07)', () => {
  test.each(cases)('%s', async (_, layout, render) => {
    const fixture = await testFixture('poll');
    await renameWriter(fixture.path('mount')).write(render(await fixture.ca.issue(), fixture.ca));
    const { source } = await fixture.open({ wait: 0 });
    expect(source.layout).toBe(layout);
    expect(source.directory).toBe(fixture.path('mount'));
    expect(source.chainVerified).toBe(true);
  });

  test('the directory of csi-driver-spiffe tells it from a secret', () => {
    for (const directory of [
      '/var/run/secrets/spiffe.io',
      '/run/secrets/spiffe.io',
      '/var/run/secrets/spiffe.io/sub',
    ]) {
      expect(layoutsFor(directory).map(({ name }) => name)).toContain('csi-driver-spiffe');
    }
    expect(layoutsFor('/var/run/secrets/spiffe.io-other').map(({ name }) => name)).not.toContain(
      'csi-driver-spiffe',
    );
  });

  test('a layout can be asked for, and then no other is taken', async () => {
    const fixture = await testFixture('poll');
    const svid = await fixture.ca.issue();
    await renameWriter(fixture.path('mount')).write({
      ...mountFiles.secret(svid, fixture.ca),
      ...mountFiles.gce(svid, fixture.ca),
    });
    expect((await fixture.open({ wait: 0 })).source.layout).toBe('kubernetes-secret');
    expect((await fixture.open({ wait: 0, layout: 'gce' })).source.layout).toBe('gce');
    await expect(fixture.open({ wait: 0, layout: 'istio' })).rejects.toMatchObject({
      cause: { code: 'ERR_MOUNT_NOT_FOUND', file: fixture.path('mount') },
    });
  });
});

describe('the directory is found', () => {
  test('by the option before the environment, by the environment before the well-known ones (FS-01)', async () => {
    const fixture = await testFixture('poll');
    for (const name of ['option', 'environment', 'well-known']) {
      await renameWriter(fixture.path(name)).write(await fixture.secret({ path: `/${name}` }));
    }
    const env = { SPIFFE_CREDENTIAL_FOLDER: fixture.path('environment') };
    const searchDirectories = [fixture.path('nothing'), fixture.path('well-known')];
    const idWith = async (options: object): Promise<string> =>
      (await fixture.open({ wait: 0, ...options })).source.current.svid.id.path;
    expect(await idWith({ directory: fixture.path('option'), env, searchDirectories })).toBe('/option');
    expect(await idWith({ directory: '', env, searchDirectories })).toBe('/environment');
    expect(await idWith({ directory: '', env: { SPIFFE_CREDENTIAL_FOLDER: '' }, searchDirectories })).toBe(
      '/well-known',
    );
  });

  test('and never another one than the environment names', async () => {
    const fixture = await testFixture('poll');
    await renameWriter(fixture.path('well-known')).write(await fixture.secret());
    await expect(
      fixture.open({
        directory: '',
        wait: 0,
        env: { SPIFFE_CREDENTIAL_FOLDER: fixture.path('nothing') },
        searchDirectories: [fixture.path('well-known')],
      }),
    ).rejects.toMatchObject({ code: 'ERR_SOURCE_TIMEOUT' });
  });

  test('and a broken identity in it never makes way for the next directory', async () => {
    const fixture = await testFixture('poll');
    await renameWriter(fixture.path('first')).write({ ...(await fixture.secret()), 'tls.key': 'broken' });
    await renameWriter(fixture.path('second')).write(await fixture.secret());
    await expect(
      fixture.open({
        directory: '',
        wait: 0,
        searchDirectories: [fixture.path('first'), fixture.path('second')],
      }),
    ).rejects.toMatchObject({ cause: { file: fixture.path('first/tls.key') } });
  });

  test('the well-known directories begin with that of the filesystem draft', () => {
    expect(WELL_KNOWN_DIRECTORIES).toEqual([
      '/run/secrets/workload-spiffe-credentials',
      '/var/run/secrets/workload-spiffe-credentials',
      '/var/run/secrets/spiffe.io',
      '/etc/certs',
    ]);
  });
});

describe('explicit files', () => {
  test('may be anywhere, and bundles are named by trust domain', async () => {
    const fixture = await testFixture('poll');
    const { ca, path } = fixture;
    const svid = await ca.issue();
    await mkdir(path('a'));
    await mkdir(path('b'));
    await writeFile(path('a/chain'), svid.certPem);
    await writeFile(path('b/private'), svid.keyPem);
    await writeFile(path('b/roots'), ca.bundlePem);
    const options = { directory: '', wait: 0, files: { cert: path('a/chain'), key: path('b/private') } };
    const byTrustDomain = await fixture.open({ ...options, bundles: { 'prod.example': path('b/roots') } });
    expect(byTrustDomain.source.layout).toBe('explicit');
    expect(byTrustDomain.source.chainVerified).toBe(true);
    const byName = await fixture.open({ ...options, files: { ...options.files, ca: path('b/roots') } });
    expect(byName.source.chainVerified).toBe(true);
    await expect(fixture.open(options)).rejects.toMatchObject({
      cause: { code: 'ERR_MOUNT_NOT_FOUND', hint: 'Name the file with option files.ca or option bundles.' },
    });
  });

  test('may be relative to the directory, also one credential bundle', async () => {
    const fixture = await testFixture('poll');
    const svid = await fixture.ca.issue();
    await renameWriter(fixture.path('mount')).write({
      'sub/both.pem': bundleOf(svid),
      'roots.pem': fixture.ca.bundlePem,
    });
    const { source } = await fixture.open({
      wait: 0,
      files: { credentialBundle: 'sub/both.pem', ca: 'roots.pem' },
    });
    expect(source.current.svid.id.path).toBe('/workload');
    expect(source.directory).toBe(fixture.path('mount/sub'));
  });
});
