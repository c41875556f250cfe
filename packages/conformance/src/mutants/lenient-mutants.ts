import { type Mutant } from './mutant.ts';

/** One mutant for each reason: it accepts what should be rejected for it. */
export function lenientMutants(codes: Iterable<string>): readonly Mutant[] {
  return [...codes].toSorted().map((code) => ({
    name: `ignores-${code}`,
    lie: `does not look at ${code}`,
    answer: async (_call, honest) => {
      const outcome = await honest();
      return outcome.kind === 'reject' && outcome.code === code ? { kind: 'ok', value: {} } : outcome;
    },
  }));
}
