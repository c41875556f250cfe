import { claimText } from '../requirements/claims.ts';
import { type Status, STATUSES } from '../run/result.ts';
import { count } from '../terminal-text.ts';
import { html } from './html.ts';
import { type Column } from './matrix.ts';
import { STATUS_MARKS } from './status-mark.ts';

const MOST_KNOWN = 200;

/** The cards above the table: one for each implementation, with what it claims and how it did. */
export function portCards(columns: readonly Column[]): string {
  return `<section class="ports" aria-label="Implementations">\n${columns.map((column) => card(column)).join('\n')}\n</section>`;
}

function card(column: Column): string {
  const { name, version, language, homepage, kit, started, full, claims, counts, known, remarks } = column;
  const title = html(name, 80);
  const executed = [...counts].filter(([status]) => status !== 'unsupported' && status !== 'skipped');
  const total = executed.reduce((sum, [, number]) => sum + number, 0);
  const claim = claimText(claims);
  const lines = [
    `<article class="port">`,
    `<h2><bdi>${homepage === undefined ? title : `<a href="${html(homepage, 500)}" rel="noopener noreferrer">${title}</a>`}</bdi> <small><bdi>${html(version, 40)}</bdi></small></h2>`,
    `<p class="score"><b>${counts.get('pass') ?? 0}</b> of ${total} passed</p>`,
    bar(counts),
    `<ul class="counts">${STATUSES.filter((status) => counts.has(status))
      .map((status) => countItem(status, counts.get(status) ?? 0))
      .join('')}</ul>`,
    claim === undefined ? '' : `<p class="claim">conformant: <b><bdi>${html(claim, 200)}</bdi></b></p>`,
    `<p class="facts">${claim === undefined ? (full ? 'no claim · ' : 'a part of the kit, no claim · ') : ''}<bdi>${html(language, 40)}</bdi> · kit <bdi>${html(kit, 40)}</bdi>${started === undefined ? '' : ` · <time datetime="${html(started)}">${html(started.slice(0, 10))}</time>`}</p>`,
  ];
  if (known.length > 0) {
    lines.push(
      `<details><summary>${count(known.length, 'known failure')}</summary><ul>`,
      ...known
        .slice(0, MOST_KNOWN)
        .map((one) => `<li><code>${html(one.case)}</code> <bdi>${html(one.reason ?? '', 300)}</bdi></li>`),
      ...(known.length > MOST_KNOWN ? [`<li>and ${known.length - MOST_KNOWN} more</li>`] : []),
      '</ul></details>',
    );
  }
  if (remarks.length > 0) {
    lines.push(
      `<details><summary>${count(remarks.length, 'remark')}</summary><ul>`,
      ...remarks.slice(0, 20).map((remark) => `<li><bdi>${html(remark, 300)}</bdi></li>`),
      '</ul></details>',
    );
  }
  return [...lines, '</article>'].join('\n');
}

function countItem(status: Status, number: number): string {
  const { sign, word, tone } = STATUS_MARKS[status];
  return `<li title="${word}"><span class="${tone}" aria-hidden="true">${sign}</span> ${number} <span class="word">${status}</span></li>`;
}

/** Attributes of SVG, since the policy of the page allows no style of its own on an element. */
function bar(counts: ReadonlyMap<Status, number>): string {
  const total = [...counts.values()].reduce((sum, number) => sum + number, 0);
  const widths = new Map<string, number>();
  for (const [status, number] of counts) {
    const { tone } = STATUS_MARKS[status];
    widths.set(tone, (widths.get(tone) ?? 0) + (100 * number) / Math.max(total, 1));
  }
  let x = 0;
  const parts: string[] = [];
  for (const tone of ['good', 'known', 'bad', 'none']) {
    const width = widths.get(tone) ?? 0;
    // Not so thin that a single failure cannot be seen.
    const shown = width === 0 ? 0 : Math.max(width, 1);
    if (shown > 0)
      parts.push(`<rect class="${tone}" x="${x.toFixed(2)}" width="${shown.toFixed(2)}" height="6"/>`);
    x += shown;
  }
  return `<svg class="bar" viewBox="0 0 ${Math.max(x, 1).toFixed(2)} 6" preserveAspectRatio="none" aria-hidden="true">${parts.join('')}</svg>`;
}
