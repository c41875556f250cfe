import { EXIT, KitFailure } from '../exit-code.ts';
import { type CaseResult, isKitFailure } from '../run/result.ts';
import { count, harmless } from '../terminal-text.ts';

/** @throws {@link KitFailure} (exit code 4) when the kit failed in a case. */
export function requireSoundKit(results: readonly CaseResult[]): void {
  const [first, ...more] = results.filter((one) => isKitFailure(one));
  if (first === undefined) return;
  throw new KitFailure(
    EXIT.kit,
    `the kit itself failed in ${count(more.length + 1, 'case')}, which says nothing about the adapter. First: ${first.case}: ${harmless(first.reason ?? '').slice(0, 300)}`,
  );
}
