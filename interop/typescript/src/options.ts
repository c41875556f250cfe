import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { static: { type: 'boolean' }, sources: { type: 'string' }, mutant: { type: 'string' } },
});

/** What this adapter was told on its command line. */
export const options: {
  /** Whether to claim only what needs no handle. */
  readonly isStatic: boolean;
  /** The kinds of sources to claim, the one to use first. */
  readonly sources: readonly string[];
  /** The way in which to be broken, to see whether the kit notices. */
  readonly mutant: string | undefined;
} = {
  isStatic: values.static ?? false,
  sources: values.sources?.split(',') ?? ['mount', 'static'],
  mutant: values.mutant,
};
