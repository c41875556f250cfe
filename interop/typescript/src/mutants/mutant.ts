import { OPERATIONS } from '../operations.ts';
import { type JsonObject } from '../params.ts';

/** A way to be broken. */
export interface Mutant {
  readonly name: string;
  /** What is wrong, to follow "it". */
  readonly lie: string;
  /** Patterns of the cases that are to notice it. */
  readonly cases: readonly [string, ...string[]];
  readonly apply: () => void;
}

/** Puts something around an operation. */
export function around(
  op: string,
  wrap: (
    params: JsonObject,
    honest: (params: JsonObject) => Promise<JsonObject>,
  ) => Promise<JsonObject> | JsonObject,
): void {
  const honest = OPERATIONS.get(op);
  if (honest === undefined) throw new Error(`there is no operation ${op}`);
  OPERATIONS.set(op, (params) => wrap(params, async (changed) => honest(changed)));
}

/** Changes what an operation is asked. */
export function mishear(op: string, change: (params: JsonObject) => JsonObject): void {
  around(op, (params, honest) => honest(change(params)));
}

/** Changes what an operation answers. */
export function misreport(op: string, change: (answer: JsonObject, params: JsonObject) => JsonObject): void {
  around(op, async (params, honest) => change(await honest(params), params));
}
