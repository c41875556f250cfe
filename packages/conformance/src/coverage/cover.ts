import { type CatalogueCoverage, type Clause, type ClauseFile } from './clause.ts';

/** What stands for a sentence of the standards. */
export type Cover =
  /** These cases test it. */
  | { readonly kind: 'cases'; readonly ids: readonly string[] }
  /** Cases are planned, in suites that do not exist or are not finished. */
  | { readonly kind: 'waiting'; readonly suites: readonly string[] }
  /** There can be no case. */
  | { readonly kind: 'reason'; readonly name: string; readonly why: string }
  | { readonly kind: 'nothing'; readonly why: string };

/** Says what stands for each sentence. */
export function cover(
  { clauses, reasons }: ClauseFile,
  catalogue: CatalogueCoverage,
): ReadonlyMap<Clause, Cover> {
  return new Map(clauses.map((clause) => [clause, coverOf(clause, reasons, catalogue)] as const));
}

function coverOf(
  { rows = [], reason }: Clause,
  reasons: Readonly<Record<string, string>>,
  { rows: catalogue, sections }: CatalogueCoverage,
): Cover {
  if (reason !== undefined) {
    const why = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined;
    return why === undefined
      ? { kind: 'nothing', why: `there is no reason ${reason}` }
      : { kind: 'reason', name: reason, why };
  }
  const found = rows.map((row) => catalogue[String(row)] ?? 'later: no such row');
  const ids = found.flatMap((one) => (typeof one === 'string' ? [] : one));
  if (ids.length > 0) return { kind: 'cases', ids };
  const open = rows.flatMap((row) =>
    sections.filter(({ from, to, finished }) => !finished && row >= from && row <= to),
  );
  if (open.length > 0)
    return { kind: 'waiting', suites: [...new Set(open.map(({ name }) => name))].toSorted() };
  return { kind: 'nothing', why: rows.length === 0 ? 'it names no row' : found.join('; ') };
}
