/** Cases of behaviour that notice no mutant, and why that is so. At most one in twenty. */
export const SURVIVORS: Readonly<Record<string, string>> = {
  'mount-layout/start/unreadable':
    'is not played by root, and the mutants were; the twin with an empty file notices them',
};

/** Suites that no mutant was written for yet: a mutant of one suite is not asked of another. */
export const SUITES_WITHOUT_MUTANTS: ReadonlySet<string> = new Set(['federation']);
