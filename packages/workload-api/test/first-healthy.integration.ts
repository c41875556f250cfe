import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { status as Status } from '@grpc/grpc-js';
import { firstHealthy } from '@svidkit/core';
import { openMountedX509Source } from '@svidkit/mount';
import { kubeletWriter, mountFiles, startFakeWorkloadApi } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import { openWorkloadApiX509Source } from '../src/index.ts';
import { answer, ca, nextUpdate } from './fixture.ts';
import { startTraffic } from './mtls-traffic.ts';

test('from the mount to the Workload API and back, under traffic, without a failed request', async () => {
  const authority = await ca;
  const directory = await mkdtemp(join(tmpdir(), 'svidkit-swap-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const writer = kubeletWriter(directory);
  const mounted = async () =>
    writer.write(mountFiles.secret(await authority.issue({ path: '/mounted' }), authority));
  await mounted();
  await using api = await startFakeWorkloadApi();
  api.fetchX509Svid.send(await answer(['/from-api']));
  const mount = await openMountedX509Source({ directory, pollIntervalMs: 50 });
  const workloadApi = await openWorkloadApiX509Source({
    address: api.address,
    backoff: { initialMs: 2, maxMs: 10 },
  });
  await using source = firstHealthy([workloadApi, mount]);
  await using traffic = await startTraffic(source, source);
  const paths: string[] = [];
  source.onUpdate((context) => paths.push(context?.svid.id.path ?? 'nothing'));
  for (let round = 0; round < 5; round++) {
    // The Workload API withdraws its identity: the mount steps in.
    const withdrawn = nextUpdate(source);
    api.fetchX509Svid.refuse(Status.PERMISSION_DENIED);
    expect((await withdrawn)?.svid.id.path).toBe('/mounted');
    await traffic.more(20);
    const renewed = nextUpdate(source);
    await mounted();
    await renewed;
    await traffic.more(20);
    // And it gives one again.
    const back = nextUpdate(source);
    api.fetchX509Svid.send(await answer(['/from-api']));
    expect((await back)?.svid.id.path).toBe('/from-api');
    await traffic.more(20);
  }
  expect(traffic.failures).toEqual([]);
  expect(traffic.answered).toBeGreaterThanOrEqual(300);
  expect(paths).toEqual(Array.from({ length: 5 }, () => ['/mounted', '/mounted', '/from-api']).flat());
  expect(traffic.identities.size).toBeGreaterThanOrEqual(10);
}, 60_000);

test('a mount whose writer has stopped gives way to the Workload API before its SVID ends, without a failed request', async () => {
  const authority = await ca;
  const directory = await mkdtemp(join(tmpdir(), 'svidkit-swap-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const writer = kubeletWriter(directory);
  await writer.write(
    mountFiles.secret(await authority.issue({ path: '/mounted', lifetimeMs: 5_000 }), authority),
  );
  await using api = await startFakeWorkloadApi();
  api.fetchX509Svid.send(await answer(['/from-api']));
  const mount = await openMountedX509Source({ directory, pollIntervalMs: 50 });
  const workloadApi = await openWorkloadApiX509Source({ address: api.address });
  await using source = firstHealthy([mount, workloadApi]);
  await using traffic = await startTraffic(source, source);
  await traffic.more(20);
  expect(source.current.svid.id.path).toBe('/mounted');
  expect((await nextUpdate(source))?.svid.id.path).toBe('/from-api');
  await traffic.more(20);

  const back = nextUpdate(source);
  await writer.write(mountFiles.secret(await authority.issue({ path: '/mounted' }), authority));
  expect((await back)?.svid.id.path).toBe('/mounted');
  await traffic.more(20);
  expect(traffic.failures).toEqual([]);
}, 60_000);
