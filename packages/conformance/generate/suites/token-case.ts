import { type Json, type JsonObject } from '../../src/json.ts';
import { type Level, type SpecReference } from '../../src/vectors/vector.ts';
import { choice, type Draft, reject } from '../draft.ts';

/** 2100-01-01: for every clock until then. */
export const EXP = 4_102_444_800;
/** 2020-01-01 */
export const OVER = 1_577_836_800;

/** Of something good; undefined leaves a member out. */
export type Changes = Readonly<Record<string, Json | undefined>>;

/** Without what is undefined. */
export function without(members: Changes): JsonObject {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** What differs from case to case. */
export interface TokenPlan {
  readonly token: string;
  readonly bundles?: Readonly<Record<string, string>>;
  readonly level?: Level;
  readonly spec?: readonly SpecReference[];
  readonly why?: string;
  readonly at?: string;
  readonly deadlineMs?: number;
  readonly control?: string;
  /** What the answer has beside the ID. */
  readonly found?: JsonObject;
  readonly id?: string;
}

type Accept<Plan> = (row: number, id: string, title: string, plan: Plan) => Draft;
type Other<Plan> = (row: number, id: string, title: string, codes: readonly string[], plan: Plan) => Draft;

const CONTROL = 'accept/es256';

/** The cases that do not want a token to be accepted, made of those that do. */
export function otherCases<Plan extends TokenPlan>(
  accept: Accept<Plan>,
): {
  /** Wants a token to be rejected, for one of `codes`. */
  readonly refuse: Other<Plan>;
  /** Leaves open whether a token is accepted; if not, it is for one of `codes`. */
  readonly either: Other<Plan>;
} {
  return {
    refuse: (row, id, title, codes, plan) => ({
      ...accept(row, id, title, plan),
      control: plan.control ?? CONTROL,
      expect: reject(...codes),
    }),
    either(row, id, title, codes, plan) {
      const draft = accept(row, id, title, { ...plan, level: 'choice' });
      if (!('ok' in draft.expect)) throw new Error('no ok');
      const expect = choice({ accepted: draft.expect, refused: reject(...codes) });
      return { ...draft, control: plan.control ?? CONTROL, expect };
    },
  };
}
