import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { type Case, type RecordedOutcome } from '../src/vectors/vector.ts';

const ADAPTER = join(import.meta.dirname, '../../../interop/typescript/src/main.ts');

/** What the reference answers to each case; nothing where it does not have the operation. */
export function askReference(cases: readonly Case[]): ReadonlyMap<string, RecordedOutcome> {
  const calls = cases.map(({ op, params, time }, index) => ({
    id: index + 1,
    op,
    params: time.mode === 'fixed' ? { ...params, at: time.at } : params,
  }));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@svidkit/source', ADAPTER], {
    input: calls.map((call) => `${JSON.stringify(call)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`the reference adapter ended with ${status}: ${stderr}`);
  const found = new Map<string, RecordedOutcome>();
  for (const line of stdout.trimEnd().split('\n')) {
    const { id, ok, reject, fault } = JSON.parse(line) as {
      id: number;
      ok?: { [name: string]: never };
      reject?: { code: string };
      fault?: { message: string };
    };
    const one = cases[id - 1];
    if (one === undefined) throw new Error(`an answer to call ${id}, which nobody made`);
    if (fault !== undefined)
      throw new Error(`${one.id}: the reference adapter reported a fault: ${fault.message}`);
    if (ok !== undefined) found.set(one.id, { ok });
    if (reject !== undefined) found.set(one.id, { reject: { code: reject.code } });
  }
  return found;
}
