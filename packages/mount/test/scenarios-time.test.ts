// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { inPlaceWriter, kubeletWriter, mountFiles, renameWriter } from '@svidkit/testkit';
import { expect } from 'vitest';

import { scenario } from './scenario.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

scenario(32, 'never puts an expired SVID in the place of a good one', async ({ ca, path, open, clock }) => {
  const writer = kubeletWriter(path('mount'));
  const stale = await ca.issue({ path: '/stale', lifetimeMs: MINUTE });
  clock.advance(2 * MINUTE);
  await writer.write(mountFiles.secret(await ca.issue({ path: '/good' }), ca));
  const reader = await open();
  await reader.silence(() => writer.write(mountFiles.secret(stale, ca)));
  expect(reader.source.current.svid.id.path).toBe('/good');
  expect(reader.source.health().lastError).toMatchObject({
    code: 'ERR_SVID_EXPIRED',
    file: path('mount/tls.crt'),
  });
  expect(reader.errors.filter(({ code }) => code === 'ERR_SVID_EXPIRED')).toHaveLength(1);
});

scenario(32, 'does not open with an expired SVID', async ({ ca, path, open, clock }) => {
  const writer = kubeletWriter(path('mount'));
  await writer.write(mountFiles.secret(await ca.issue({ lifetimeMs: MINUTE }), ca));
  clock.advance(2 * MINUTE);
  await expect(open({ wait: 0 })).rejects.toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: { code: 'ERR_SVID_EXPIRED' },
  });
});

scenario(
  32,
  'holds an SVID that begins later, and uses it from its first instant',
  async ({ ca, path, open, clock }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(mountFiles.secret(await ca.issue({ path: '/now' }), ca));
    const reader = await open();
    const later = await ca.issue({
      path: '/later',
      notBefore: new Date(clock.now() + 10 * MINUTE),
      lifetimeMs: HOUR,
    });
    await reader.silence(() => writer.write(mountFiles.secret(later, ca)));
    expect(reader.source.health().lastError).toMatchObject({ code: 'ERR_SVID_NOT_YET_VALID' });
    // Also not in the five minutes before, in which one of unknown history would be taken.
    await reader.pass(later.notBefore - clock.now() - MINUTE);
    const { both } = await ca.rotate();
    await reader.update(() => writer.write(mountFiles.secret(later, both)));
    expect(reader.source.current.svid.id.path).toBe('/now');
    await reader.pass(later.notBefore - clock.now() - 1, 2 * MINUTE);
    expect(reader.source.current.svid.id.path).toBe('/now');
    await reader.pass(1);
    expect(reader.source.current.svid.id.path).toBe('/later');
    expect(reader.source.health().lastError).toBeUndefined();
  },
);

scenario(
  32,
  'takes an SVID at once that begins up to five minutes later by our clock',
  async ({ ca, path, open, clock }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(mountFiles.secret(await ca.issue({ path: '/0' }), ca));
    const reader = await open();
    const files = mountFiles.secret(
      await ca.issue({ path: '/1', notBefore: new Date(clock.now() + 4 * MINUTE), lifetimeMs: HOUR }),
      ca,
    );
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/1');
  },
);

scenario(32, 'survives a clock that jumps ahead and back', async ({ ca, path, open, clock }) => {
  const writer = kubeletWriter(path('mount'));
  await writer.write(mountFiles.secret(await ca.issue({ path: '/0' }), ca));
  const reader = await open();
  const right = clock.now();
  clock.set(right + 3 * HOUR);
  expect(() => reader.source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EXPIRED' }));
  await reader.source.check();
  expect(reader.source.health()).toMatchObject({ status: 'expired', ready: false });

  clock.set(right);
  await reader.source.check();
  expect(reader.source.current.svid.id.path).toBe('/0');
  expect(reader.source.health()).toMatchObject({ status: 'fresh', ready: true, lastError: undefined });

  // Before the beginning of our own SVID: nothing better is there.
  clock.set(right - HOUR);
  await reader.source.check();
  expect(reader.source.current.svid.id.path).toBe('/0');
  clock.set(right);
  const files = mountFiles.secret(await ca.issue({ path: '/1' }), ca);
  expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/1');
});

scenario(
  34,
  'goes from fresh over overdue and critical to expired when renewal stalls',
  async ({ ca, path, open, clock }) => {
    const writer = kubeletWriter(path('mount'), { fileMode: 0o440 });
    const svid = await ca.issue({ lifetimeMs: HOUR });
    await writer.write(mountFiles.secret(svid, ca));
    const reader = await open();
    const at = (minutes: number): number => svid.notBefore + minutes * MINUTE - clock.now();
    const statuses = (): readonly string[] => reader.healths.map(({ status }) => status);
    expect(statuses()).toEqual(['fresh']);
    expect(reader.source.health().problems).toEqual([]);

    await reader.pass(at(49.9), 10 * MINUTE);
    expect(reader.source.health().status).toBe('fresh');
    await reader.pass(at(50.1));
    expect(reader.source.health()).toMatchObject({ status: 'overdue', ready: true });
    expect(reader.source.health().problems.join()).toContain('should have been renewed');
    await reader.pass(at(54.1));
    expect(reader.source.health()).toMatchObject({ status: 'critical', ready: false });
    expect(reader.source.current.generation).toBe(1);
    await reader.pass(at(61));
    expect(reader.source.health()).toMatchObject({ status: 'expired', ready: false, generation: 0 });
    expect(() => reader.source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EXPIRED' }));
    expect(statuses()).toEqual(['fresh', 'overdue', 'critical', 'expired']);
    expect(reader.reasons()).toEqual(['first load', 'expired']);

    const files = mountFiles.secret(await ca.issue({ path: '/again' }), ca);
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/again');
    await reader.source.check();
    expect(reader.source.health()).toMatchObject({ status: 'fresh', ready: true, problems: [] });
    expect(statuses()).toEqual(['fresh', 'overdue', 'critical', 'expired', 'fresh']);
  },
);

scenario(34, 'readiness can follow another state than critical', async ({ ca, path, open, clock }) => {
  const svid = await ca.issue({ lifetimeMs: HOUR });
  await kubeletWriter(path('mount')).write(mountFiles.secret(svid, ca));
  const strict = await open({ unreadyAt: 'overdue' });
  const lenient = await open({ unreadyAt: 'expired' });
  clock.advance(51 * MINUTE);
  expect(strict.source.health()).toMatchObject({ status: 'overdue', ready: false });
  clock.advance(5 * MINUTE);
  expect(lenient.source.health()).toMatchObject({ status: 'critical', ready: true });
});

scenario(
  37,
  'a mount that its writer has lost shows as overdue and critical before it ends',
  async ({ ca, path, open, clock }) => {
    const svid = await ca.issue({ lifetimeMs: HOUR });
    await kubeletWriter(path('mount')).write(mountFiles.secret(svid, ca));
    const reader = await open();
    // What the writer writes now goes elsewhere.
    await reader.silence(async () =>
      kubeletWriter(path('elsewhere')).write(mountFiles.secret(await ca.issue(), ca)),
    );
    await reader.pass(svid.notBefore + 52 * MINUTE - clock.now());
    expect(reader.source.health()).toMatchObject({ status: 'overdue', ready: true });
    await reader.pass(3 * MINUTE);
    expect(reader.source.health()).toMatchObject({ status: 'critical', ready: false });
    expect(reader.source.health().problems.join()).toContain('see whether its writer still runs');
  },
);

scenario(
  43,
  'follows SVIDs that live for one second, and a rotation long before it is due',
  async ({ ca, path, open, clock }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(mountFiles.secret(await ca.issue({ path: '/0' }), ca));
    const reader = await open({ pollIntervalMs: 100 });
    for (let index = 1; index <= 5; index++) {
      const svid = await ca.issue({ path: `/${index}`, lifetimeMs: 1_000 });
      const files = mountFiles.secret(svid, ca);
      const passed = reader.updates.length;
      await writer.write(files);
      await reader.source.check();
      expect(reader.updates.length).toBe(passed + 1);
      expect(reader.source.current.svid.id.path).toBe(`/${index}`);
      clock.advance(400);
    }
    await reader.pass(3_000);
    expect(() => reader.source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EXPIRED' }));
  },
);

scenario(44, 'says nothing of files that are written again as they were', async ({ ca, path, open }) => {
  const files = mountFiles.secret(await ca.issue(), ca);
  for (const writer of [inPlaceWriter(path('mount')), renameWriter(path('mount'))]) {
    await writer.write(files);
    const reader = await open();
    const before = reader.source.current;
    await reader.silence(() => writer.write(files));
    await reader.silence(() => writer.write(files));
    expect(reader.source.current).toBe(before);
    expect(reader.reasons()).toEqual(['first load']);
    expect(reader.source.health().lastError).toBeUndefined();
  }
});
