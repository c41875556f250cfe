import { type JsonObject } from '../src/json.ts';
import { type Branch, type Expectation, type Level, type SpecReference } from '../src/vectors/vector.ts';

/** A case as its suite writes it down. */
export interface Draft {
  /** The row of the catalogue that it belongs to. */
  readonly row: number;
  /** Without the suite: `reject/td-256`. */
  readonly id: string;
  readonly title: string;
  /** The release that it comes with. Default: the first. */
  readonly since?: string;
  /** The case whose place it takes, without the suite; `withdrawn.ts` says why. */
  readonly supersedes?: string;
  readonly why?: string | undefined;
  readonly level: Level;
  readonly spec: readonly SpecReference[];
  readonly features?: readonly string[] | undefined;
  readonly op: string;
  readonly params: JsonObject;
  /** Parameters that are secret whatever they look like. */
  readonly secrets?: readonly string[] | undefined;
  /** How long the answer may take, in milliseconds. */
  readonly deadlineMs?: number | undefined;
  /** Judge at this instant, where the verdict does not hold at any. */
  readonly at?: string | undefined;
  /** Without the suite. */
  readonly control?: string | undefined;
  readonly expect: Expectation;
}

/** An expected answer. */
export function ok(value: JsonObject): { readonly ok: JsonObject } {
  return { ok: value };
}

/** An expected rejection, for one of these reasons. */
export function reject(...codes: readonly string[]): {
  readonly reject: { readonly codes: readonly string[] };
} {
  return { reject: { codes } };
}

/** What the standard leaves open. */
export function choice(branches: Readonly<Record<string, Branch['expect']>>): Expectation {
  return { anyOf: Object.entries(branches).map(([branch, expect]) => ({ branch, expect })) };
}
