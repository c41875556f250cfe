import { type JsonObject, member, textMember } from '../json.ts';
import { type Call, mishears, misreports, type Mutant, refuses } from './mutant.ts';

/** Mutants that read SPIFFE IDs and trust domains wrongly. */
export const ID_MUTANTS: readonly Mutant[] = [
  mishears('id-url-parser', 'reads IDs with a URL parser, which repairs them', (call) =>
    changed(call, throughUrl),
  ),
  mishears('id-trim', 'strips white space around IDs', (call) => changed(call, (text) => text.trim())),
  mishears('id-strip-controls', 'strips tabs and line ends out of IDs', (call) =>
    changed(call, (text) => text.replaceAll(/[\t\r\n]/g, '')),
  ),
  mishears('id-c-string', 'reads IDs up to the first NUL', (call) =>
    changed(call, (text) => text.split('\0')[0] ?? ''),
  ),
  mishears('id-lower-case', 'reads IDs in lower case', (call) => changed(call, (text) => text.toLowerCase())),
  mishears('id-unescape', 'undoes percent-encoding first', (call) => changed(call, unescape)),
  mishears('id-backslash', 'reads a backslash as a slash', (call) =>
    changed(call, (text) => text.replaceAll('\\', '/')),
  ),
  mishears('id-resolve', 'resolves relative segments', (call) => changed(call, resolve)),
  mishears('id-drop-query', 'drops query and fragment', (call) =>
    changed(call, (text) => text.replace(/[?#].*$/s, '')),
  ),
  mishears('id-nfkc', 'normalises Unicode', (call) => changed(call, (text) => text.normalize('NFKC'))),
  mishears('td-half-id', 'takes any URI for a trust domain', ({ op, params }) =>
    op === 'td.parse' ? { text: textMember(params, 'text').replace(/^\w+:\/+/, '') } : undefined,
  ),
  mishears('td-cut-path', 'cuts a path off a trust domain', ({ op, params }) =>
    op === 'td.parse' ? { text: textMember(params, 'text').replace(/(?<![:/])\/.*$/s, '') } : undefined,
  ),
  misreports('id-lower-case-path', 'answers paths in lower case', (value) =>
    mapTexts(value, (text) => text.toLowerCase()),
  ),
  misreports('id-last-character', 'loses the last character of what it read', (value) =>
    mapTexts(value, (text) => text.slice(0, -1)),
  ),
  misreports('id-no-segments', 'gives no segments', () => ({ segments: [] })),
  refuses(
    'id-dns-names',
    'wants trust domains that are DNS names',
    (call) => !/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9-]*[a-z0-9]$/.test(trustDomainOf(call)),
  ),
  refuses('id-no-ip', 'refuses trust domains that look like IP addresses', (call) =>
    /^(\d+(\.\d+)*|0x[\da-f.]+)$/.test(trustDomainOf(call)),
  ),
  refuses(
    'id-long-td',
    'wants trust domains of more than one character',
    (call) => trustDomainOf(call).length === 1,
  ),
  refuses('id-255', 'wants IDs of at most 255 bytes', (call) => textOf(call).length > 255),
  refuses('id-63-td', 'wants trust domains of at most 63 bytes', (call) => trustDomainOf(call).length > 63),
  refuses(
    'id-path',
    'wants IDs with a path',
    ({ op, params }) => op === 'id.parse' && /^spiffe:\/\/[^/]*$/.test(textMember(params, 'id')),
  ),
  refuses(
    'id-plain-paths',
    'wants paths without dots',
    ({ op, params }) => op === 'id.parse' && /\/[^/]*\.[^/]*$/.test(textMember(params, 'id').slice(10)),
  ),
  refuses(
    'td-name-only',
    'takes no ID for a trust domain',
    ({ op, params }) => op === 'td.parse' && textMember(params, 'text').startsWith('spiffe://'),
  ),
  refuses(
    'id-build-empty',
    'builds no ID without a path',
    ({ op, params }) =>
      op === 'id.build' &&
      [params['path'], params['segments']].some(
        (one) => one === '' || (Array.isArray(one) && one.length === 0),
      ),
  ),
  misreports('equal-always', 'finds all IDs equal', (_value, { op }) =>
    op === 'id.equal' ? { equal: true } : {},
  ),
  misreports('equal-never', 'finds no two IDs equal', (_value, { op }) =>
    op === 'id.equal' ? { equal: false } : {},
  ),
];

const READS_TEXT: ReadonlySet<string> = new Set(['id.parse', 'td.parse']);

/** The parameters with their text changed; undefined when the call has none or the text stays. */
function changed({ op, params }: Call, change: (text: string) => string): JsonObject | undefined {
  if (!READS_TEXT.has(op)) return undefined;
  const name = op === 'td.parse' ? 'text' : 'id';
  const text = member(params, name);
  if (typeof text !== 'string') return undefined;
  const other = change(text);
  return other === text ? undefined : { ...params, [name]: other };
}

/** What a URL parser makes of a text, as a program would that takes scheme, host and path from it. */
function throughUrl(text: string): string {
  const url = URL.parse(text.replace(/^spiffe:/i, 'https:'));
  if (url === null) return text;
  return `spiffe://${url.hostname}${url.pathname === '/' && !/[^/:]\/$/.test(text) ? '' : url.pathname}`;
}

function unescape(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function resolve(text: string): string {
  const [, start = text, path = ''] = /^(spiffe:\/\/[^/]*)(\/.*)$/s.exec(text) ?? [];
  const found: string[] = [];
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') found.pop();
    else if (segment !== '.') found.push(segment);
  }
  return [start, ...found].join('/');
}

function mapTexts(value: JsonObject, change: (text: string) => string): JsonObject {
  const found: Record<string, string> = {};
  for (const name of ['id', 'path', 'trustDomain', 'name']) {
    const text = member(value, name);
    if (typeof text === 'string') found[name] = change(text);
  }
  return found;
}

function textOf({ op, params }: Call): string {
  const text = op === 'td.parse' ? params['text'] : op === 'id.parse' ? params['id'] : undefined;
  return typeof text === 'string' ? text : '';
}

/** The trust domain in what is to be read; one that nobody minds where there is none. */
function trustDomainOf(call: Call): string {
  const text = textOf(call);
  const found = /^(?:spiffe:\/\/)?([^/]*)/.exec(text)?.[1] ?? '';
  return found === '' ? 'example.org' : found;
}
