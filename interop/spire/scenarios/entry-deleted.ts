import assert from 'node:assert/strict';

import { type Scenario, type Via } from '../scenario.ts';
import { until } from '../until.ts';
import { join, openWorld, USERS } from '../world.ts';

/** An identity that is taken away, and given back. */
export function entryDeleted(via: Via): Scenario {
  return {
    name: 'entry-deleted',
    via,
    shows:
      via === 'spiffe-helper'
        ? 'a user whose entry is deleted has no identity once the files expire; given back, it works again'
        : 'a user whose entry is deleted loses its identity at once; given back, it works again',
    async play(stage) {
      const world = await openWorld(stage);
      const alice = await join(world, 'alice', via);
      const bob = await join(world, 'bob', via);
      const [forBob, forAlice] = [
        await alice.workload.serveHttps({ authorize: bob.id }),
        await bob.workload.serveHttps({ authorize: alice.id }),
      ];
      const bobCalls = () =>
        bob.workload.callHttps({ target: `https://127.0.0.1:${forBob}/`, authorize: alice.id });
      const aliceCalls = () =>
        alice.workload.callHttps({ target: `https://127.0.0.1:${forAlice}/`, authorize: bob.id });
      assert.equal((await bobCalls()).ok, true, 'before, bob can call');
      assert.equal((await aliceCalls()).ok, true, 'before, bob can be called');

      const deleted = Date.now();
      await world.server.deleteEntry(bob.entry);
      await until(
        'bob has lost its identity',
        async () => (await bob.workload.history()).serials.at(-1) === undefined,
      );
      const took = Math.round((Date.now() - deleted) / 1000);
      const call = await bobCalls();
      assert.equal(call.ok, false, 'bob can no longer call');
      assert.match((call as { readonly code?: string }).code ?? '', /^ERR_SOURCE_/);
      assert.equal((await aliceCalls()).ok, false, 'bob can no longer be called');
      assert.equal((await bob.workload.history()).health, 'expired');
      assert.equal((await alice.workload.history()).health, 'fresh', 'alice is not concerned');

      await world.server.createEntry({
        path: '/bob',
        parentId: world.agent.id,
        uid: USERS.bob,
      });
      await until('bob can call again', async () => (await bobCalls()).ok);
      assert.equal((await aliceCalls()).ok, true, 'bob can be called again');
      return `gone after ${took} s, code ${(call as { readonly code?: string }).code}`;
    },
  };
}
