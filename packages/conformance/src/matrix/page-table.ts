import { type ReadResult } from '../report/read-results.ts';
import { isBad, type Status } from '../run/result.ts';
import { specLink } from '../spec/spec-link.ts';
import { html } from './html.ts';
import { type Column, type Matrix, type Row } from './matrix.ts';
import { ABSENT_MARK, CHOICE_MARK, STATUS_MARKS, tally } from './status-mark.ts';

/** Cases that differ in what stands in brackets are shown as one line, when they are more than this. */
const FEW = 3;

/** The table: suites, families of cases and cases down, implementations across. */
export function matrixTable({ columns, suites }: Matrix): string {
  let index = 0;
  const bodies = suites.map(({ suite, rows }) => {
    const lines = [suiteLine(suite, rows, columns)];
    for (const [family, members] of Map.groupBy(rows, ({ id }) => id.split('[')[0] ?? id)) {
      const isFamily = members.length > FEW;
      if (isFamily) lines.push(familyLine(family, members));
      for (const row of members) lines.push(caseLine(row, index++, isFamily));
    }
    return `<tbody data-suite="${html(suite)}">\n${lines.join('\n')}\n</tbody>`;
  });
  return [
    '<div class="scroll"><table>',
    '<caption class="quiet">Results by case and implementation</caption>',
    `<thead><tr><th scope="col" class="name">Case</th>${columns.map((column) => head(column)).join('')}</tr></thead>`,
    ...bodies,
    '</table></div>',
  ].join('\n');
}

function head({ name, version }: Column): string {
  return `<th scope="col" class="port"><span class="turn"><bdi>${html(name, 40)}</bdi> <small><bdi>${html(version, 24)}</bdi></small></span></th>`;
}

function suiteLine(suite: string, rows: readonly Row[], columns: readonly Column[]): string {
  const cells = columns.map((_, column) => sumCell(rows.map(({ cells: list }) => list[column]?.status)));
  return `<tr class="suite"><th scope="rowgroup" class="name"><button type="button" aria-expanded="true">${html(suite)} <small>${rows.length}</small></button></th>${cells.join('')}</tr>`;
}

function familyLine(family: string, rows: readonly Row[]): string {
  const columns = (rows[0]?.cells ?? []).map((_, column) => rows.map(({ cells }) => cells[column]));
  const alike = columns.map((cells) => isAlike(cells));
  const cells = columns.map((list, column) => {
    const [first] = list;
    return alike[column] === true && first !== undefined && rows[0] !== undefined
      ? resultCell(first, rows[0], list.length)
      : sumCell(list.map((cell) => cell?.status));
  });
  // One line says it all, also where cases are looked for.
  const isUniform = alike.every(Boolean);
  const classes = isUniform && rows[0]?.isDisputed === true ? 'family disputed' : 'family';
  return `<tr class="${classes}" data-family="${html(family)}"${isUniform ? ' data-uniform' : ''}><th scope="row" class="name"><button type="button" aria-expanded="true">${shortName(family)} <small>×${rows.length}</small></button></th>${cells.join('')}</tr>`;
}

/** Whether all came to the same, and the same way. */
function isAlike(cells: readonly (ReadResult | undefined)[]): boolean {
  const views = cells.map((cell) => `${cell?.status} ${cell?.branch} ${cell?.codeMatched}`);
  return new Set(views).size === 1;
}

function caseLine(row: Row, index: number, isInFamily: boolean): string {
  const { id, level, title = '', spec, cells, isDisputed } = row;
  const [first] = spec;
  const link = first === undefined ? undefined : specLink(first.doc, first.section);
  const where = first === undefined ? '' : html(`${first.doc} ${first.section}`);
  const classes = ['case', ...(isInFamily ? ['member'] : []), ...(isDisputed ? ['disputed'] : [])];
  const failed = cells.some(
    (cell) => cell !== undefined && (isBad(cell.status) || cell.status.startsWith('known-')),
  );
  const notes = [
    `<span class="level ${level}">${level}</span>`,
    link === undefined
      ? `<span class="spec">${where}</span>`
      : `<a class="spec" href="${html(link)}" rel="noopener noreferrer">${where}</a>`,
    `<span class="title">${html(title)}</span>`,
  ];
  return `<tr class="${classes.join(' ')}" data-i="${index}" data-level="${level}"${failed ? ' data-failed' : ''}><th scope="row" class="name"><button type="button" class="show">${isInFamily ? variant(id) : shortName(id)}</button><span class="notes">${notes.join('')}</span></th>${cells.map((cell) => resultCell(cell, row)).join('')}</tr>`;
}

/** Without the suite, which stands above; may be broken at slashes and brackets. */
function shortName(id: string): string {
  return `<code>${html(id.slice(id.indexOf('/') + 1), 200).replaceAll(/[/[]/g, (sign) => (sign === '/' ? '/<wbr>' : '<wbr>['))}</code>`;
}

/** What it differs in from others of its family. */
function variant(id: string): string {
  return `<code>${html(id.slice(id.indexOf('[')), 200).replaceAll(',', ',<wbr>')}</code>`;
}

function resultCell(cell: ReadResult | undefined, { branches }: Row, count = 1): string {
  if (cell === undefined) return td(ABSENT_MARK.tone, ABSENT_MARK.sign, ABSENT_MARK.word);
  const { status, branch, codeMatched, convergenceMs } = cell;
  const mark = STATUS_MARKS[status];
  const took = convergenceMs === undefined ? '' : `<small>${convergenceMs} ms</small>`;
  const many = count === 1 ? took : `<small>${count}</small>`;
  if (status === 'pass' && branch !== undefined) {
    const number = branches.indexOf(branch) + 1;
    const which = number === 0 ? '' : `<sub>${number}</sub>`;
    return td(CHOICE_MARK.tone, `${CHOICE_MARK.sign}${which}${many}`, `${CHOICE_MARK.word}: ${branch}`);
  }
  if (status === 'pass' && codeMatched === false)
    return td(
      mark.tone,
      `${mark.sign}<sup>≠</sup>${many}`,
      'rejected, for another reason than the case names',
    );
  return td(mark.tone, `${mark.sign}${many}`, mark.word);
}

function sumCell(statuses: readonly (Status | undefined)[]): string {
  const { mark, passed, executed, total } = tally(statuses);
  if (executed === 0) return td(mark.tone, mark.sign, total === 0 ? mark.word : `${mark.word}: ${total}`);
  const left = total - executed;
  const word = `${passed} of ${executed} passed${left === 0 ? '' : `, ${left} not executed`}`;
  const share =
    passed === executed
      ? `<small>${passed}</small>`
      : `<small class="wide-only">${passed}/${executed}</small><small class="slim-only">${executed - passed}</small>`;
  return td(mark.tone, `${mark.sign}${share}`, word);
}

function td(tone: string, sign: string, word: string): string {
  return `<td class="${tone}"><span title="${html(word)}">${sign}</span></td>`;
}
