import { expect, test } from 'vitest';

import { createWorkloadApiClient } from '../src/index.ts';
import { answer, closeLater, startFake } from './fixture.ts';

test('E-02: every request carries the security header, and a fetch gives the whole context', async () => {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/web', '/admin']));
  const client = closeLater(createWorkloadApiClient({ address: api.address }));
  const context = await client.fetchX509Context();
  expect(context.svids.map(({ id }) => id.toString())).toEqual([
    'spiffe://prod.example/web',
    'spiffe://prod.example/admin',
  ]);
  expect(api.fetchX509Svid.calls[0]?.metadata['workload.spiffe.io']).toBe('true');
  await api.fetchX509Svid.ended(1);
});
