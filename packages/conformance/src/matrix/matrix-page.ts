import { createHash } from 'node:crypto';

import { EXIT, KitFailure } from '../exit-code.ts';
import { ownFile } from '../own-file.ts';
import { count } from '../terminal-text.ts';
import { LEVELS } from '../vectors/vector.ts';
import { html } from './html.ts';
import { disputedCount, type Matrix } from './matrix.ts';
import { pageData } from './page-data.ts';
import { portCards } from './page-ports.ts';
import { matrixTable } from './page-table.ts';
import { CHOICE_MARK, STATUS_MARKS } from './status-mark.ts';

/**
 * The matrix as one page that needs nothing else: no network, and a policy that allows its own style and script alone.
 *
 * @throws {@link KitFailure} when its parts are not beside the program.
 */
export function matrixPage(matrix: Matrix): string {
  const [style, script] = [asset('assets/matrix.css'), asset('assets/matrix.js')];
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const cases = matrix.suites.reduce((sum, { rows }) => sum + rows.length, 0);
  const disputed = disputedCount(matrix);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<meta name="referrer" content="no-referrer">',
    '<title>SPIFFE conformance</title>',
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    '<header>',
    '<h1>SPIFFE conformance</h1>',
    `<p>${count(matrix.columns.length, 'implementation')}, ${count(cases, 'case')}, ${disputed === 0 ? 'and all agree' : `<b>${count(disputed, 'disagreement')}</b>`}. Results of the conformance kit, as each run reported them.</p>`,
    '</header>',
    portCards(matrix.columns),
    filters(matrix, disputed),
    matrixTable(matrix),
    '<noscript><p>Filters and details need the script of this page. The same data are in <a href="matrix.json">matrix.json</a>.</p></noscript>',
    '<dialog id="details" aria-labelledby="details-name"></dialog>',
    '<footer>',
    legend(),
    '</footer>',
    `<script type="application/json" id="data">${pageData(matrix)}</script>`,
    `<script type="module">${script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function filters({ suites }: Matrix, disputed: number): string {
  return [
    '<div class="filters" role="search">',
    '<input id="text" type="search" placeholder="Search cases, titles, sections" aria-label="Search">',
    `<label class="toggle"><input id="disputed" type="checkbox"> Disagreements <small>${disputed}</small></label>`,
    '<label class="toggle"><input id="failed" type="checkbox"> Failures</label>',
    `<select id="level" aria-label="Level"><option value="">all levels</option>${options(LEVELS)}</select>`,
    `<select id="suite" aria-label="Suite"><option value="">all suites</option>${options(suites.map(({ suite }) => suite))}</select>`,
    '<button type="button" id="fold" aria-pressed="false">Open all</button>',
    '<output id="shown"></output>',
    '</div>',
  ].join('\n');
}

function options(names: readonly string[]): string {
  return names.map((name) => `<option>${html(name)}</option>`).join('');
}

function legend(): string {
  const marks = [...Object.values(STATUS_MARKS), CHOICE_MARK];
  return `<ul class="legend">${marks.map(({ sign, word, tone }) => `<li><span class="${tone}">${sign}</span> ${word}</li>`).join('')}</ul>`;
}

function asset(path: string): string {
  const text = ownFile(path);
  if (text === undefined) throw new KitFailure(EXIT.kit, `${path} is not beside this program`);
  return text;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
