import assert from 'node:assert/strict';

import { type Scenario } from '../scenario.ts';
import { SpiffeHelper } from '../spiffe-helper.ts';
import { until } from '../until.ts';
import { startWorkload, type Workload } from '../workload/workload.ts';
import {
  awaitRotations,
  openWorld,
  SHORT_TTL,
  startTrafficOf,
  type User,
  USERS,
  type World,
} from '../world.ts';

/** The group of spiffe-helper: by it SPIRE tells it from the workload, and gives both SVIDs of their own. */
const HELPERS = 61_100;

interface Swapper {
  readonly id: string;
  readonly workload: Workload;
  readonly helper: SpiffeHelper;
}

/** Identities that come from files, then from the Workload API, then from files again. */
export const sourceSwap: Scenario = {
  name: 'source-swap',
  via: 'both',
  shows: 'files go stale and the Workload API takes over, then files come back; no request fails',
  async play(stage) {
    const world = await openWorld(stage);
    const both = [await prepare(world, 'alice'), await prepare(world, 'bob')] as const;
    const use = (files: boolean, what: string) =>
      until(what, async () => (await Promise.all(both.map(usesFiles))).every((one) => one === files));

    await use(true, 'both use their files');
    const traffic = await startTrafficOf(...both);
    await awaitRotations(traffic, 2);
    for (const { helper } of both) await helper.kill();
    await use(false, 'both use the Workload API, once the files have expired');
    await awaitRotations(traffic, 2);
    assert.deepEqual(await Promise.all(both.map(usesFiles)), [false, false]);
    for (const { helper } of both) await helper.restart();
    await use(true, 'both use their files again');
    await awaitRotations(traffic, 2);
    return traffic.finish();
  },
};

async function prepare({ stage, server, agent }: World, user: User): Promise<Swapper> {
  const uid = USERS[user];
  const entry = { path: `/${user}`, parentId: agent.id, uid, ttl: SHORT_TTL };
  await server.createEntry({ ...entry, gid: HELPERS });
  await server.createEntry({ ...entry, gid: uid });
  const helper = await SpiffeHelper.start(stage, agent, { uid, gid: HELPERS });
  const workload = startWorkload(stage, {
    uid,
    from: [
      { kind: 'mount', directory: helper.directory },
      { kind: 'workload-api', address: `unix://${agent.socket}` },
    ],
  });
  return { id: (await workload.open()).id, workload, helper };
}

async function usesFiles({ workload, helper }: Swapper): Promise<boolean> {
  return (await workload.identity()).fingerprint === (await helper.fingerprint());
}
