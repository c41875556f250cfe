import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Check, CHECKS, type Row } from './result.ts';

const GUIDE = join(import.meta.dirname, '../../docs/drivers.md');
const BEGIN = '<!-- begin: written by `npm run interop -- drivers` -->';
const END = '<!-- end -->';

/** The results as a table of Markdown, aligned. */
export function renderTable(rows: readonly Row[]): string {
  const checks = Object.keys(CHECKS) as Check[];
  const cells = [
    ['driver', 'options from', 'server', 'proof', ...checks],
    ...rows.map((row) => [
      `${row.driver} ${row.version}`,
      `\`${row.way}\``,
      `${row.server} ${row.serverVersion}`,
      row.proof,
      ...checks.map((check) => {
        const { state } = row.checks[check];
        if (state === 'passed') return 'yes';
        return state === 'failed' ? '**NO**' : '-';
      }),
    ]),
  ];
  const widths = cells[0]?.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0))) ?? [];
  const lines = cells.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}

/** Puts the results between the markers of `docs/drivers.md`. */
export async function writeGuide(rows: readonly Row[]): Promise<void> {
  const text = await readFile(GUIDE, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${GUIDE} has no markers`);
  const explained = Object.entries(CHECKS).map(([check, what]) => `- **${check}**: ${what}.`);
  const servers = new Map(
    rows.map((row) => [row.server, `- ${row.server} ${row.serverVersion}: ${row.configured}`]),
  );
  const generated = [
    renderTable(rows),
    explained.join('\n'),
    `How the servers were told to require certificates of clients:\n\n${[...servers.values()].join('\n')}`,
  ].join('\n\n');
  await writeFile(GUIDE, `${before}${BEGIN}\n\n${generated}\n\n${END}${after}`);
}
