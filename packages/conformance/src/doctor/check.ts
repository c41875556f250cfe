import { isDeepStrictEqual } from 'node:util';

import { type JsonObject } from '../json.ts';
import { type AdapterProcess, type CallOptions } from '../protocol/adapter-process.ts';
import { type Hello } from '../protocol/capabilities.ts';
import { fingerprint, type Outcome, outcomeJson } from '../protocol/outcome.ts';
import { type Case } from '../vectors/vector.ts';

/** What a check of an adapter works with. */
export interface Patient {
  /** A process that was just started, and has said nothing yet. */
  start(): AdapterProcess;
  readonly hello: Hello;
  /** A case for each operation that the kit has one for. */
  readonly samples: ReadonlyMap<string, Case>;
  readonly deadlineMs: number;
}

/** One thing that an adapter has to do. */
export interface Check {
  readonly name: string;
  /** What is wrong, to follow "the adapter"; undefined when it does it; `skip` when it cannot be told. */
  readonly run: (patient: Patient) => Promise<string | undefined | { readonly skip: string }>;
}

/** A process that has said hello. */
export async function greeted(patient: Patient, protocols: readonly number[] = [1]): Promise<AdapterProcess> {
  const adapter = patient.start();
  await adapter.call('hello', { protocol: protocols }, { deadlineMs: patient.deadlineMs });
  return adapter;
}

/** Greets a process, makes one call and ends it. */
export async function ask(
  patient: Patient,
  op: string,
  params: JsonObject,
  options: Partial<CallOptions> = {},
): Promise<Outcome> {
  const adapter = await greeted(patient);
  const outcome = await adapter.call(op, params, { deadlineMs: patient.deadlineMs, ...options });
  adapter.kill();
  await adapter.ended;
  return outcome;
}

/** Whether two answers are the same, whatever their messages say. */
export function isSame(one: Outcome, other: Outcome): boolean {
  if (one.kind !== 'ok' || other.kind !== 'ok') return fingerprint(one) === fingerprint(other);
  // The members of an object have no order.
  return isDeepStrictEqual(outcomeJson(one), outcomeJson(other));
}

/** Whether it is an answer, whatever it says. */
export function isAnswer({ kind }: Outcome): boolean {
  return kind === 'ok' || kind === 'reject' || kind === 'unsupported' || kind === 'fault';
}
