import { behaviourSuites } from '../src/behaviour/behaviour-suites.ts';
import { type Case } from '../src/vectors/vector.ts';

/** A case that is played, and the row of the catalogue that it belongs to. */
export interface PlayedCase extends Pick<Case, 'id' | 'level' | 'expect' | 'since' | 'supersedes'> {
  readonly row: number;
}

/** Every case that is played. */
export function playedCases(): readonly PlayedCase[] {
  return behaviourSuites().flatMap(({ cases }) =>
    cases.flatMap(({ behaviour, ...one }) =>
      behaviour === undefined ? [] : [{ ...one, row: behaviour.row }],
    ),
  );
}
