import { expect, test } from 'vitest';

import { SharedWatches } from '../src/shared-watches.ts';
import { type WatchListener } from '../src/watch-directory.ts';

interface Begun {
  readonly directory: string;
  readonly listener: WatchListener;
  isOpen: boolean;
}

function recordedWatches(): { readonly watches: SharedWatches; readonly begun: readonly Begun[] } {
  const begun: Begun[] = [];
  const watches = new SharedWatches((directory, listener) => {
    const one = { directory, listener, isOpen: true };
    begun.push(one);
    return {
      close: () => {
        one.isOpen = false;
      },
    };
  });
  return { watches, begun };
}

function recordedListener(): WatchListener & { hints: number; readonly failures: unknown[] } {
  const listener = {
    hints: 0,
    failures: [] as unknown[],
    hint: () => {
      listener.hints++;
    },
    failed: (error: unknown) => void listener.failures.push(error),
  };
  return listener;
}

test('a directory that was replaced is watched anew, for all who listened to the old one', () => {
  const { watches, begun } = recordedWatches();
  const [first, second] = [recordedListener(), recordedListener()];
  watches.add('/mount', '1:1', first);
  watches.add('/mount', '1:1', second);
  expect(begun).toHaveLength(1);
  watches.add('/mount', '1:2', first);
  expect(begun.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  begun[1]?.listener.hint();
  expect([first.hints, second.hints]).toEqual([1, 1]);
  // The old watch has nothing to say any more.
  begun[0]?.listener.hint();
  begun[0]?.listener.failed(new Error('late'));
  expect([first.hints, first.failures]).toEqual([1, []]);
  expect(watches.size).toBe(1);
});

test('a watch ends with its last listener', () => {
  const { watches, begun } = recordedWatches();
  const [first, second] = [recordedListener(), recordedListener()];
  watches.add('/mount', '1:1', first);
  watches.add('/mount', '1:1', second);
  watches.remove('/mount', first);
  watches.remove('/mount', first);
  expect(begun[0]?.isOpen).toBe(true);
  watches.remove('/mount', second);
  expect(begun[0]?.isOpen).toBe(false);
  expect(watches.size).toBe(0);
});

test('a failure is told to all listeners, and the next one begins again', () => {
  const { watches, begun } = recordedWatches();
  const [first, second] = [recordedListener(), recordedListener()];
  watches.add('/mount', '1:1', first);
  watches.add('/mount', '1:1', second);
  const error = new Error('ENOSPC');
  begun[0]?.listener.failed(error);
  expect([first.failures, second.failures]).toEqual([[error], [error]]);
  watches.add('/mount', '1:1', first);
  expect(begun).toHaveLength(2);
});
