import { readFileSync } from 'node:fs';

import { usageFailure } from '../exit-code.ts';
import { isObject, type Json, type JsonObject, member, parseJson, textMember } from '../json.ts';
import { type Status, STATUSES } from '../run/result.ts';
import { type Level, LEVELS } from '../vectors/vector.ts';

/** The result of a case, as a results file has it. Every text in it is whatever somebody wrote. */
export interface ReadResult {
  readonly case: string;
  readonly level: Level;
  readonly status: Status;
  readonly branch?: string;
  readonly reason?: string;
  readonly expected?: Json;
  readonly actual?: Json;
  readonly codeMatched?: boolean;
  /** How long it took until what was written down counted, in milliseconds. */
  readonly convergenceMs?: number;
}

/** What a run says about a profile. */
export interface ReadClaim {
  readonly profile: string;
  readonly requirements: string;
  readonly verdict: string;
}

/** A results file, read. */
export interface ResultsFile {
  readonly file: string;
  readonly kit: string;
  readonly name: string;
  readonly version: string;
  readonly language: string;
  readonly homepage: string | undefined;
  /** RFC 3339; undefined in results that are kept whenever they were made. */
  readonly started: string | undefined;
  readonly seed: string;
  /** Whether every case of the kit was selected, and the run came to its end. */
  readonly full: boolean;
  readonly claims: readonly ReadClaim[];
  readonly remarks: readonly string[];
  readonly results: readonly ReadResult[];
}

/**
 * Reads a results file (`schemas/results.v1.schema.json`), which may come from anybody.
 *
 * @throws {@link KitFailure} (exit code 2) that says what is wrong with it.
 */
export function readResults(file: string): ResultsFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw usageFailure(`${file}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  return parseResults(text, file);
}

/**
 * Reads the text of a results file.
 *
 * @param file - where it is from, for messages.
 * @throws {@link KitFailure} (exit code 2) that says what is wrong with it.
 */
export function parseResults(text: string, file: string): ResultsFile {
  const document = readDocument(text, file);
  const implementation = objectOf(document, 'implementation', file);
  const run = objectOf(document, 'run', file);
  const results = member(document, 'results');
  if (!Array.isArray(results)) throw usageFailure(`${file}: has no list of results`);
  const [name, version, language] = ['name', 'version', 'language'].map((key) =>
    textMember(implementation, key),
  );
  if (name === undefined || name === '' || version === undefined || language === undefined) {
    throw usageFailure(`${file}: does not say whose results they are`);
  }
  const started = member(run, 'started');
  if (started !== undefined && (typeof started !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(started))) {
    throw usageFailure(`${file}: does not say when it was`);
  }
  const selection = member(run, 'selection');
  const list: readonly Json[] = results;
  const read = list.map((one, index) => readResult(one, `${file}: result ${index + 1}`));
  const ids = new Set(read.map((one) => one.case));
  if (ids.size < read.length) throw usageFailure(`${file}: has two results for one case`);
  return {
    file,
    kit: textMember(document, 'kit'),
    name,
    version,
    language,
    homepage: httpsUrl(textMember(implementation, 'homepage')),
    started,
    seed: textMember(run, 'seed'),
    full: isObject(selection) && member(selection, 'full') === true && member(run, 'partial') !== true,
    claims: listOf(document, 'claims').map((claim) => ({
      profile: textMember(claim, 'profile'),
      requirements: textMember(claim, 'requirements'),
      verdict: textMember(claim, 'verdict'),
    })),
    remarks: textsOf(run, 'remarks'),
    results: read,
  };
}

function readDocument(text: string, file: string): JsonObject {
  let document: Json;
  try {
    document = parseJson(text);
  } catch (error) {
    throw usageFailure(`${file}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  if (isObject(document) && member(document, 'format') === 1) return document;
  throw usageFailure(`${file}: want results of format 1, as run --json writes them`);
}

function readResult(value: Json, where: string): ReadResult {
  if (!isObject(value)) throw usageFailure(`${where} is no object`);
  const level = LEVELS.find((one) => one === member(value, 'level'));
  const status = STATUSES.find((one) => one === member(value, 'status'));
  const id = textMember(value, 'case');
  if (!/^[^/]+\/[^/]+\/./.test(id) || level === undefined || status === undefined) {
    throw usageFailure(`${where} has no case, level or status that this kit knows`);
  }
  const text = (name: 'branch' | 'reason'): object => {
    const given = member(value, name);
    return typeof given === 'string' ? { [name]: given } : {};
  };
  const [expected, actual] = [member(value, 'expected'), member(value, 'actual')];
  const convergence = member(value, 'convergenceMs');
  return {
    case: id,
    level,
    status,
    ...text('branch'),
    ...text('reason'),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    ...(member(value, 'codeMatched') === false ? { codeMatched: false } : {}),
    ...(typeof convergence === 'number' ? { convergenceMs: Math.round(convergence) } : {}),
  };
}

function objectOf(document: JsonObject, name: string, file: string): JsonObject {
  const value = member(document, name);
  if (isObject(value)) return value;
  throw usageFailure(`${file}: has no ${name}`);
}

function listOf(document: JsonObject, name: string): readonly JsonObject[] {
  const value = member(document, name);
  const entries: readonly Json[] = Array.isArray(value) ? value : [];
  return entries.filter((one) => isObject(one));
}

function textsOf(document: JsonObject, name: string): readonly string[] {
  const value = member(document, name);
  const entries: readonly Json[] = Array.isArray(value) ? value : [];
  return entries.filter((one) => typeof one === 'string');
}

/** Nothing but https: a homepage is a link on somebody's page. */
function httpsUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined;
}
