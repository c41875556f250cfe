import { LATER, SECTIONS } from './catalogue.ts';
import { type PlayedCase } from './played-cases.ts';
import { type SuiteDraft } from './render.ts';

/** The rows of the catalogue and what came of them: case ids, or why there are none yet. */
export function coverageText(suites: readonly SuiteDraft[], played: readonly PlayedCase[]): string {
  const ids = new Map<number, string[]>();
  for (const { suite, drafts } of suites) {
    for (const { row, id } of drafts) ids.set(row, [...(ids.get(row) ?? []), `${suite}/${id}`]);
  }
  for (const { row, id } of played) ids.set(row, [...(ids.get(row) ?? []), id]);
  const rows = SECTIONS.flatMap(({ from, to, finished, later }) =>
    Array.from({ length: to - from + 1 }, (_, index) => {
      const row = from + index;
      const found = ids.get(row)?.toSorted();
      const reason = LATER[row] ?? (finished ? 'MISSING' : later);
      return `${JSON.stringify(String(row))}:${JSON.stringify(found ?? `later: ${reason}`)}`;
    }),
  );
  const sections = SECTIONS.map(({ number, name, from, to, finished }) =>
    JSON.stringify({ number, name, from, to, finished }),
  );
  return `{"sections":[\n${sections.join(',\n')}\n],"rows":{\n${rows.join(',\n')}\n}}\n`;
}
