import { usageFailure } from '../exit-code.ts';
import { type ReadClaim, type ReadResult, type ResultsFile } from '../report/read-results.ts';
import { isExecuted, type Status, STATUSES } from '../run/result.ts';
import { type Case, type Level, type SpecReference, type VectorFile } from '../vectors/vector.ts';

/** One implementation in one version. */
export interface Column {
  /** `name@version`. */
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly language: string;
  readonly homepage: string | undefined;
  readonly kit: string;
  /** When the run was: RFC 3339; undefined where nobody says. */
  readonly started: string | undefined;
  readonly full: boolean;
  readonly claims: readonly ReadClaim[];
  readonly remarks: readonly string[];
  readonly counts: ReadonlyMap<Status, number>;
  readonly known: readonly ReadResult[];
}

/** One case, and what it came to in each column. */
export interface Row {
  readonly id: string;
  readonly level: Level;
  /** Of a case that this kit knows. */
  readonly title: string | undefined;
  readonly why: string | undefined;
  readonly spec: readonly SpecReference[];
  /** The names of the answers that the standard leaves open. */
  readonly branches: readonly string[];
  /** By column; undefined where the case was not part of the run. */
  readonly cells: readonly (ReadResult | undefined)[];
  /** Whether two columns that executed it came to something else, or went another way. */
  readonly isDisputed: boolean;
}

/** The results of several implementations, beside each other. */
export interface Matrix {
  readonly columns: readonly Column[];
  readonly suites: readonly { readonly suite: string; readonly rows: readonly Row[] }[];
}

/**
 * Puts results beside each other. Files of the same implementation and version become one column, as parts of one run
 * (`--shard`) are.
 *
 * @param files - columns come sorted by name and version, whatever the order of the files.
 * @param suites - what this kit knows about cases; results of others are shown without it.
 * @throws {@link KitFailure} (exit code 2) when two files of one implementation have the same case.
 */
export function buildMatrix(files: readonly ResultsFile[], suites: readonly VectorFile[]): Matrix {
  const groups = Map.groupBy(files, ({ name, version }) => `${name}@${version}`);
  const ports = [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, parts]) => ({ column: columnOf(key, parts), results: resultsOf(key, parts) }));
  const cases = new Map(suites.flatMap((file) => file.cases.map((one) => [one.id, one] as const)));
  const order = suites.map(({ suite }) => suite);
  const ids = [...new Set(ports.flatMap(({ results }) => [...results.keys()]))].toSorted();
  const bySuite = Map.groupBy(ids, (id) => id.split('/')[0] ?? '');
  const rank = (suite: string): number => (order.includes(suite) ? order.indexOf(suite) : order.length);
  return {
    columns: ports.map(({ column }) => column),
    suites: [...bySuite]
      .toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map(([suite, members]) => ({
        suite,
        rows: members.map((id) =>
          rowOf(
            id,
            cases.get(id),
            ports.map(({ results }) => results.get(id)),
          ),
        ),
      })),
  };
}

/** How many rows are disputed. */
export function disputedCount({ suites }: Matrix): number {
  return suites.flatMap(({ rows }) => rows).filter(({ isDisputed }) => isDisputed).length;
}

function columnOf(key: string, parts: readonly ResultsFile[]): Column {
  const [newest] = parts.toSorted((a, b) => ((a.started ?? '') > (b.started ?? '') ? -1 : 1));
  if (newest === undefined) throw new Error(`${key} has no results`);
  const results = parts.flatMap((part) => part.results);
  return {
    key,
    name: newest.name,
    version: newest.version,
    language: newest.language,
    homepage: newest.homepage,
    kit: newest.kit,
    started: newest.started,
    full: newest.full && parts.length === 1,
    // A part of the kit claims nothing. What parts bear out together is for `merge` to tell.
    claims: newest.full && parts.length === 1 ? newest.claims : [],
    remarks: parts.flatMap((part) => part.remarks),
    counts: new Map(
      STATUSES.map(
        (status) => [status, results.filter((one) => one.status === status).length] as const,
      ).filter(([, number]) => number > 0),
    ),
    known: results
      .filter(({ status }) => status === 'known-fail' || status === 'known-flaky')
      .toSorted((a, b) => (a.case < b.case ? -1 : 1)),
  };
}

function resultsOf(key: string, parts: readonly ResultsFile[]): ReadonlyMap<string, ReadResult> {
  const results = new Map<string, ReadResult>();
  for (const { file, results: list } of parts) {
    for (const one of list) {
      if (results.has(one.case)) {
        throw usageFailure(`${file}: ${key} has results for ${one.case} in another file already`);
      }
      results.set(one.case, one);
    }
  }
  return results;
}

function rowOf(id: string, one: Case | undefined, cells: readonly (ReadResult | undefined)[]): Row {
  const ran = cells.filter((cell) => cell !== undefined);
  const branches =
    one !== undefined && 'anyOf' in one.expect
      ? one.expect.anyOf.map(({ branch }) => branch)
      : [...new Set(ran.flatMap(({ branch }) => (branch === undefined ? [] : [branch])))].toSorted();
  const views = new Set(
    ran.filter(({ status }) => isExecuted(status)).map(({ status, branch = '' }) => `${status} ${branch}`),
  );
  return {
    id,
    level: one?.level ?? ran[0]?.level ?? 'must',
    title: one?.title,
    why: one?.why,
    spec: one?.spec ?? [],
    branches,
    cells,
    isDisputed: views.size > 1,
  };
}
