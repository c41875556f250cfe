import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is yes. There is nothing to be notified by: others' processes are asked. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await sleep(50);
  }
}
