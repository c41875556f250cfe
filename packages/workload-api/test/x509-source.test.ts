import { expect, test } from 'vitest';

import { openWorkloadApiX509Source } from '../src/index.ts';
import { answer, closeLater, eventsOf, nextUpdate, startFake } from './fixture.ts';

test('a source has the identity that the Workload API gives, and follows it', async () => {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/web']));
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
  const first = source.current;
  expect(first.svid.id.toString()).toBe('spiffe://prod.example/web');
  expect(source.health()).toMatchObject({ status: 'fresh', ready: true, generation: 1, problems: [] });
  const updated = nextUpdate(source);
  api.fetchX509Svid.send(await answer(['/web']));
  expect((await updated)?.generation).toBe(2);
  expect(source.current.svid).not.toBe(first.svid);
  expect(source.current.bundles).toBe(first.bundles);
});

test('what it does is told on the channels of every source', async () => {
  const updates = eventsOf('svidkit:source.update');
  const health = eventsOf('svidkit:source.health');
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/web']));
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
  expect(updates.all).toMatchObject([{ source, context: source.current, reason: 'first load' }]);
  expect(health.all).toMatchObject([{ source, health: { status: 'fresh', ready: true } }]);
});
