import { html } from '../matrix/html.ts';
import { claimText } from '../requirements/claims.ts';
import { type RunReport } from './run-report.ts';

const LABEL = 'SPIFFE conformance';
const COLOURS = { brightgreen: '#2a7f46', yellow: '#8a6500', orange: '#a8430d' } as const;
/** Of Verdana at 11 pixels, about: the text is fitted to what is reserved for it. */
const CHARACTER = 6.6;

interface Badge {
  readonly message: string;
  readonly color: keyof typeof COLOURS;
}

/** The badge as `https://shields.io/badges/endpoint-badge` reads it. */
export function badgeJson(report: RunReport): string {
  return `${JSON.stringify({ schemaVersion: 1, label: LABEL, ...badgeOf(report) })}\n`;
}

/** The badge as a picture that needs nothing else. */
export function badgeSvg(report: RunReport): string {
  const { message, color } = badgeOf(report);
  const [left, right] = [LABEL, message].map((text) => Math.round(text.length * CHARACTER) + 12);
  if (left === undefined || right === undefined) throw new Error('a badge has two halves');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${html(`${LABEL}: ${message}`)}">`,
    `<title>${html(`${LABEL}: ${message}`)}</title>`,
    `<clipPath id="r"><rect width="${left + right}" height="20" rx="3"/></clipPath>`,
    `<g clip-path="url(#r)"><rect width="${left}" height="20" fill="#4a5058"/><rect x="${left}" width="${right}" height="20" fill="${COLOURS[color]}"/></g>`,
    `<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${half(LABEL, 0, left)}${half(message, left, right)}</g>`,
    '</svg>',
    '',
  ].join('\n');
}

function half(text: string, x: number, width: number): string {
  return `<text x="${x + 6}" y="14" textLength="${width - 12}" lengthAdjust="spacingAndGlyphs">${html(text)}</text>`;
}

function badgeOf({ claims, requirements }: RunReport): Badge {
  const claimed = claimText(claims);
  if (claimed !== undefined) return { message: claimed, color: 'brightgreen' };
  const incomplete = claims.filter(({ verdict }) => verdict === 'incomplete').map(({ profile }) => profile);
  return incomplete.length > 0
    ? { message: `${incomplete.join('+')} incomplete @ ${requirements}`, color: 'yellow' }
    : { message: `not conformant @ ${requirements}`, color: 'orange' };
}
