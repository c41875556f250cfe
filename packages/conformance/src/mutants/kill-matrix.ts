import { type JsonObject } from '../json.ts';
import { type AdapterHost } from '../protocol/adapter-host.ts';
import { keyMaterialIn } from '../protocol/key-material.ts';
import { type Outcome, outcomeJson } from '../protocol/outcome.ts';
import { Secrets } from '../protocol/secrets.ts';
import { judge } from '../run/judge.ts';
import { type Case } from '../vectors/vector.ts';
import { AUTHORIZER_MUTANTS } from './authorizer-mutants.ts';
import { BUNDLE_MUTANTS } from './bundle-mutants.ts';
import { CERTIFICATE_MUTANTS } from './certificate-mutants.ts';
import { CRUDE_MUTANTS } from './crude-mutants.ts';
import { ID_MUTANTS } from './id-mutants.ts';
import { JWT_MUTANTS } from './jwt-mutants.ts';
import { LEAK_MUTANTS } from './leak-mutants.ts';
import { lenientMutants } from './lenient-mutants.ts';
import { type Mutant } from './mutant.ts';
import { WIT_MUTANTS } from './wit-mutants.ts';
import { WIT_PROOF_MUTANTS } from './wit-proof-mutants.ts';

/** Which cases notice which mutants. */
export interface KillMatrix {
  /** Per case that the adapter passes, the mutants that fail it; crude ones left out. */
  readonly killers: ReadonlyMap<string, readonly string[]>;
  /** Mutants that no case notices. */
  readonly unnoticed: readonly string[];
  /** Mutants that say what the adapter says, of all that it can be asked: it lacks what they lie about. */
  readonly idle: readonly string[];
  /** What crude mutants score, which has to be nothing. */
  readonly crudeScores: ReadonlyMap<string, readonly string[]>;
  readonly mutants: readonly Mutant[];
}

const DEADLINE_MS = 10_000;
const JUDGE = { codes: 'ignore', against: 'spec' } as const;

/**
 * Puts every mutant of an adapter before every case.
 *
 * @param host - of an honest adapter: the mutants ask it, and lie about what it said.
 * @throws {@link KitFailure} when the adapter cannot be started.
 */
export async function killMatrix(host: AdapterHost, cases: ReadonlyMap<string, Case>): Promise<KillMatrix> {
  const ask = remembering(host);
  const { capabilities } = await host.hello();
  const honest: Case[] = [];
  const codes = new Set<string>();
  for (const one of cases.values()) {
    const isRun =
      capabilities.ops.has(one.op) && (one.features ?? []).every((feature) => capabilities.has(feature));
    if (!isRun) continue;
    const outcome = await ask(one.op, paramsOf(one));
    if (outcome.kind === 'reject') codes.add(outcome.code);
    if (judge(one, outcome, JUDGE).status === 'pass') honest.push(one);
  }
  const mutants = [
    ...CRUDE_MUTANTS,
    ...ID_MUTANTS,
    ...AUTHORIZER_MUTANTS,
    ...CERTIFICATE_MUTANTS,
    ...BUNDLE_MUTANTS,
    ...JWT_MUTANTS,
    ...LEAK_MUTANTS,
    ...WIT_MUTANTS,
    ...WIT_PROOF_MUTANTS,
    ...lenientMutants(codes),
  ];
  const killers = new Map<string, string[]>(honest.map(({ id }) => [id, []]));
  const unnoticed: string[] = [];
  const idle: string[] = [];
  const crudeScores = new Map<string, readonly string[]>();
  for (const mutant of mutants) {
    const passed = new Set<string>();
    for (const one of honest) if (await passes(mutant, one, ask)) passed.add(one.id);
    if (mutant.isCrude === true) {
      const scored = honest.filter(
        ({ id, control }) => passed.has(id) && (control === undefined || passed.has(control)),
      );
      crudeScores.set(
        mutant.name,
        scored.map(({ id }) => id),
      );
      continue;
    }
    if (passed.size === honest.length) {
      // Of an adapter that has everything each mutant has something to lie about.
      const isIdle = honest.length < cases.size && !(await liesTo(mutant, honest, ask));
      (isIdle ? idle : unnoticed).push(mutant.name);
    }
    for (const { id } of honest) if (!passed.has(id)) killers.get(id)?.push(mutant.name);
  }
  return { killers, unnoticed, idle, crudeScores, mutants };
}

type Ask = (op: string, params: JsonObject) => Promise<Outcome>;

/** Whether a mutant answers anything otherwise than the adapter does. */
async function liesTo(mutant: Mutant, honest: readonly Case[], ask: Ask): Promise<boolean> {
  for (const one of honest) {
    const params = paramsOf(one);
    const said = await mutant.answer({ op: one.op, params }, (changed = params) => ask(one.op, changed));
    if (JSON.stringify(said) !== JSON.stringify(await ask(one.op, params))) return true;
  }
  return false;
}

async function passes(mutant: Mutant, one: Case, ask: Ask): Promise<boolean> {
  const params = paramsOf(one);
  const said = await mutant.answer({ op: one.op, params }, (changed = params) => ask(one.op, changed));
  const secrets = secretsOf(one);
  const shown = secrets.isEmpty ? undefined : secrets.shownIn(JSON.stringify(outcomeJson(said)));
  // As the process of an adapter is judged, and mutants have none.
  const outcome: Outcome = shown === undefined ? said : { kind: 'leak', detail: `showed a key as ${shown}` };
  return judge(one, outcome, JUDGE).status === 'pass';
}

const secretsByCase = new WeakMap<Case, Secrets>();

/** Every mutant is asked the same. */
function secretsOf(one: Case): Secrets {
  const known = secretsByCase.get(one);
  if (known !== undefined) return known;
  const secrets = new Secrets();
  secrets.learn(keyMaterialIn(one.params, one.secrets));
  secretsByCase.set(one, secrets);
  return secrets;
}

function paramsOf({ params, time }: Case): JsonObject {
  return time.mode === 'fixed' ? { ...params, at: time.at } : params;
}

/** Most mutants ask what was asked before. */
function remembering(host: AdapterHost): Ask {
  const known = new Map<JsonObject, Promise<Outcome>>();
  const byText = new Map<string, Promise<Outcome>>();
  return (op, params) => {
    const text = `${op} ${JSON.stringify(params)}`;
    const found = known.get(params) ?? byText.get(text) ?? host.call(op, params, { deadlineMs: DEADLINE_MS });
    known.set(params, found);
    byText.set(text, found);
    return found;
  };
}
