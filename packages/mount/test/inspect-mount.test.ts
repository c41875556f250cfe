import { spawnSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';

import {
  createTestCa,
  createTestJwtAuthority,
  kubeletWriter,
  mountFiles,
  renameWriter,
} from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { inspectMount, type MountReport } from '../src/index.ts';
import { documentOf, mapOf } from './bundle-documents.ts';
import { type ReaderFixture } from './reader-fixture.ts';
import { testFixture } from './test-fixture.ts';

function report(
  { clock, path }: ReaderFixture,
  options: Parameters<typeof inspectMount>[0] = {},
): Promise<MountReport> {
  return inspectMount({ directory: path('mount'), clock, env: {}, ...options });
}

test('tells all about a good mount', async () => {
  const fixture = await testFixture('poll');
  const { ca, path } = fixture;
  const intermediate = await ca.intermediate();
  const svid = await intermediate.issue();
  await kubeletWriter(path('mount'), { fileMode: 0o440 }).write(mountFiles.secret(svid, ca));
  const seen = await report(fixture);
  expect(seen).toMatchObject({
    usable: true,
    layout: 'kubernetes-secret',
    directory: path('mount'),
    candidates: [{ directory: path('mount'), layout: 'kubernetes-secret', problem: undefined }],
    identity: {
      id: 'spiffe://prod.example/workload',
      trustDomain: 'prod.example',
      notAfter: new Date(svid.notAfter).toISOString(),
      health: 'fresh',
      keyType: 'EC P-256',
      chainVerified: true,
      chain: [{ isCa: false, uriSans: ['spiffe://prod.example/workload'] }, { isCa: true }],
    },
    bundles: [
      {
        trustDomain: 'prod.example',
        path: path('mount/ca.crt'),
        format: 'pem',
        sequence: undefined,
        authorities: [{ isCa: true }],
        jwtKeyIds: [],
        skipped: [],
      },
    ],
    problems: [],
  });
  expect(
    seen.files.map(({ role, path: file, mode, exists, writer, type }) => ({
      role,
      file,
      mode,
      exists,
      writer,
      type,
    })),
  ).toEqual(
    (['certificate', 'key', 'bundle'] as const).map((role, index) => ({
      role,
      file: path(`mount/${['tls.crt', 'tls.key', 'ca.crt'][index]}`),
      mode: '0440',
      exists: true,
      writer: 'atomic-swap',
      type: 'a regular file',
    })),
  );
  expect(seen.files[1]?.resolvedPath).toMatch(/\/mount\/\.\.\d{4}_.*\/tls\.key$/);
  expect(structuredClone(seen)).toEqual(seen);
});

test('tells what is wrong, with code, file and the next step', async () => {
  const fixture = await testFixture('poll');
  const { ca, path } = fixture;
  const files = mountFiles.secret(await ca.issue(), ca);
  await renameWriter(path('mount'), { fileMode: 0o644 }).write({
    ...files,
    'tls.key': (await ca.issue()).keyPem,
  });
  const seen = await report(fixture);
  expect(seen).toMatchObject({
    usable: false,
    identity: undefined,
    problems: [
      { severity: 'error', code: 'ERR_SVID_KEY_MISMATCH', file: path('mount/tls.crt') },
      { severity: 'warning', code: 'ERR_MOUNT_PERMISSIONS', file: path('mount/tls.key') },
    ],
  });
  for (const { hint } of seen.problems) expect(hint).toBeTruthy();
  expect(seen.files.map(({ writer }) => writer)).toEqual(['direct', 'direct', 'direct']);
});

test('tells the bundle beside a torn pair as far as it is ours', async () => {
  const fixture = await testFixture('poll');
  const { ca, path } = fixture;
  const files = mountFiles.secret(await ca.issue(), ca);
  await renameWriter(path('mount'), { fileMode: 0o600 }).write({
    ...files,
    'tls.key': (await ca.issue()).keyPem,
  });
  expect((await report(fixture)).bundles).toMatchObject([{ trustDomain: 'prod.example' }]);
});

test('tells what a document and a bundle map say, and where they are', async () => {
  const fixture = await testFixture('poll');
  const { ca, clock, path } = fixture;
  const partner = await createTestCa({ trustDomain: 'partner.example', clock });
  const jwt = createTestJwtAuthority({ trustDomain: 'prod.example', keyId: 'j' });
  const writer = renameWriter(path('mount'), { fileMode: 0o600 });
  const entry = '{"kty":"EC","use":"x509-svid"}';
  await writer.write({
    ...mountFiles.secret(await ca.issue(), ca),
    'ca.crt': documentOf(ca, { sequence: 3n, jwt }).replace('"keys":[', `"keys":[${entry},`),
    'bundles.json': mapOf([partner, { sequence: 4n }], ca),
  });
  const seen = await report(fixture, { bundles: 'bundles.json' });
  expect(seen).toMatchObject({
    usable: true,
    bundles: [
      {
        trustDomain: 'prod.example',
        path: path('mount/ca.crt'),
        format: 'spiffe-bundle',
        sequence: '3',
        authorities: [{ isCa: true }],
        jwtKeyIds: ['j'],
        skipped: [expect.stringContaining('x5c')],
      },
      {
        trustDomain: 'partner.example',
        path: path('mount/bundles.json'),
        format: 'bundle-map',
        sequence: '4',
        authorities: [{ isCa: true }],
        skipped: [],
      },
    ],
    problems: [{ severity: 'warning', code: 'ERR_BUNDLE_INVALID', file: path('mount/ca.crt') }],
  });
  expect(seen.files.map(({ role, path: file }) => [role, file])).toEqual([
    ['certificate', path('mount/tls.crt')],
    ['key', path('mount/tls.key')],
    ['bundle', path('mount/ca.crt')],
    ['bundle', path('mount/bundles.json')],
  ]);
  expect(structuredClone(seen)).toEqual(seen);

  // A map that cannot be read is there all the same.
  await writer.write({ 'bundles.json': '{' });
  const broken = await report(fixture, { bundles: 'bundles.json' });
  expect(broken).toMatchObject({
    usable: false,
    bundles: [{ trustDomain: 'prod.example' }],
    problems: [{ severity: 'error', code: 'ERR_BUNDLE_INVALID', file: path('mount/bundles.json') }, {}],
  });
  expect(broken.files.at(-1)).toMatchObject({ path: path('mount/bundles.json'), exists: true, sizeBytes: 1 });
});

test('tells each place that it looked at when there is nothing', async () => {
  const fixture = await testFixture('poll');
  const { clock, path } = fixture;
  await mkdir(path('empty'));
  const seen = await inspectMount({ searchDirectories: [path('missing'), path('empty')], clock, env: {} });
  expect(seen).toMatchObject({
    usable: false,
    layout: undefined,
    directory: undefined,
    files: [],
    identity: undefined,
  });
  expect(seen.candidates.map(({ directory }) => directory)).toEqual([path('missing'), path('empty')]);
  expect(seen.problems.map(({ code }) => code)).toEqual(['ERR_MOUNT_NOT_FOUND', 'ERR_MOUNT_NOT_FOUND']);
});

test('tells an identity that peers would refuse, and one that is expired or about to be', async () => {
  const fixture = await testFixture('poll');
  const { ca, clock, path } = fixture;
  const { next } = await ca.rotate();
  const writer = renameWriter(path('mount'), { fileMode: 0o600 });
  const svid = await ca.issue({ lifetimeMs: 3_600_000 });
  await writer.write({ ...mountFiles.secret(svid, ca), 'ca.crt': next.bundlePem });
  const refused = await report(fixture);
  expect(refused).toMatchObject({ usable: true, identity: { chainVerified: false } });
  expect(refused.problems).toMatchObject([
    { severity: 'error', code: 'ERR_CHAIN_UNTRUSTED', file: path('mount/tls.crt') },
  ]);

  await writer.write(mountFiles.secret(svid, ca));
  clock.advance(55 * 60_000);
  expect(await report(fixture)).toMatchObject({ usable: true, identity: { health: 'critical' } });
  clock.advance(10 * 60_000);
  const expired = await report(fixture);
  expect(expired).toMatchObject({ usable: false, identity: { health: 'expired', chainVerified: false } });
  expect(expired.identity?.expiresInMs).toBeLessThan(0);
  // Once: that its chain has ended as well is no further problem.
  expect(expired.problems).toMatchObject([{ severity: 'error', code: 'ERR_SVID_EXPIRED' }]);
});

test('tells what was put right in a chain, and how links lead to files', async () => {
  const fixture = await testFixture('poll');
  const { ca, path } = fixture;
  const svid = await ca.issue();
  await renameWriter(path('real'), { fileMode: 0o600 }).write({
    ...mountFiles.secret(svid, ca),
    'tls.crt': svid.certPem + ca.pem,
  });
  await symlink(path('real'), path('mount'));
  const seen = await report(fixture);
  expect(seen.usable).toBe(true);
  expect(seen.problems).toMatchObject([
    { severity: 'warning', message: expect.stringContaining('self-signed root') as string },
  ]);
  expect(seen.files.map(({ writer }) => writer)).toEqual(['link', 'link', 'link']);
});

test('opens no FIFO', async () => {
  const fixture = await testFixture('poll');
  await mkdir(fixture.path('mount'));
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) spawnSync('mkfifo', [fixture.path(`mount/${name}`)]);
  const seen = await report(fixture);
  expect(seen.files.map(({ type }) => type)).toEqual(['a FIFO', 'a FIFO', 'a FIFO']);
  expect(seen.problems[0]?.code).toBe('ERR_MOUNT_FILE_TYPE');
});
