import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Result } from './scenario.ts';

const GUIDE = join(import.meta.dirname, '../../docs/interop/spire.md');
const BEGIN = '<!-- begin: written by `npm run interop -- spire` -->';
const END = '<!-- end -->';

/** The results as a table of Markdown, aligned. */
export function renderTable(results: readonly Result[]): string {
  const cells = [
    ['scenario', 'identity by', 'result', 'seconds', 'what it shows'],
    ...results.map(({ name, via, state, seconds, shows }) => [
      `\`${name}\``,
      via,
      state === 'failed' ? '**FAILED**' : state,
      state === 'skipped' ? '-' : String(seconds),
      shows,
    ]),
  ];
  const widths = cells[0]?.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0))) ?? [];
  const lines = cells.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}

/** Puts the results between the markers of `docs/interop/spire.md`. */
export async function writeGuide(
  results: readonly Result[],
  versions: Readonly<Record<string, string>>,
): Promise<void> {
  const text = await readFile(GUIDE, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${GUIDE} has no markers`);
  const figures = results.map(({ name, via, figures: told }) => `- \`${name}\` (${via}): ${told}.`);
  const generated = [
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version.replace(/^v/, '')}`)
      .join(', '),
    renderTable(results),
    `What was counted in that run:\n\n${figures.join('\n')}`,
  ].join('\n\n');
  await writeFile(GUIDE, `${before}${BEGIN}\n\n${generated}\n\n${END}${after}`);
}
