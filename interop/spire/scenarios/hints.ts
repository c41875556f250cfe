import assert from 'node:assert/strict';

import { GoPeer } from '../go-peer.ts';
import { type Scenario } from '../scenario.ts';
import { until } from '../until.ts';
import { type Named } from '../workload/commands.ts';
import { type Workload } from '../workload/workload.ts';
import { join, openWorld, requireFailure, SHORT_TTL, USERS, workloadOf } from '../world.ts';

/** Several identities for one user, told apart by what their operator calls them. */
export const hints: Scenario = {
  name: 'hints',
  via: 'Workload API',
  shows:
    'one user has several identities: sources take theirs by hint, follow a hint that moves, and lose it or fall back when it is gone',
  async play(stage) {
    const world = await openWorld(stage);
    const { server, agent } = world;
    const idOf = (name: string): string => server.id(`/alice/${name}`);
    const entry = (name: string, hint?: string) => ({
      path: `/alice/${name}`,
      parentId: agent.id,
      uid: USERS.alice,
      ttl: SHORT_TTL,
      ...(hint === undefined ? {} : { hint }),
    });
    // SPIRE gives identities in the order of the numbers of their entries.
    const first = await server.createEntry({ ...entry('blue', 'outside'), entryId: 'a-blue' });
    const second = await server.createEntry({ ...entry('green', 'inside'), entryId: 'b-green' });
    await server.createEntry({ ...entry('red', 'inside'), entryId: 'c-red' });
    await server.createEntry({ ...entry('grey'), entryId: 'd-grey' });
    assert.deepEqual([first, second], ['a-blue', 'b-green']);

    // All of them, in their order; of two with the same hint the older one.
    const given = [
      { id: idOf('blue'), hint: 'outside' },
      { id: idOf('green'), hint: 'inside' },
      { id: idOf('grey'), hint: undefined },
    ];
    const asker = workloadOf(world, 'alice');
    await until('all entries have reached the agent', async () => isSame(await asker.listSvids(), given));
    assert.deepEqual(await asker.listTokens('service'), { ok: true, value: given });
    const go = await (await GoPeer.of(stage, agent, USERS.alice)).run(['list-x509']);
    assert.deepEqual(
      go['svids'],
      given.map(({ id, hint = '' }) => ({ id, hint })),
      'go-spiffe sees the same, in the same order',
    );

    const required = workloadOf(world, 'alice', { pick: { hint: 'inside' } });
    const falling = workloadOf(world, 'alice', { pick: { hint: 'inside', otherwise: 'first' } });
    const byId = workloadOf(world, 'alice', { pick: { id: idOf('grey') } });
    const plain = workloadOf(world, 'alice');
    const opened = await Promise.all([required, falling, byId, plain].map((one) => one.open()));
    assert.deepEqual(
      opened.map(({ id }) => id),
      ['green', 'green', 'grey', 'blue'].map(idOf),
    );
    const nobody = workloadOf(world, 'alice', { pick: { hint: 'elsewhere' } });
    requireFailure(await nobody.attempt(1_000), {
      code: 'ERR_SOURCE_TIMEOUT',
      reason: 'ERR_SOURCE_EMPTY',
      words: /want an identity with hint "elsewhere".*got .*\(hint "outside"\)/,
    });

    // The hint moves: from green to red, which had it too.
    const bob = await join(world, 'bob', 'Workload API');
    const port = await bob.workload.serveHttps({ authorize: idOf('red') });
    const call = { target: `https://127.0.0.1:${port}/`, authorize: bob.id };
    assert.equal((await required.callHttps(call)).ok, false, 'green is not let in');
    await server.updateEntry(second, entry('green', 'elsewhere'));
    await until('both have moved', async () =>
      (await Promise.all([required, falling].map(idOfSource))).every((id) => id === idOf('red')),
    );
    const answered = await required.callHttps(call);
    assert(answered.ok, answered.ok ? '' : answered.message);
    assert.deepEqual(JSON.parse(answered.answer), { peer: idOf('red') });

    // The hint goes: the one loses its identity, the other takes the default one.
    await server.updateEntry('c-red', entry('red'));
    await until('it is gone', async () => (await required.history()).serials.at(-1) === undefined);
    requireFailure(await required.callHttps(call), { code: 'ERR_SOURCE_EMPTY' });
    await until('the default one counts', async () => (await idOfSource(falling)) === idOf('blue'));

    // It comes back.
    await server.updateEntry('c-red', entry('red', 'inside'));
    await until('the one has it again', async () => (await required.callHttps(call)).ok);
    await until('and so has the other', async () => (await idOfSource(falling)) === idOf('red'));
    const ids = await Promise.all(
      [required, falling, byId, plain].map(async (one) => (await one.history()).ids),
    );
    assert.deepEqual(ids, [
      ['green', 'red'].map(idOf),
      ['green', 'red', 'blue'].map(idOf),
      [idOf('grey')],
      [idOf('blue')],
    ]);
    return 'moved, lost and found by hint; those who pick by ID or take the first never changed';
  },
};

function isSame(
  outcome: { readonly ok: boolean; readonly value?: unknown },
  want: readonly Named[],
): boolean {
  return JSON.stringify(outcome.value) === JSON.stringify(want);
}

/** The ID in use; undefined while there is none. */
async function idOfSource(workload: Workload): Promise<string | undefined> {
  const lost = (await workload.history()).serials.at(-1) === undefined;
  return lost ? undefined : (await workload.identity()).id;
}
