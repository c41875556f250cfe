import { type JsonObject } from '../json.ts';
import { type Outcome } from '../protocol/outcome.ts';

/** A call to an adapter. */
export interface Call {
  readonly op: string;
  readonly params: JsonObject;
}

/** Asks the honest adapter, with other parameters if some are given. */
type Honest = (params?: JsonObject) => Promise<Outcome>;

/** An adapter that lies in one way: what the cases have to notice. */
export interface Mutant {
  readonly name: string;
  /** The lie, to follow "it". */
  readonly lie: string;
  /** Whether it lies about everything, so that to notice it proves little. Such ones must score nothing at all. */
  readonly isCrude?: true;
  readonly answer: (call: Call, honest: Honest) => Promise<Outcome> | Outcome;
}

/** A rejection of a mutant. */
export const REFUSED: Outcome = Object.freeze({
  kind: 'reject',
  code: 'unknown',
  message: 'so says a mutant',
});

/** A mutant that refuses what others accept. */
export function refuses(name: string, lie: string, isRefused: (call: Call) => boolean): Mutant {
  return { name, lie, answer: (call, honest) => (isRefused(call) ? REFUSED : honest()) };
}

/** A mutant that changes what it was asked before it looks. */
export function mishears(name: string, lie: string, change: (call: Call) => JsonObject | undefined): Mutant {
  return { name, lie, answer: (call, honest) => honest(change(call)) };
}

/** A mutant that changes what it answers. */
export function misreports(
  name: string,
  lie: string,
  change: (value: JsonObject, call: Call) => JsonObject,
): Mutant {
  return {
    name,
    lie,
    answer: async (call, honest) => {
      const outcome = await honest();
      return outcome.kind === 'ok'
        ? { kind: 'ok', value: { ...outcome.value, ...change(outcome.value, call) } }
        : outcome;
    },
  };
}
