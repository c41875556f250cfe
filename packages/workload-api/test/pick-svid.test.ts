import { type X509Svid } from '@svidkit/core';
import { expect, test } from 'vitest';

import { openWorkloadApiX509Source, type PickSvid } from '../src/index.ts';
import { answer, closeLater, eventsOf, startFake } from './fixture.ts';

async function pathPickedBy(pick: PickSvid | undefined): Promise<string> {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/in', '/out', '/none'], { hints: ['internal', 'external', ''] }));
  const source = await openWorkloadApiX509Source({
    address: api.address,
    wait: 0,
    ...(pick === undefined ? {} : { pick }),
  });
  return closeLater(source).current.svid.id.path;
}

test.each<[string, PickSvid | undefined, string]>([
  ['nothing', undefined, '/in'],
  ['a hint', { hint: 'external' }, '/out'],
  ['a hint with a stand-in', { hint: 'external', otherwise: 'first' }, '/out'],
  ['a hint that is not there, with a stand-in', { hint: 'other', otherwise: 'first' }, '/in'],
  ['an ID', { id: 'spiffe://prod.example/none' }, '/none'],
  ['a function', (svids) => svids.find(({ hint }) => hint === undefined), '/none'],
])('A-28, A-30: %s picks', async (_name, pick, path) => {
  expect(await pathPickedBy(pick)).toBe(path);
});

test.each<[string, PickSvid, string]>([
  ['a hint', { hint: 'other' }, 'an identity with hint "other"'],
  ['a hint, spelt out', { hint: 'other', otherwise: 'none' }, 'an identity with hint "other"'],
  ['an ID', { id: 'spiffe://prod.example/x' }, 'spiffe://prod.example/x'],
  ['a function', () => undefined, 'option pick'],
])('A-30: %s that fits none fails, and says what there was', async (_name, pick, wanted) => {
  await expect(pathPickedBy(pick)).rejects.toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    message: expect.stringContaining(wanted) as string,
    cause: { code: 'ERR_SOURCE_EMPTY' },
  });
  await expect(pathPickedBy(pick)).rejects.toThrow(
    /spiffe:\/\/prod\.example\/in.*spiffe:\/\/prod\.example\/out/u,
  );
});

test.each<[string, unknown]>([
  ['an empty hint', { hint: '' }],
  ['no hint', {}],
  ['another word', { hint: 'a', otherwise: 'last' }],
  ['a text', 'internal'],
  ['null', null],
])('%s is no picker', async (_name, pick) => {
  await expect(
    openWorkloadApiX509Source({ address: 'unix:///nowhere', pick: pick as PickSvid }),
  ).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
});

test.each<
  [string, (svids: readonly X509Svid[], before: X509Svid | undefined) => X509Svid | undefined, string]
>([
  [
    'throws',
    () => {
      throw new Error('a mistake of the picker');
    },
    'threw',
  ],
  ['makes something up', (_svids, before) => before, 'one of the SVIDs it was given'],
])(
  'a picker that %s is a mistake that is told, and the last good state stays',
  async (_name, mistake, problem) => {
    const api = await startFake();
    api.fetchX509Svid.send(await answer(['/a']));
    let before: X509Svid | undefined;
    const pick = (svids: readonly X509Svid[]): X509Svid | undefined =>
      before === undefined ? svids[0] : mistake(svids, before);
    const source = closeLater(await openWorkloadApiX509Source({ address: api.address, pick }));
    const errors = eventsOf('svidkit:source.error');
    before = source.current.svid;
    api.fetchX509Svid.send(await answer(['/a']));
    const { error } = await errors.next(() => true);
    expect(error).toMatchObject({
      code: 'ERR_CONFIG_OPTION',
      message: expect.stringContaining(problem) as string,
    });
    expect(source.current.svid).toBe(before);
    expect(source.health()).toMatchObject({ ready: true, lastError: error });
  },
);
