import { rmSync } from 'node:fs';

import { member } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { Ended, want, wantSame } from '../ended.ts';
import { leafOf } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { MOUNT_OPS } from './mount-layout.ts';
import { opened, SPLIT, SWAPS } from './rotation.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;

/** How long sources live, what wakes them, and what they leave behind. */
export function rotationLifeDrafts(): readonly BehaviourDraft[] {
  return [...timeDrafts(), ...watchDrafts(), ...endDrafts()];
}

function timeDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 295,
      id: 'expiry/served-until-not-after',
      title:
        'an SVID that nobody renews is used until it ends and not longer, and a new one is used after that',
      why: 'services stop when their issuer does; they have to start again when it does',
      level: 'ref',
      spec: SPEC.expiry,
      ops: MOUNT_OPS,
      features: SPLIT,
      control: SWAPS,
      long: true,
      async script(world) {
        const { mount, source, first } = await opened(
          world,
          {},
          await world.pki.identity({ lifetimeMs: 3000 }),
        );
        await source.until({ state: 'empty' }, 'the end of its SVID');
        want(Date.now() >= first.svid.notAfter, 'the SVID was given up before its end');
        wantSame('the SVID in use after the end', member(await source.get(), 'leafSha256'), undefined);
        const next = await world.pki.identity();
        await mount.write(mount.files(next));
        await source.until({ leafSha256: leafOf(next.svid.chainDer) }, 'a new SVID');
      },
    },
    {
      row: 296,
      id: 'clock/expiry-timer-long',
      title: 'an SVID of thirty years is not taken for one that has ended',
      why: 'timers of 32 bits go off at once when they are set for longer than 24 days',
      level: 'ref',
      spec: SPEC.expiry,
      ops: MOUNT_OPS,
      features: [...SPLIT, 'events:source.update'],
      control: SWAPS,
      async script(world) {
        const { mount, source, first } = await opened(
          world,
          {},
          await world.pki.identity({ lifetimeMs: 30 * YEAR_MS }),
        );
        const next = await world.pki.identity({ lifetimeMs: 29 * YEAR_MS });
        await mount.write(mount.files(next));
        await source.toHave(next.svid);
        await world.event('the new SVID', ({ data }) => data['leafSha256'] === leafOf(next.svid.chainDer));
        const leaves = [first, next].map(({ svid }) => leafOf(svid.chainDer));
        wantSame('updates', [...new Set(source.updates)].toSorted(), leaves.toSorted());
        wantSame('the state', member(await source.get(), 'state'), 'ready');
      },
    },
  ];
}

function watchDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 297,
      id: 'watch/poll-alone',
      title: 'without events a change is found by looking, within two intervals',
      why: 'network and FUSE file systems give no events',
      level: 'ref',
      spec: SPEC.converges,
      ops: MOUNT_OPS,
      features: [...SPLIT, 'options:watch', 'options:pollMs'],
      control: SWAPS,
      async script(world) {
        const first = await world.pki.identity();
        const mount = world.mount();
        await mount.write(mount.files(first));
        const source = await world.open(mount, { watch: false, pollMs: 400 });
        await source.until({ state: 'ready' }, 'its first identity');
        for (let round = 0; round < 2; round++) {
          const next = await world.pki.identity();
          await mount.write(mount.files(next));
          await source.toHave(next.svid, 2 * 400 + 200);
        }
      },
    },
    {
      row: 297,
      id: 'watch/directory-replaced',
      title: 'a directory that is removed and made again is found again',
      why: 'watches are on directories that were there once, and say nothing about new ones of the same name',
      level: 'ref',
      spec: SPEC.converges,
      ops: MOUNT_OPS,
      features: SPLIT,
      control: SWAPS,
      async script(world) {
        const { mount, source } = await opened(world, { writer: 'in-place' });
        for (let round = 0; round < 2; round++) {
          const next = await world.pki.identity();
          rmSync(mount.directory, { recursive: true });
          await mount.write(mount.files(next));
          // What stands still is found by the next look, if no event comes.
          await source.toHave(next.svid, 2500);
        }
      },
    },
    {
      row: 300,
      id: 'two-sources/independent',
      title: 'two sources of one process do not mix',
      why: 'whatever is kept per process is shared by mistake',
      level: 'ref',
      spec: SPEC.separate,
      ops: [...MOUNT_OPS, 'server.start'],
      features: SPLIT,
      control: SWAPS,
      async script(world) {
        const [one, other] = [await opened(world), await opened(world, {}, await foreign(world))];
        const servers = [
          await world.serve(one.source, { authorize: { any: true } }),
          await world.serve(other.source, { authorize: { any: true } }),
        ] as const;
        const clients = [
          await (await world.pki.root()).issue(),
          await (await world.pki.root('b.test')).issue(),
        ] as const;
        const next = await world.pki.identity();
        await one.mount.write(one.mount.files(next));
        await one.source.toHave(next.svid);
        await other.source.has(other.first.svid, 'after a rotation of the other one');
        servers[0].presents(await servers[0].admits(clients[0]), next.svid, 'of the first source');
        servers[1].presents(await servers[1].admits(clients[1]), other.first.svid, 'of the second source');
        await servers[0].refuses(clients[1], 'a client of the other source');
        await servers[1].refuses(clients[0], 'a client of the other source');
      },
    },
  ];
}

function endDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 298,
      id: 'close/stops',
      title: 'a closed source tells nothing more, and its descriptors are given back',
      why: 'sources are opened per tenant or per test, and leak where they do not end',
      level: 'ref',
      spec: SPEC.separate,
      ops: [...MOUNT_OPS, 'source.close', 'source.stats'],
      features: [...SPLIT, 'stats:fds'],
      control: SWAPS,
      async script(world) {
        const round = async (): Promise<void> => {
          const { mount, source } = await opened(world);
          await source.close();
          // An event for it would break the protocol from now on.
          await mount.write(mount.files(await world.pki.identity()));
        };
        // What a process opens once for all, such as its queue of events, is there after the first one.
        for (let first = 0; first < 3; first++) await round();
        const before = await descriptors(world);
        for (let again = 0; again < 12; again++) await round();
        await settled(world, before + 3);
      },
    },
    {
      row: 298,
      id: 'close/process-may-exit',
      title: 'a process whose sources are closed ends when its input does',
      why: 'a timer or a watch that is left holds a process until it is killed',
      level: 'ref',
      spec: SPEC.separate,
      ops: [...MOUNT_OPS, 'source.close'],
      features: SPLIT,
      control: SWAPS,
      async script(world) {
        const { source } = await opened(world);
        await source.close();
        await world.restart();
      },
    },
    {
      row: 299,
      id: 'leak/1000-rotations',
      title: 'after a thousand rotations there are no more descriptors than before',
      why: 'an hour of lifetime and half a year of uptime are four thousand rotations',
      level: 'may',
      spec: SPEC.separate,
      ops: [...MOUNT_OPS, 'source.stats'],
      features: [...SPLIT, 'stats:fds'],
      control: SWAPS,
      long: true,
      async script(world) {
        const { mount, source } = await opened(world);
        const before = await descriptors(world);
        const ca = await world.pki.root();
        for (let round = 1; round <= 1000; round++) {
          const svid = await ca.issue({ path: '/port' });
          await mount.write(mount.files({ svid, bundles: [ca] }));
          if (round % 20 === 0) await source.toHave(svid);
        }
        await settled(world, before + 5);
      },
    },
  ];
}

async function descriptors(world: World): Promise<number> {
  const fds = member(await world.call('source.stats', {}), 'fds');
  if (typeof fds === 'number') return fds;
  throw new Ended({ kind: 'impossible', detail: 'the adapter cannot count descriptors here' });
}

/** Waits until there are at most so many descriptors: what is given back may take a turn. */
async function settled(world: World, most: number): Promise<void> {
  const end = performance.now() + world.patienceMs;
  let now = await descriptors(world);
  while (now > most && performance.now() < end) now = await descriptors(world);
  want(now <= most, `there are ${now} descriptors, and ${most} were the most that was to be expected`);
}

async function foreign(world: World): Promise<Parameters<typeof opened>[2]> {
  const ca = await world.pki.root('b.test');
  return { svid: await ca.issue({ path: '/port' }), bundles: [ca] };
}
