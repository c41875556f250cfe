import { type Script } from '../behaviour/script.ts';
import { type Json, type JsonObject } from '../json.ts';

/** How binding a case is; `choice` lists the answers that the standard leaves open. */
export type Level = 'must' | 'should' | 'may' | 'ref' | 'choice';

/** The levels, the most binding first. */
export const LEVELS: readonly Level[] = ['must', 'should', 'may', 'ref', 'choice'];

/** What a case wants. */
export type Expectation =
  /** An answer with at least these members. */
  | { readonly ok: JsonObject }
  /** A rejection, for one of these reasons. */
  | { readonly reject: { readonly codes: readonly string[] } }
  /** One of several, each with a name. */
  | { readonly anyOf: readonly Branch[] };

/** One of the answers that a `choice` allows. */
export interface Branch {
  readonly branch: string;
  readonly expect: Exclude<Expectation, { readonly anyOf: unknown }>;
}

/** What an implementation did. */
export type RecordedOutcome = { readonly ok: JsonObject } | { readonly reject: { readonly code: string } };

/** A sentence that a case rests on. */
export interface SpecReference {
  readonly doc: string;
  readonly section: string;
  readonly quote?: string;
}

/** What a case is that is played: more than one call. */
export interface Behaviour {
  /** The row of the catalogue that it belongs to. */
  readonly row: number;
  /** Every operation that it needs, beside the one of the case. */
  readonly ops: readonly string[];
  /** Whether it takes seconds, so that a quick run leaves it out. */
  readonly isLong: boolean;
  /** What the kit does. Throws what it must not have seen; gives the name of the branch that was taken, if there are some. */
  readonly script: Script;
}

/** One case: a call, and what has to come of it. See `schemas/vectors.v1.schema.json`. */
export interface Case {
  readonly id: string;
  readonly rev: number;
  readonly since: string;
  /** The case whose place it takes. */
  readonly supersedes?: string;
  readonly title: string;
  readonly why?: string;
  readonly level: Level;
  readonly spec: readonly SpecReference[];
  /** What the adapter must claim for the case to be run: see {@link Capabilities.has}. */
  readonly features?: readonly string[];
  readonly op: string;
  readonly params: JsonObject;
  /** Parameters that are secret whatever they look like: nothing that the adapter writes may hold a part of them. */
  readonly secrets?: readonly string[];
  /** How long the answer may take, in milliseconds, before `--timeout-factor`. Default: 10 000. */
  readonly deadlineMs?: number;
  readonly time: { readonly mode: 'any' } | { readonly mode: 'fixed'; readonly at: string };
  /** The accepted twin: the same but for the one defect. */
  readonly control?: string;
  readonly expect: Expectation;
  readonly reference?: RecordedOutcome;
  /** What is played in place of the call `op`; of behaviour suites alone. */
  readonly behaviour?: Behaviour;
}

/** A file of vectors: one suite. */
export interface VectorFile {
  readonly format: 1;
  readonly kit: string;
  readonly suite: string;
  readonly spec: { readonly repo: string; readonly commit: string };
  /** Per certificate, by SHA-256 of its DER in hexadecimal digits, how it was made. */
  readonly recipes?: Readonly<Record<string, Json>>;
  readonly cases: readonly Case[];
}
