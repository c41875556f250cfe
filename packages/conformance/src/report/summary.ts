import { count, harmless } from '../terminal-text.ts';
import { type Changes, changeList } from './changes.ts';
import { badResults, countStatuses, executedCount, type RunReport } from './run-report.ts';

const MOST_FAILURES = 20;
const MOST_CHANGES = 10;

/** The end of a run for people: what failed and why, what was left out, and the counts. */
export function summaryText(report: RunReport, changes?: Changes): string {
  const { results, hello, remarks } = report;
  const bad = badResults(results);
  const lines = [''];
  for (const result of bad.slice(0, MOST_FAILURES)) {
    lines.push(`${result.status.toUpperCase()} ${result.case}`, `  ${harmless(result.reason ?? '')}`);
  }
  if (bad.length > MOST_FAILURES) lines.push(`... and ${bad.length - MOST_FAILURES} more`);
  if (bad.length > 0) {
    const outside = report.filters.filter((filter) => filter.startsWith('--outside '));
    lines.push(`See ${['spiffe-conformance explain', bad[0]?.case ?? '', ...outside].join(' ')}`, '');
  }
  for (const remark of remarks) lines.push(`note: ${harmless(remark)}`);
  const otherReasons = results.filter(
    (result) => result.status === 'pass' && result.codeMatched === false,
  ).length;
  if (otherReasons > 0)
    lines.push(`note: ${count(otherReasons, 'rejection')} passed for another reason than the case names`);
  const branches = results.filter((result) => result.branch !== undefined).length;
  if (branches > 0)
    lines.push(
      `note: ${count(branches, 'case')} left open by the standard; the results say which way was taken`,
    );
  if (changes !== undefined) lines.push(...changeLines(changes));
  const { name, version } = hello.implementation;
  const counts = Array.from(countStatuses(results), ([status, number]) => `${number} ${status}`).join(', ');
  lines.push(
    `${harmless(name)} ${harmless(version)}, kit ${report.kit}, seed ${report.seed}, ${(report.durationMs / 1000).toFixed(1)} s`,
    `${report.partial ? 'interrupted after ' : ''}${count(executedCount(results), 'case')} executed: ${counts}`,
  );
  for (const { profile, requirements, verdict, must } of report.claims)
    lines.push(
      `${profile} @ ${requirements}: ${verdict}${verdict === 'conformant' ? '' : ` (${shares(must)})`}`,
    );
  if (!report.full) lines.push('A part of the kit was selected, so nothing can be claimed from this run.');
  return `${lines.join('\n')}\n`;
}

function shares(must: Readonly<Record<string, number>>): string {
  return Object.entries(must)
    .map(([status, number]) => `${number} ${status}`)
    .join(', ');
}

function changeLines(changes: Changes): readonly string[] {
  const since = `since kit ${harmless(changes.kit)} and version ${harmless(changes.version)}`;
  const lists = changeList(changes);
  if (lists.length === 0) return [`Nothing has changed ${since}.`];
  return [
    `Changed ${since}:`,
    ...lists.map(([what, ids]) => {
      const shown = ids.slice(0, MOST_CHANGES).map((id) => harmless(id));
      const rest = ids.length > shown.length ? `, and ${ids.length - shown.length} more` : '';
      return `  ${what} (${ids.length}): ${shown.join(', ')}${rest}`;
    }),
  ];
}
