import assert from 'node:assert/strict';

import { inspect } from '../inspect.ts';
import { type Scenario } from '../scenario.ts';
import { until } from '../until.ts';
import {
  join,
  type Member,
  openWorld,
  requireFailure,
  SHORT_TTL,
  type User,
  USERS,
  workloadOf,
  type World,
} from '../world.ts';

const AUDIENCE = 'service';
const MEMBERS = ['alice', 'bob', 'carol'] as const;
const DENIED = /which is running, but no identity is registered for this process/;

/** One agent, one socket, several users: each has what is its own, whatever becomes of the others. */
export const localUsers: Scenario = {
  name: 'local-users',
  via: 'Workload API',
  shows:
    'processes of three local users get X.509 and JWT of their own and never of another, also when they ask for it; a fourth is told that nobody registered it',
  async play(stage) {
    const world = await openWorld(stage);
    const members = await Promise.all(MEMBERS.map((user) => join(world, user, 'Workload API')));
    for (const member of members) {
      await requireOwnAlone(world, member);
      const { exitCode, report } = await inspect(stage, world.agent, USERS[member.user]);
      assert.equal(exitCode, 0, JSON.stringify(report.problems));
      assert.deepEqual(
        report.workloadApi?.identities.map(({ spiffeId }) => spiffeId),
        [member.id],
      );
    }
    await refuseStranger(world);

    // Entries come and go, and SVIDs rotate: everybody goes on with their own.
    const [, bob] = members;
    assert(bob);
    let entry = bob.entry;
    for (let round = 0; round < 3; round += 1) {
      const before = await Promise.all(members.map(serialsOf));
      await world.server.deleteEntry(entry);
      await until('bob has lost its identity', async () => (await lastOf(bob)) === undefined);
      entry = await world.server.createEntry({
        path: '/bob',
        parentId: world.agent.id,
        uid: USERS.bob,
        ttl: SHORT_TTL,
      });
      await until('bob has an identity again', async () => (await lastOf(bob)) !== undefined);
      await until('all have rotated', async () =>
        (await Promise.all(members.map(serialsOf))).every((count, i) => count > (before[i] ?? 0)),
      );
    }
    for (const { id, workload } of members) assert.deepEqual((await workload.history()).ids, [id]);

    const mallory = workloadOf(world, 'mallory');
    const opening = mallory.open();
    await until('mallory is told why it waits', async () =>
      (await mallory.troubles()).includes('ERR_WORKLOAD_API_DENIED'),
    );
    await register(world, 'mallory');
    const late = world.server.id('/mallory');
    assert.equal((await opening).id, late, 'once registered, who waited has its identity');
    await requireOwnAlone(world, { id: late, workload: mallory });
    for (const member of members) await requireOwnAlone(world, member);
    return `${members.length + 1} users, each with one ID and one token; others' tokens refused`;
  },
};

/** X.509 and JWT: all that the agent has for it is its own, and that of another is refused. */
async function requireOwnAlone(
  { server }: World,
  { id, workload }: Pick<Member, 'id' | 'workload'>,
): Promise<void> {
  const own = { ok: true, value: [{ id, hint: undefined }] };
  assert.deepEqual(await workload.listSvids(), own, `X.509-SVIDs of ${id}`);
  assert.deepEqual(await workload.listTokens(AUDIENCE), own, `JWT-SVIDs of ${id}`);
  assert.deepEqual(await workload.listTokens(AUDIENCE, id), own, `the JWT-SVID of ${id} by name`);
  for (const other of Object.keys(USERS)) {
    const theirs = server.id(`/${other}`);
    if (theirs === id) continue;
    requireFailure(await workload.listTokens(AUDIENCE, theirs), { code: 'ERR_WORKLOAD_API_DENIED' });
  }
}

/** A user whom nobody registered. */
async function refuseStranger(world: World): Promise<void> {
  const mallory = workloadOf(world, 'mallory');
  requireFailure(await mallory.attempt(1_000), {
    code: 'ERR_SOURCE_TIMEOUT',
    reason: 'ERR_WORKLOAD_API_DENIED',
    words: DENIED,
  });
  const { exitCode, report } = await inspect(world.stage, world.agent, USERS.mallory);
  assert.equal(exitCode, 1);
  assert.deepEqual(report.workloadApi?.identities, []);
  assert.deepEqual(
    report.problems.map(({ code }) => code),
    ['ERR_WORKLOAD_API_DENIED'],
  );
  assert.match(report.problems[0]?.message ?? '', DENIED);
  for (const asked of [
    await mallory.listSvids(),
    await mallory.listTokens(AUDIENCE),
    await mallory.listTokens(AUDIENCE, world.server.id('/alice')),
  ]) {
    requireFailure(asked, { code: 'ERR_WORKLOAD_API_DENIED', words: DENIED });
  }
}

async function register({ server, agent }: World, user: User): Promise<string> {
  return server.createEntry({ path: `/${user}`, parentId: agent.id, uid: USERS[user], ttl: SHORT_TTL });
}

async function serialsOf({ workload }: Member): Promise<number> {
  return (await workload.history()).serials.length;
}

async function lastOf({ workload }: Member): Promise<string | undefined> {
  return (await workload.history()).serials.at(-1);
}
