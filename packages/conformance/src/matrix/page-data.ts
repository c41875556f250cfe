import { abridge, type Json } from '../json.ts';
import { type ReadResult } from '../report/read-results.ts';
import { specLink } from '../spec/spec-link.ts';
import { harmless } from '../terminal-text.ts';
import { type Matrix, type Row } from './matrix.ts';
import { ABSENT_MARK, STATUS_MARKS } from './status-mark.ts';

const LONGEST = 2000;

/**
 * What the page shows of a case when it is chosen, as the text of a data block. Everything in it becomes text of the
 * page, never markup.
 */
export function pageData({ columns, suites }: Matrix): string {
  const data = {
    ports: columns.map(({ name, version }) => harmless(`${name} ${version}`, 80)),
    // The sign and the class of each status.
    marks: Object.fromEntries(
      [...Object.entries(STATUS_MARKS), ['absent', ABSENT_MARK] as const].map(
        ([status, { sign, tone }]) => [status, [sign, tone]] as const,
      ),
    ),
    rows: suites.flatMap(({ rows }) => rows.map((row) => rowData(row))),
  };
  // `<` would end the block, whatever it stands in.
  return JSON.stringify(data).replaceAll('<', String.raw`\u003c`);
}

function rowData({ id, level, title, why, spec, cells }: Row): Json {
  const expected = cells.find((cell) => cell?.expected !== undefined)?.expected;
  return {
    id: harmless(id),
    level,
    ...(title === undefined ? {} : { title: harmless(title) }),
    ...(why === undefined ? {} : { why: harmless(why, LONGEST) }),
    spec: spec.map(({ doc, section, quote }) => {
      const link = specLink(doc, section);
      return {
        name: harmless(`${doc} ${section}`),
        ...(quote === undefined ? {} : { quote: harmless(quote, LONGEST) }),
        ...(link === undefined ? {} : { link }),
      };
    }),
    ...(expected === undefined ? {} : { expected: show(expected) }),
    cells: cells.map((cell) => (cell === undefined ? null : cellData(cell))),
  };
}

function cellData({ status, branch, reason, actual, codeMatched, convergenceMs }: ReadResult): Json {
  return {
    status,
    ...(branch === undefined ? {} : { branch: harmless(branch) }),
    ...(reason === undefined ? {} : { reason: harmless(reason, LONGEST) }),
    ...(actual === undefined ? {} : { actual: show(actual) }),
    ...(codeMatched === false ? { other: true } : {}),
    ...(convergenceMs === undefined ? {} : { took: convergenceMs }),
  };
}

function show(value: Json): string {
  return harmless(JSON.stringify(abridge(value)), LONGEST);
}
