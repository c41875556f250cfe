import { type inspect } from 'node:util';

/**
 * The name of the method that `console.log` and `util.inspect` call, the same as `inspect.custom`. Not taken from
 * `node:util`, since a module that imports that loads all that it has: a quarter of what importing this package costs.
 */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** `util.inspect` itself, as it hands itself to that method. */
export type Inspect = typeof inspect;
