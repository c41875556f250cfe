import { execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type SvidkitEvents } from '@svidkit/core';
import { createTestJwtAuthority, kubeletWriter, type MountWriter } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import { openMountedJwtSource } from '../src/index.ts';

const authority = createTestJwtAuthority({ trustDomain: 'a.test' });

async function mounted(): Promise<MountWriter> {
  const root = await mkdtemp(join(tmpdir(), 'svidkit-jwt-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const writer = kubeletWriter(join(root, 'mount'), { fileMode: 0o400 });
  await writer.write(files(300_000));
  return writer;
}

function files(ttlMs: number): Readonly<Record<string, string>> {
  const bundles = { 'a.test': Buffer.from(authority.jwks()).toString('base64') };
  return {
    'payments.token': authority.issue({ subject: '/web', audience: 'payments', ttlMs }),
    'jwt_bundle.json': JSON.stringify(bundles),
  };
}

const OPTIONS = { svids: ['payments.token'], bundle: 'jwt_bundle.json' };

test.each([true, false])('FS-05: a rotation is noticed by itself (watch: %s)', async (watch) => {
  const writer = await mounted();
  const source = await openMountedJwtSource({ ...OPTIONS, directory: writer.directory, watch });
  onTestFinished(() => source.close());
  const updated = Promise.withResolvers<SvidkitEvents['svidkit:jwt.update']>();
  const onUpdate = (event: unknown): void => updated.resolve(event as SvidkitEvents['svidkit:jwt.update']);
  subscribe('svidkit:jwt.update', onUpdate);
  onTestFinished(() => void unsubscribe('svidkit:jwt.update', onUpdate));

  await writer.write(files(600_000));

  const { id, audience, expiry } = await updated.promise;
  const svid = await source.fetchJwtSvid({ audience: 'payments' });
  expect([id, audience, expiry]).toEqual(['spiffe://a.test/web', ['payments'], svid.expiry]);
  expect((await source.validateJwtSvid(svid.token, { audience: 'payments' })).verified).toBe(true);
});

test('an open source does not keep its process alive, and what it prints has no token', async () => {
  const writer = await mounted();
  const program = `
    import { openMountedJwtSource } from '@svidkit/mount';
    const source = await openMountedJwtSource(${JSON.stringify({ ...OPTIONS, directory: writer.directory })});
    const svid = await source.fetchJwtSvid({ audience: 'payments' });
    console.log(svid, String(svid), JSON.stringify({ svid, health: source.health() }), source);
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@svidkit/source', '--input-type=module', '--eval', program],
    { cwd: join(import.meta.dirname, '..') },
  );
  expect(stdout).toContain('spiffe://a.test/web');
  expect(stdout).not.toMatch(/eyJ/);
});
