import { abridge } from '../json.ts';
import { claimText } from '../requirements/claims.ts';
import { disputedCount, type Matrix } from './matrix.ts';

/** The matrix for programs. Text in it is as the results had it, cut where it is long. */
export function matrixJson(matrix: Matrix): string {
  const { columns, suites } = matrix;
  const document = {
    format: 1,
    disagreements: disputedCount(matrix),
    implementations: columns.map(({ key, name, version, language, kit, started, full, claims, counts }) => ({
      key,
      name,
      version,
      language,
      kit,
      started: started ?? null,
      full,
      claim: claimText(claims) ?? null,
      claims,
      summary: Object.fromEntries(counts),
    })),
    cases: suites.flatMap(({ suite, rows }) =>
      rows.map(({ id, level, title, spec, cells, isDisputed }) => ({
        id,
        suite,
        level,
        ...(title === undefined ? {} : { title }),
        spec: spec.map(({ doc, section }) => `${doc} ${section}`),
        ...(isDisputed ? { disputed: true } : {}),
        results: Object.fromEntries(
          cells.flatMap((cell, index) => {
            const key = columns[index]?.key;
            if (cell === undefined || key === undefined) return [];
            const { status, branch, reason, actual, codeMatched, convergenceMs } = cell;
            const rest = {
              ...(branch === undefined ? {} : { branch }),
              ...(reason === undefined ? {} : { reason: abridge(reason) }),
              ...(actual === undefined ? {} : { actual: abridge(actual) }),
              ...(codeMatched === false ? { codeMatched } : {}),
              ...(convergenceMs === undefined ? {} : { convergenceMs }),
            };
            return [[key, { status, ...rest }]];
          }),
        ),
      })),
    ),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}
