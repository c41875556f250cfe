import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { expect, test } from 'vitest';

import { publish, type SvidkitEvents } from '../src/events.ts';

// A channel that no other test of this process listens to.
const CHANNEL = 'svidkit:migration.decision';

test('an event reaches who subscribed to its channel, and the payload is not even made when nobody did', () => {
  const decision: SvidkitEvents[typeof CHANNEL] = {
    side: 'server',
    kind: 'legacy',
    presented: 'spiffe',
    mode: 'permissive',
    peer: 'old.example',
    result: 'accepted',
    error: undefined,
  };
  const seen: unknown[] = [];
  let made = 0;
  const payload = (): typeof decision => {
    made++;
    return decision;
  };
  const listen = (message: unknown): void => void seen.push(message);

  publish(CHANNEL, payload);
  expect(made).toBe(0);

  subscribe(CHANNEL, listen);
  try {
    publish(CHANNEL, payload);
  } finally {
    unsubscribe(CHANNEL, listen);
  }
  expect(seen).toEqual([decision]);

  publish(CHANNEL, payload);
  expect(made).toBe(1);
});
