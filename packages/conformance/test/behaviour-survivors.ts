/** Cases of behaviour that notice no mutant, and why that is so. At most one in twenty. */
export const SURVIVORS: Readonly<Record<string, string>> = {
  'mount-layout/start/unreadable':
    'is not played by root, and the mutants were; the twin with an empty file notices them',
};
