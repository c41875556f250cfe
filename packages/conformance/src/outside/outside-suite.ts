import { type Case } from '../vectors/vector.ts';

/** Test data of others, as cases of the kit. */
export interface OutsideSuite {
  readonly suite: string;
  readonly cases: readonly Case[];
  /** How many were left out, by why. */
  readonly omitted: ReadonlyMap<string, number>;
}
