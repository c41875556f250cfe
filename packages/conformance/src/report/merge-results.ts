import { readFileSync } from 'node:fs';

import { usageFailure } from '../exit-code.ts';
import {
  isObject,
  isStringList,
  type Json,
  type JsonObject,
  member,
  parseJson,
  textMember,
} from '../json.ts';
import { claimsOf } from '../requirements/claims.ts';
import { loadRequirements, NEWEST_REVISION } from '../requirements/requirement-set.ts';
import { isKitFailure, type Status, STATUSES } from '../run/result.ts';
import { type ReadResult, readResults } from './read-results.ts';

/** The parts of one run, put together. */
export interface MergedResults {
  /** As `run --json` would have written it. */
  readonly text: string;
  readonly results: readonly ReadResult[];
  /** The names of the profiles that are conformant. */
  readonly conformant: readonly string[];
}

/**
 * Puts together what `run --shard 1/3`, `2/3` and `3/3` wrote. Together they have to be every case of this kit, judged for
 * one version of one implementation.
 *
 * @param cases - the ids of all cases.
 * @param kit - the version of this kit.
 * @throws {@link KitFailure} (exit code 2) that says why they are not the parts of one run.
 */
export function mergeResults(files: readonly string[], cases: readonly string[], kit: string): MergedResults {
  const parts = files.map((file) => ({ file, read: readResults(file), raw: rawDocument(file) }));
  const [first] = parts;
  if (first === undefined) throw usageFailure('which results? Name the files that run --shard --json wrote');
  for (const { file, read, raw } of parts) {
    if (read.kit !== kit) throw usageFailure(`${file}: is of kit ${read.kit}, and this is ${kit}`);
    if (!isSame(raw, first.raw, 'implementation'))
      throw usageFailure(`${file}: is of another implementation than ${first.file}`);
    if (member(runOf(raw), 'partial') === true) throw usageFailure(`${file}: is of a run that was cut short`);
    if (read.results.some((one) => isKitFailure(one)))
      throw usageFailure(`${file}: is of a run in which the kit failed`);
  }
  requireShards(parts.map(({ file, raw }) => ({ file, shard: shardOf(raw, file) })));
  const results = parts.flatMap(({ read }) => read.results).toSorted((a, b) => (a.case < b.case ? -1 : 1));
  const ids = new Set(results.map((one) => one.case));
  const missing = cases.find((id) => !ids.has(id));
  if (ids.size < results.length || missing !== undefined)
    throw usageFailure(
      missing === undefined ? 'two of the files have the same case' : `none of the files has ${missing}`,
    );
  const revision = textMember(selectionOf(first.raw), 'requirements') || NEWEST_REVISION;
  const claims = claimsOf(loadRequirements(revision), results);
  const { results: _, ...head } = first.raw;
  const document = {
    ...head,
    run: mergedRun(
      parts.map(({ raw }) => runOf(raw)),
      revision,
    ),
    summary: summaryOf(results.map(({ status }) => status)),
    claims,
    results: parts
      .flatMap(({ raw }) => resultsOf(raw))
      .toSorted((a, b) => (textMember(a, 'case') < textMember(b, 'case') ? -1 : 1)),
  };
  return {
    text: `${JSON.stringify(document, null, 1)}\n`,
    results,
    conformant: claims.filter(({ verdict }) => verdict === 'conformant').map(({ profile }) => profile),
  };
}

function requireShards(parts: readonly { readonly file: string; readonly shard: string }[]): void {
  const [, of = ''] = parts[0]?.shard.split('/') ?? [];
  const wanted = Array.from({ length: Number(of) }, (_, index) => `${index + 1}/${of}`);
  const given = parts.map(({ shard }) => shard);
  const lacking = wanted.filter((shard) => !given.includes(shard));
  if (lacking.length > 0) throw usageFailure(`the parts ${lacking.join(', ')} are missing`);
  if (given.length > wanted.length) throw usageFailure(`${given.length} files are no ${wanted.length} parts`);
}

/** Which part it is; only that may have been left out. */
function shardOf(raw: JsonObject, file: string): string {
  const filters = member(selectionOf(raw), 'filters');
  const [only = '', ...others] = isStringList(filters) ? filters : [];
  const shard = /^--shard (\d+\/\d+)$/.exec(only)?.[1];
  if (shard === undefined || others.length > 0)
    throw usageFailure(`${file}: is of no run with --shard alone`);
  return shard;
}

function mergedRun(runs: readonly JsonObject[], requirements: string): JsonObject {
  const [first = {}] = runs.toSorted((a, b) =>
    textMember(a, 'started') < textMember(b, 'started') ? -1 : 1,
  );
  const remarks = runs.flatMap((run) => {
    const list = member(run, 'remarks');
    return isStringList(list) ? list : [];
  });
  const duration = runs.map((run) => member(run, 'durationMs')).filter((ms) => typeof ms === 'number');
  const { remarks: _, ...rest } = first;
  return {
    ...rest,
    durationMs: duration.reduce((sum, ms) => sum + ms, 0),
    seed: [...new Set(runs.map((run) => textMember(run, 'seed')))].join(','),
    selection: { full: true, filters: [], requirements },
    ...(remarks.length === 0 ? {} : { remarks: [...new Set(remarks)] }),
  };
}

function summaryOf(statuses: readonly Status[]): JsonObject {
  return Object.fromEntries(
    STATUSES.map((status) => [status, statuses.filter((one) => one === status).length] as const).filter(
      ([, number]) => number > 0,
    ),
  );
}

function rawDocument(file: string): JsonObject {
  const document = parseJson(readFileSync(file, 'utf8'));
  return isObject(document) ? document : {};
}

function runOf(raw: JsonObject): JsonObject {
  const run = member(raw, 'run');
  return isObject(run) ? run : {};
}

function selectionOf(raw: JsonObject): JsonObject {
  const selection = member(runOf(raw), 'selection');
  return isObject(selection) ? selection : {};
}

function resultsOf(raw: JsonObject): readonly JsonObject[] {
  const value = member(raw, 'results');
  const entries: readonly Json[] = Array.isArray(value) ? value : [];
  return entries.filter((one) => isObject(one));
}

function isSame(one: JsonObject, other: JsonObject, name: string): boolean {
  return JSON.stringify(member(one, name)) === JSON.stringify(member(other, name));
}
