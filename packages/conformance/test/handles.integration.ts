import { expect, onTestFinished, test } from 'vitest';

import { type Json } from '../src/json.ts';
import { AdapterProcess } from '../src/protocol/adapter-process.ts';
import { type Outcome } from '../src/protocol/outcome.ts';

/** An adapter that says what it is told to, word for word; `ID` in it becomes the id of the call. */
const PUPPET = `
let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    const { id, params } = JSON.parse(line);
    for (const one of params.say) console.log(JSON.stringify(one).replaceAll('"ID"', id));
  }
});
`;

interface Puppet {
  readonly events: string[];
  readonly misconduct: string[];
  readonly call: (op: string, handle: string | undefined, ...say: readonly Json[]) => Promise<Outcome>;
}

function puppet(): Puppet {
  const events: string[] = [];
  const misconduct: string[] = [];
  const adapter = new AdapterProcess([process.execPath, '--eval', PUPPET], {
    listener: {
      noise: (text) => void misconduct.push(text),
      misconduct: (detail) => void misconduct.push(detail),
      event: ({ event, handle, data }) => void events.push(`${event} ${handle} ${JSON.stringify(data)}`),
    },
  });
  onTestFinished(async () => {
    adapter.kill();
    await adapter.ended;
  });
  return {
    events,
    misconduct,
    call: (op, handle, ...say) =>
      adapter.call(op, { say, ...(handle === undefined ? {} : { handle }) }, { deadlineMs: 10_000 }),
  };
}

const opens = (handle: Json): Json => ({ id: 'ID', ok: { handle } });
const update = (handle: string): Json => ({ event: 'source.update', handle, data: { generation: 2 } });
const DONE: Json = { id: 'ID', ok: {} };

test('events come from the answer that opens a handle to the one that closes it', async () => {
  const { call, events, misconduct } = puppet();
  await call('source.open', undefined, opens('s1'), update('s1'));
  await call('server.start', undefined, opens('v1'), { event: 'server.rejected', handle: 'v1' });
  // While it is being closed there may still be something to tell.
  await call('source.close', 's1', update('s1'), DONE);
  expect(events).toEqual([
    'source.update s1 {"generation":2}',
    'server.rejected v1 {}',
    'source.update s1 {"generation":2}',
  ]);
  expect(misconduct).toEqual([]);
});

test('a name is free again once it was closed, and after a reset', async () => {
  const { call } = puppet();
  await call('source.open', undefined, opens('s1'));
  await call('source.close', 's1', DONE);
  expect((await call('source.open', undefined, opens('s1'))).kind).toBe('ok');
  await call('reset', undefined, DONE);
  expect((await call('client.pool', undefined, opens('s1'))).kind).toBe('ok');
});

test('a refusal to close leaves a handle open', async () => {
  const { call, events } = puppet();
  await call('source.open', undefined, opens('s1'));
  await call('source.close', 's1', { id: 'ID', fault: { message: 'no' } });
  await call('source.get', 's1', update('s1'), DONE);
  expect(events).toEqual(['source.update s1 {"generation":2}']);
});

test.each([
  [
    'before the answer that opens it',
    'source.open',
    undefined,
    [update('s9'), opens('s9')],
    /s9, which is not open/,
  ],
  ['after the answer that closes it', 'source.close', 's1', [DONE, update('s1')], /s1, which is not open/],
  ['after a reset', 'reset', undefined, [DONE, update('s1')], /s1, which is not open/],
  [
    'of a source for a server',
    'server.start',
    undefined,
    [opens('v1'), update('v1')],
    /the event source.update for the handle v1, which is a server/,
  ],
])('an event %s breaks the protocol, and that is said', async (_when, op, handle, say, message) => {
  const { call, misconduct, events } = puppet();
  await call('source.open', undefined, opens('s1'));
  const outcome = await call(op, handle, ...say);
  // What comes after the answer may meet the next call; no further one is answered.
  const next = await call('source.get', 's1', DONE);
  const told = [...misconduct, ...[outcome, next].flatMap((one) => ('detail' in one ? [one.detail] : []))];
  expect(told.join()).toMatch(message);
  expect(next.kind).not.toBe('ok');
  expect(events).toEqual([]);
});

test.each([
  ['no handle', { id: 'ID', ok: {} }, 'answered source.open without a handle'],
  ['an empty handle', opens(''), 'answered source.open without a handle'],
  ['a number', opens(7), 'answered source.open without a handle'],
  ['a name that is taken', opens('s1'), 'answered source.open with the handle s1, which is open already'],
])('opening with %s breaks the protocol, and that is said', async (_what, answer, detail) => {
  const { call } = puppet();
  await call('source.open', undefined, opens('s1'));
  expect(await call('source.open', undefined, answer)).toEqual({ kind: 'protocol', detail });
});
