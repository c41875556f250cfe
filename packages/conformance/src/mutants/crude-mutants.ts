import { type Mutant, REFUSED } from './mutant.ts';

/** Mutants that lie about everything. */
export const CRUDE_MUTANTS: readonly Mutant[] = [
  { name: 'accept-all', lie: 'accepts everything', isCrude: true, answer: () => ({ kind: 'ok', value: {} }) },
  { name: 'reject-all', lie: 'rejects everything', isCrude: true, answer: () => REFUSED },
  {
    name: 'echo',
    lie: 'accepts everything and answers what it was asked',
    isCrude: true,
    answer: ({ params }) => ({ kind: 'ok', value: params }),
  },
  {
    name: 'unsupported-all',
    lie: 'declares everything and supports nothing',
    isCrude: true,
    answer: () => ({ kind: 'unsupported', reason: 'so says a mutant' }),
  },
  {
    name: 'fault-all',
    lie: 'fails at everything',
    isCrude: true,
    answer: () => ({ kind: 'fault', message: 'so says a mutant' }),
  },
];
