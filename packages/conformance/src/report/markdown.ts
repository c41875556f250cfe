import { type Changes, changeList } from './changes.ts';
import { markdown } from './markdown-text.ts';
import { badResults, countStatuses, executedCount, type RunReport } from './run-report.ts';

const MOST_FAILURES = 50;

/** The results for a pull request or a job summary. */
export function markdownReport(report: RunReport, changes?: Changes): string {
  const { name, version } = report.hello.implementation;
  const lines = [
    `## SPIFFE conformance: ${markdown(name)} ${markdown(version)}`,
    '',
    `Kit ${report.kit}, seed \`${report.seed}\`, ${executedCount(report.results)} cases executed${report.full ? '' : ' (a part of the kit)'}${report.partial ? ', interrupted' : ''}.`,
    '',
    ...claimTable(report),
    '| suite | cases | passed | known | unsupported | skipped | failed |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  for (const suite of new Set(report.results.map(({ selected }) => selected.suite))) {
    const results = report.results.filter(({ selected }) => selected.suite === suite);
    const counts = countStatuses(results);
    const known = (counts.get('known-fail') ?? 0) + (counts.get('known-flaky') ?? 0);
    const bad = ['fail', 'error', 'timeout', 'crash', 'unexpected-pass'] as const;
    const failed = bad.reduce((sum, status) => sum + (counts.get(status) ?? 0), 0);
    lines.push(
      `| ${[suite, results.length, counts.get('pass') ?? 0, known, counts.get('unsupported') ?? 0, counts.get('skipped') ?? 0, failed].join(' | ')} |`,
    );
  }
  const bad = new Set(badResults(report.results).map((result) => result.case));
  if (bad.size > 0) lines.push('', '### What failed', '');
  for (const result of report.results.filter((one) => bad.has(one.case)).slice(0, MOST_FAILURES)) {
    const [spec] = result.selected.case.spec;
    const where = spec === undefined ? '' : ` (${spec.doc} ${spec.section})`;
    lines.push(`- **${result.status}** \`${result.case}\`${where}: ${markdown(result.reason ?? '')}`);
    if (spec?.quote !== undefined) lines.push(`  > ${markdown(spec.quote)}`);
  }
  if (bad.size > MOST_FAILURES) lines.push(`- and ${bad.size - MOST_FAILURES} more`);
  if (changes !== undefined) lines.push(...changeLines(changes));
  const branches = report.results.filter(({ branch }) => branch !== undefined);
  if (branches.length > 0) lines.push('', '### Which way was taken where the standard leaves it open', '');
  for (const result of branches) lines.push(`- \`${result.case}\`: ${markdown(result.branch ?? '')}`);
  return `${lines.join('\n')}\n`;
}

function claimTable({ claims }: RunReport): readonly string[] {
  if (claims.length === 0) return [];
  return [
    '| profile | verdict | required cases |',
    '| --- | --- | --- |',
    ...claims.map(({ profile, requirements, verdict, must }) => {
      const counts = Object.entries(must).map(([status, number]) => `${number} ${status}`);
      return `| ${profile} @ ${requirements} | ${verdict === 'conformant' ? '**conformant**' : verdict} | ${counts.join(', ')} |`;
    }),
    '',
  ];
}

function changeLines(changes: Changes): readonly string[] {
  const since = `kit ${markdown(changes.kit)}, version ${markdown(changes.version)}`;
  const lines = ['', `### Changed since ${since}`, ''];
  const lists = changeList(changes);
  if (lists.length === 0) return [...lines, 'Nothing.'];
  for (const [what, ids] of lists) {
    const shown = ids.slice(0, MOST_FAILURES).map((id) => markdown(id));
    const rest = ids.length > shown.length ? `, and ${ids.length - shown.length} more` : '';
    lines.push(`- **${what}** (${ids.length}): ${shown.join(', ')}${rest}`);
  }
  return lines;
}
