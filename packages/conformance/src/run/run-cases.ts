import { play, type PlayOptions } from '../behaviour/play.ts';
import { abridge, type Json, type JsonObject } from '../json.ts';
import { type AdapterHost } from '../protocol/adapter-host.ts';
import { type Capabilities } from '../protocol/capabilities.ts';
import { fingerprint, type Outcome, outcomeJson, type Result } from '../protocol/outcome.ts';
import { type Case } from '../vectors/vector.ts';
import { judge, type JudgeOptions, type Verdict } from './judge.ts';
import { type KnownFailures } from './known-failures.ts';
import { type CaseResult, isBad } from './result.ts';

/** How long a call may take, in milliseconds. */
const DEADLINE_MS = 10_000;
const FLAKY_ATTEMPTS = 3;

/** How to run cases. */
export interface RunCasesOptions extends JudgeOptions {
  readonly known: KnownFailures;
  /** Run each case as often, and want every time to pass. */
  readonly repeat: number;
  /** Whether each case gets a process of its own. */
  readonly isolation: 'run' | 'case';
  /** Judge cases that hold at any time at this one: RFC 3339. */
  readonly at: string | undefined;
  readonly play: PlayOptions;
}

interface Attempt {
  readonly outcome: Result;
  readonly verdict: Verdict;
  readonly more?: Pick<CaseResult, 'convergenceMs'>;
}

/** Runs cases one by one on one adapter. A control runs once, before the first case that needs it. */
export class CaseRunner {
  readonly #host: AdapterHost;
  readonly #cases: ReadonlyMap<string, Case>;
  readonly #options: RunCasesOptions;
  readonly #results = new Map<string, CaseResult>();

  /** @param cases - all there are, by id: controls may be outside of what is selected. */
  constructor(host: AdapterHost, cases: ReadonlyMap<string, Case>, options: RunCasesOptions) {
    this.#host = host;
    this.#cases = cases;
    this.#options = options;
  }

  /**
   * Runs a case, or gives the result that it has already.
   *
   * @throws {@link KitFailure} when the adapter cannot be started.
   */
  async run(one: Case): Promise<CaseResult> {
    const known = this.#results.get(one.id);
    if (known !== undefined) return known;
    const result = await this.#run(one);
    this.#results.set(one.id, result);
    return result;
  }

  /** The result of a case as it stands now; undefined while it has none. */
  resultOf(id: string): CaseResult | undefined {
    return this.#results.get(id);
  }

  /** Takes a pass back: the adapter did something afterwards that makes its answer worthless. */
  revoke(id: string, reason: string): void {
    const result = this.#results.get(id);
    if (result === undefined || isBad(result.status)) return;
    this.#results.set(id, { ...result, status: 'error', reason });
  }

  async #run(one: Case): Promise<CaseResult> {
    const begin = performance.now();
    const { case: id, rev, level } = { case: one.id, rev: one.rev, level: one.level };
    const finish = (rest: Omit<CaseResult, 'case' | 'rev' | 'level' | 'ms'>): CaseResult => ({
      case: id,
      rev,
      level,
      ...rest,
      ms: Math.round(performance.now() - begin),
    });
    const { capabilities } = await this.#host.hello();
    const missing = this.#missing(one, capabilities);
    if (missing !== undefined) return finish({ status: 'unsupported', reason: missing });
    if (one.control !== undefined) {
      const control = this.#cases.get(one.control);
      if (control === undefined)
        return finish({ status: 'skipped', reason: `its control ${one.control} is missing` });
      const { status } = await this.run(control);
      if (status !== 'pass') {
        return finish({ status: 'skipped', reason: `control failed: ${one.control} (${status})` });
      }
    }
    return finish(this.#conclude(one, await this.#attempts(one)));
  }

  #missing({ op, features = [], time, behaviour }: Case, capabilities: Capabilities): string | undefined {
    const missingOp = [op, ...(behaviour?.ops ?? [])].find((one) => !capabilities.ops.has(one));
    if (missingOp !== undefined) return `the adapter does not declare ${missingOp}`;
    // What is played happens now, whenever that is.
    const needsClock = time.mode === 'fixed' || (this.#options.at !== undefined && behaviour === undefined);
    if (needsClock && !capabilities.hasClock(op)) return 'the adapter does not declare clock';
    const missing = features.find((feature) => !capabilities.has(feature));
    return missing === undefined ? undefined : `the adapter does not declare ${missing}`;
  }

  async #attempts(one: Case): Promise<readonly Attempt[]> {
    const isFlaky = this.#options.known(one.id)?.status === 'flaky';
    const attempts: Attempt[] = [];
    const most = isFlaky ? FLAKY_ATTEMPTS : this.#options.repeat;
    while (attempts.length < most) {
      const attempt = await this.#attempt(one, attempts.length);
      attempts.push(attempt);
      if (isFlaky === (attempt.verdict.status === 'pass')) break;
    }
    return attempts;
  }

  async #attempt(one: Case, number: number): Promise<Attempt> {
    const { behaviour } = one;
    if (behaviour === undefined) {
      const outcome = await this.#call(one);
      return { outcome, verdict: judge(one, outcome, this.#options) };
    }
    const { capabilities } = await this.#host.hello();
    const { seed, ...options } = this.#options.play;
    const { result, more } = await play({ ...one, behaviour }, this.#host, capabilities, {
      ...options,
      seed: number === 0 ? seed : `${seed}.${number}`,
    });
    return { outcome: result, verdict: judge(one, result, this.#options), more };
  }

  async #call(one: Case): Promise<Outcome> {
    if (this.#options.isolation === 'case') await this.#host.end();
    const at = one.time.mode === 'fixed' ? one.time.at : this.#options.at;
    const params: JsonObject = at === undefined ? one.params : { ...one.params, at };
    const needs = at === undefined ? [] : ['clock'];
    return this.#host.call(one.op, params, {
      deadlineMs: one.deadlineMs ?? DEADLINE_MS,
      needs,
      caseId: one.id,
      ...(one.secrets === undefined ? {} : { secrets: one.secrets }),
    });
  }

  #conclude(one: Case, attempts: readonly Attempt[]): Omit<CaseResult, 'case' | 'rev' | 'level' | 'ms'> {
    const last = attempts.at(-1);
    if (last === undefined) return { status: 'skipped', reason: 'it was not attempted' };
    const { outcome, verdict, more } = last;
    const common = {
      ...verdict,
      ...more,
      ...(attempts.length > 1 ? { attempts: attempts.length } : {}),
      ...(verdict.status === 'pass'
        ? {}
        : { expected: toJson(one.expect), actual: abridge(outcomeJson(outcome)) }),
    };
    const known = this.#options.known(one.id);
    // A list about the implementation says nothing about the kit.
    if (known === undefined || outcome.kind === 'kit') return common;
    const why = `known: ${known.reason}${known.issue === undefined ? '' : ` (${known.issue})`}`;
    if (known.status === 'flaky') return { ...common, status: 'known-flaky', reason: why };
    if (verdict.status === 'pass') {
      return {
        ...common,
        status: 'unexpected-pass',
        reason: `listed as failing, and it passed: ${known.pattern}`,
      };
    }
    const observed = fingerprint(outcome);
    if (known.observed !== undefined && known.observed !== observed) {
      return {
        ...common,
        reason: `listed as ${known.observed}, and it is ${observed}: ${verdict.reason ?? 'it did not pass'}`,
      };
    }
    return { ...common, status: 'known-fail', reason: why };
  }
}

function toJson(expect: Case['expect']): Json {
  if ('anyOf' in expect) {
    return { anyOf: expect.anyOf.map(({ branch, expect: inner }) => ({ branch, expect: toJson(inner) })) };
  }
  return 'ok' in expect ? { ok: abridge(expect.ok) } : { reject: { codes: expect.reject.codes } };
}
