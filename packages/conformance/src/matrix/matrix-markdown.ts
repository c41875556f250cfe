import { markdown } from '../report/markdown-text.ts';
import { type ReadResult } from '../report/read-results.ts';
import { claimText } from '../requirements/claims.ts';
import { disputedCount, type Matrix, type Row } from './matrix.ts';
import { ABSENT_MARK, CHOICE_MARK, STATUS_MARKS, tally } from './status-mark.ts';

const MOST_DISPUTED = 400;

/** The matrix as Markdown: how each implementation did by suite, and where they disagree. */
export function matrixMarkdown(matrix: Matrix): string {
  const { columns, suites } = matrix;
  const heads = columns.map(({ name, version }) => `${markdown(name)} ${markdown(version)}`);
  const lines = [
    '# SPIFFE conformance',
    '',
    row('', heads),
    row(
      '---',
      columns.map(() => ':---:'),
    ),
    row(
      'language',
      columns.map(({ language }) => markdown(language)),
    ),
    row(
      'claim',
      columns.map(({ claims }) => markdown(claimText(claims) ?? '-')),
    ),
    row(
      'kit',
      columns.map(({ kit }) => markdown(kit)),
    ),
    ...(columns.every(({ started }) => started === undefined)
      ? []
      : [
          row(
            'date',
            columns.map(({ started }) => started?.slice(0, 10) ?? '-'),
          ),
        ]),
    ...suites.map(({ suite, rows }) =>
      row(
        `${markdown(suite)} (${rows.length})`,
        columns.map((_, index) => sum(rows, index)),
      ),
    ),
  ];
  const disputed = suites.flatMap(({ rows }) => rows).filter(({ isDisputed }) => isDisputed);
  if (disputed.length > 0) {
    lines.push('', `## Disagreements: ${disputedCount(matrix)}`, '', row('case', ['level', ...heads]));
    lines.push(row('---', ['---', ...columns.map(() => ':---:')]));
    for (const { id, level, cells } of disputed.slice(0, MOST_DISPUTED))
      lines.push(row(markdown(id), [level, ...cells.map((cell) => sign(cell))]));
    if (disputed.length > MOST_DISPUTED) lines.push('', `and ${disputed.length - MOST_DISPUTED} more`);
  }
  const marks = Object.values(STATUS_MARKS).map(({ sign: mark, word }) => `${mark} ${word}`);
  lines.push('', [...marks, `${CHOICE_MARK.sign} ${CHOICE_MARK.word}`].join(' · '));
  return `${lines.join('\n')}\n`;
}

function row(first: string, rest: readonly string[]): string {
  return `| ${[first, ...rest].join(' | ')} |`;
}

function sum(rows: readonly Row[], index: number): string {
  const { mark, passed, executed } = tally(rows.map(({ cells }) => cells[index]?.status));
  if (executed === 0) return mark.sign;
  return `${mark.sign} ${passed === executed ? passed : `${passed}/${executed}`}`;
}

function sign(cell: ReadResult | undefined): string {
  if (cell === undefined) return ABSENT_MARK.sign;
  if (cell.status === 'pass' && cell.branch !== undefined)
    return `${CHOICE_MARK.sign} ${markdown(cell.branch)}`;
  return STATUS_MARKS[cell.status].sign;
}
