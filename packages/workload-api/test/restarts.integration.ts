import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { startFakeWorkloadApi } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { openWorkloadApiX509Source } from '../src/index.ts';
import { answer, nextUpdate } from './fixture.ts';
import { startTraffic } from './mtls-traffic.ts';

const RESTARTS = 100;
/** Caches and pools are full after these. */
const WARM_UP = 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function usage(): { readonly heap: number; readonly descriptors: number } {
  collect();
  return { heap: process.memoryUsage().heapUsed, descriptors: readdirSync('/proc/self/fd').length };
}

test.runIf(process.platform === 'linux')(
  `an agent that is restarted ${RESTARTS} times, each time with another identity, costs no request`,
  async () => {
    await using api = await startFakeWorkloadApi();
    api.fetchX509Svid.send(await answer(['/web']));
    const options = { address: api.address, backoff: { initialMs: 2, maxMs: 10 } };
    await using serving = await openWorkloadApiX509Source(options);
    await using calling = await openWorkloadApiX509Source(options);
    await using traffic = await startTraffic(serving, calling);
    await traffic.more(20);
    let before = usage();
    for (let restart = 1; restart <= RESTARTS; restart++) {
      const calls = api.fetchX509Svid.calls.length;
      await api.stop();
      await traffic.more(8);
      expect(serving.health().ready).toBe(true);
      // Another kind of ending each time.
      if (restart % 5 === 0) await api.leave('dead-socket');
      api.fetchX509Svid.send(await answer(['/web']));
      const updated = Promise.all([nextUpdate(serving), nextUpdate(calling)]);
      await api.start();
      for (const context of await updated) expect(context?.generation).toBe(restart + 1);
      expect(api.fetchX509Svid.calls.length).toBeGreaterThanOrEqual(calls + 2);
      await traffic.more(8);
      if (restart === WARM_UP) before = usage();
    }
    const after = usage();
    expect(traffic.failures).toEqual([]);
    expect(traffic.answered).toBeGreaterThan(RESTARTS * 16);
    // Each was really shown to the server.
    expect(traffic.identities.size).toBeGreaterThanOrEqual(20);
    expect(serving.health()).toMatchObject({ status: 'fresh', problems: [], generation: RESTARTS + 1 });
    expect(api.fetchX509Svid.open).toBe(2);
    // gRPC can have one in flight that it no longer needs.
    expect(api.connections).toBeLessThanOrEqual(4);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 8);
    expect(after.heap - before.heap).toBeLessThan(8 * 1024 * 1024);
  },
  120_000,
);
