import { behaviourSuites } from './behaviour/behaviour-suites.ts';
import { loadSuites } from './vectors/load-suites.ts';
import { type VectorFile } from './vectors/vector.ts';

/**
 * Every suite of the kit: the vectors, and after them what is played.
 *
 * @throws {@link KitFailure} when the vectors cannot be read.
 */
export function allSuites(): readonly VectorFile[] {
  return [...loadSuites(), ...behaviourSuites()];
}
