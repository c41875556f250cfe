import { isObject, type Json, member } from '../json.ts';
import { type Outcome, type Result } from '../protocol/outcome.ts';
import { type Case, type Expectation } from '../vectors/vector.ts';

/** What is made of the reason of a rejection: nothing, a remark, or a failure. */
export type CodeMode = 'ignore' | 'warn' | 'strict';

/** What a case came to, before anything that is known about it. */
export interface Verdict {
  readonly status: 'pass' | 'fail' | 'error' | 'timeout' | 'crash' | 'unsupported';
  /** Why it did not pass, or what is to be said about a pass. */
  readonly reason?: string;
  /** Of a `choice`, the answer that was taken. */
  readonly branch?: string;
  /** Whether a rejection was for a reason that the case names. */
  readonly codeMatched?: boolean;
}

/** How to judge. */
export interface JudgeOptions {
  readonly codes: CodeMode;
  /** `reference` also wants the branch that the reference takes. */
  readonly against: 'spec' | 'reference';
}

/**
 * Judges an outcome by the four-way rule: `ok` is what an expected `ok` wants, `reject` what an expected rejection wants,
 * and nothing else passes anything.
 */
export function judge(one: Case, outcome: Result, options: JudgeOptions): Verdict {
  switch (outcome.kind) {
    case 'timeout':
    case 'crash':
      return { status: outcome.kind, reason: `the adapter: ${outcome.detail}` };
    case 'protocol':
      return { status: 'error', reason: `the adapter ${outcome.detail}` };
    case 'leak':
      return { status: 'fail', reason: `the adapter ${outcome.detail}` };
    case 'fault':
      return { status: 'error', reason: `the adapter reported a fault: ${outcome.message}` };
    case 'unsupported':
      return {
        status: 'fail',
        reason: `the adapter declares ${one.op} and answered that it is unsupported: ${outcome.reason}`,
      };
    case 'observed':
      return { status: 'fail', reason: outcome.detail };
    case 'impossible':
      return { status: 'unsupported', reason: outcome.detail };
    case 'kit':
      return { status: 'error', reason: `the kit: ${outcome.detail}` };
    case 'ok':
    case 'reject':
      break;
  }
  return judgeAnswer(one, outcome, options);
}

type Decisive = Extract<Outcome, { readonly kind: 'ok' | 'reject' }>;

function judgeAnswer(one: Case, outcome: Decisive, options: JudgeOptions): Verdict {
  const { expect } = one;
  if (!('anyOf' in expect)) return judgeOne(expect, outcome, options.codes);
  const taken = expect.anyOf.find((branch) => judgeOne(branch.expect, outcome, 'ignore').status === 'pass');
  if (taken === undefined) {
    const names = expect.anyOf.map(({ branch }) => branch).join(', ');
    return { status: 'fail', reason: `want one of ${names}, got ${describe(outcome)}` };
  }
  const { branch } = taken;
  const wanted = options.against === 'reference' ? referenceBranch(one) : undefined;
  if (wanted !== undefined && wanted !== branch) {
    return {
      status: 'fail',
      branch,
      reason: `the reference takes the branch ${wanted}, and this is ${branch}`,
    };
  }
  return { ...judgeOne(taken.expect, outcome, options.codes), branch };
}

/** The branch of a `choice` that the reference took. */
function referenceBranch({ expect, reference }: Case): string | undefined {
  if (reference === undefined || !('anyOf' in expect)) return undefined;
  const outcome: Outcome =
    'ok' in reference ? { kind: 'ok', value: reference.ok } : { kind: 'reject', code: reference.reject.code };
  return expect.anyOf.find((branch) => judgeOne(branch.expect, outcome, 'ignore').status === 'pass')?.branch;
}

function judgeOne(
  expect: Exclude<Expectation, { readonly anyOf: unknown }>,
  outcome: Decisive,
  codes: CodeMode,
): Verdict {
  if ('ok' in expect) {
    if (outcome.kind !== 'ok') return { status: 'fail', reason: `want ok, got ${describe(outcome)}` };
    const difference = differenceOf(expect.ok, outcome.value, 'the answer');
    return difference === undefined ? { status: 'pass' } : { status: 'fail', reason: difference };
  }
  if (outcome.kind !== 'reject') return { status: 'fail', reason: 'want a rejection, got ok' };
  if (codes === 'ignore') return { status: 'pass' };
  const codeMatched = expect.reject.codes.includes(outcome.code);
  if (codeMatched) return { status: 'pass', codeMatched };
  const reason = `rejected as ${outcome.code}, where ${expect.reject.codes.join(' or ')} was wanted`;
  return { status: codes === 'strict' ? 'fail' : 'pass', codeMatched, reason };
}

/** How `actual` lacks what `wanted` has; undefined when it lacks nothing. Members that nobody asked for do not count. */
function differenceOf(wanted: Json, actual: Json | undefined, where: string): string | undefined {
  if (isObject(wanted)) {
    if (!isObject(actual)) return `${where}: want an object, got ${show(actual)}`;
    for (const [name, value] of Object.entries(wanted)) {
      const difference = differenceOf(value, member(actual, name), `${where}.${name}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (Array.isArray(wanted)) {
    const entries: readonly Json[] = wanted;
    if (!Array.isArray(actual)) return `${where}: want a list, got ${show(actual)}`;
    const found: readonly Json[] = actual;
    if (found.length !== entries.length)
      return `${where}: want ${entries.length} entries, got ${found.length}`;
    for (const [index, value] of entries.entries()) {
      const difference = differenceOf(value, found[index], `${where}[${index}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return wanted === actual ? undefined : `${where}: want ${show(wanted)}, got ${show(actual)}`;
}

function describe(outcome: Decisive): string {
  return outcome.kind === 'ok' ? 'ok' : `a rejection (${outcome.code}${message(outcome.message)})`;
}

function message(text: string | undefined): string {
  return text === undefined ? '' : `: ${text}`;
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text =
    typeof value === 'object' && value !== null
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}
