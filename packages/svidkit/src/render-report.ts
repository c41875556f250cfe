import { describeUpdates } from './describe-layout.ts';
import {
  type InspectedBundle,
  type InspectedCertificate,
  type InspectedFile,
  type InspectedIdentity,
  type InspectedPlace,
  type InspectedProblem,
  type InspectedWorkloadApi,
  type InspectReport,
} from './inspect-report.ts';
import { absoluteAndRelative, relativeTime } from './relative-time.ts';
import { harmless, type Paint, type Style, wrap } from './terminal.ts';

/** How to show a report. */
export interface RenderOptions {
  readonly paint: Paint;
  /** Characters per line. */
  readonly width: number;
  /** Whether to say where it was looked. */
  readonly showSearch: boolean;
}

/** A piece of text that is broken into lines where it has to be. */
interface Piece {
  readonly indent: number;
  readonly text: string;
  /** What stands before it, in a column of its own. */
  readonly label?: string;
  readonly style?: Style;
}

const LABEL_WIDTH = 14;

/** What is said of a bundle file after its name. */
const FORMATS: Readonly<Record<InspectedBundle['format'], string>> = {
  pem: '',
  'spiffe-bundle': ', a SPIFFE bundle',
  'bundle-map': ', a bundle map',
};

/** A report for people: who, until when, trusting whom, from which files, and what is wrong with it. */
export function renderReport(report: InspectReport, options: RenderOptions): string {
  const { directory, identity, searched, bundles, files, problems } = report;
  const now = Date.parse(report.inspectedAt);
  const chain = identity?.chain ?? [];
  const first = identity?.spiffeId ?? report.workloadApi?.identities[0]?.spiffeId;
  const blocks: readonly (readonly Piece[])[] = [
    [heading(first ?? 'No identity')],
    facts(report, now),
    section('Looked in', options.showSearch ? searched.map(place) : []),
    section(
      'Chain',
      chain.flatMap((one, index) => certificate(one, now, 2, `${index + 1} `)),
    ),
    section(
      'Trust bundles',
      bundles.flatMap((one) => bundle(one, directory, now)),
    ),
    section(
      'Files',
      files.map((one) => file(one, directory, now)),
    ),
    ...problems.map(problem),
    [verdict(report)],
  ];
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => `${block.flatMap((piece) => layOut(piece, options)).join('\n')}\n`)
    .join('\n');
}

function facts({ directory, layout, identity, workloadApi }: InspectReport, now: number): readonly Piece[] {
  if (workloadApi !== null) return socketFacts(workloadApi, now);
  const pieces = [fact('Directory', directory ?? 'none found')];
  if (layout !== null) {
    pieces.push(
      fact('Layout', layout.name),
      fact('Writer', `probably ${layout.writer}`),
      fact('Updates', describeUpdates(layout.updates)),
    );
  }
  if (identity !== null) {
    pieces.push(
      fact('Trust domain', identity.trustDomain),
      fact('State', stateOf(identity)),
      fact('Valid from', absoluteAndRelative(identity.notBefore, now)),
      fact('Valid until', absoluteAndRelative(identity.expiresAt, now)),
      fact('Key', `${identity.keyType}, belongs to the certificate`),
    );
    // Nobody vouches for what is not valid, whoever signed it.
    if (identity.state === 'valid') {
      const isVouchedFor = identity.chainVerified ? 'by' : 'not by';
      pieces.push(fact('Vouched for', `${isVouchedFor} the bundle of its own trust domain`));
    }
  }
  return pieces;
}

function socketFacts(
  { address, identities, trustDomains }: InspectedWorkloadApi,
  now: number,
): readonly Piece[] {
  return [
    fact('Workload API', address),
    ...identities.map(({ spiffeId, hint, expiresAt }, index) =>
      fact(
        index === 0 ? 'Identity' : 'Also',
        `${spiffeId}${hint === null ? '' : `, hint ${JSON.stringify(hint)}`}, until ${absoluteAndRelative(expiresAt, now)}`,
      ),
    ),
    ...(trustDomains.length === 0 ? [] : [fact('Trusts', trustDomains.join(', '))]),
  ];
}

function fact(label: string, text: string): Piece {
  return { indent: 0, label, text };
}

function stateOf({ state, health }: InspectedIdentity): string {
  if (state === 'not-yet-valid') return 'not yet valid';
  return state === 'valid' && health !== 'fresh' ? `valid, but ${health}` : state;
}

function place({ directory, layout, problem: why }: InspectedPlace): Piece {
  // Most messages name the directory themselves.
  if (why?.includes(directory) === true) return item(2, why);
  return item(2, `${directory}: ${why ?? `files as of ${layout}`}`);
}

function certificate(one: InspectedCertificate, now: number, indent: number, mark: string): readonly Piece[] {
  const { uriSans, serialNumber, keyType, isCa, notAfter } = one;
  const name = uriSans[0] ?? (isCa ? 'a CA without a SPIFFE ID' : 'a certificate without a SPIFFE ID');
  const below = indent + mark.length;
  return [
    item(indent, `${mark}${name}`),
    item(below, `${keyType}, until ${absoluteAndRelative(notAfter, now)}`),
    item(below, `serial ${serialNumber}`),
  ];
}

function bundle(one: InspectedBundle, directory: string | null, now: number): readonly Piece[] {
  const { trustDomain, own, path, format, sequence, authorities, jwtKeyIds, skipped } = one;
  const count = `${authorities.length} ${authorities.length === 1 ? 'authority' : 'authorities'}`;
  const number = sequence === null ? '' : `, sequence number ${sequence}`;
  const where = `${shortPath(path, directory)}${FORMATS[format]}${number}`;
  return [
    item(2, `${trustDomain}${own ? ' (our own)' : ''}: ${count} in ${where}`),
    ...authorities.flatMap((authority) => certificate(authority, now, 4, '- ')),
    ...jwtKeyIds.map((keyId) => item(4, `for JWT-SVIDs: key ${JSON.stringify(keyId)}`)),
    ...skipped.map((reason) => item(4, `not counted: ${reason}`)),
  ];
}

function file(one: InspectedFile, directory: string | null, now: number): Piece {
  const { role, path, exists, type, mode, uid, gid, sizeBytes, modifiedAt } = one;
  const name = `${shortPath(path, directory)}: ${role}`;
  if (!exists) return item(2, `${name}, not there or not to be seen`);
  const odd = type === 'a regular file' ? '' : `, ${type}`;
  const changed = modifiedAt === null ? '' : `, changed ${relativeTime(Date.parse(modifiedAt), now)}`;
  return item(2, `${name}${odd}, mode ${mode}, owner ${uid}:${gid}, ${sizeBytes} bytes${changed}`);
}

/** The path as seen from the directory of the mount, which is shown above. */
function shortPath(path: string, directory: string | null): string {
  return directory !== null && path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
}

function problem({ severity, code, message, hint }: InspectedProblem): readonly Piece[] {
  return [
    { indent: 0, text: `${severity} ${code}`, style: severity === 'error' ? 'red' : 'yellow' },
    item(2, message),
    ...(hint === null ? [] : [item(2, `What to do: ${hint}`)]),
  ];
}

function verdict({ verdict: kind, problems: { length }, workloadApi }: InspectReport): Piece {
  const what = workloadApi === null ? 'mount' : 'Workload API';
  const count = `${length} ${length === 1 ? 'problem' : 'problems'}`;
  if (kind === 'ok') return { indent: 0, text: 'Nothing is wrong.', style: 'green' };
  return kind === 'warning'
    ? { indent: 0, text: `${count}: a service can use this ${what}, but look at this.`, style: 'yellow' }
    : { indent: 0, text: `${count}: a service cannot rely on this ${what}.`, style: 'red' };
}

function section(title: string, pieces: readonly Piece[]): readonly Piece[] {
  return pieces.length === 0 ? [] : [heading(title), ...pieces];
}

function heading(text: string): Piece {
  return { indent: 0, text, style: 'bold' };
}

function item(indent: number, text: string): Piece {
  return { indent, text };
}

function layOut({ indent, text, label, style }: Piece, { paint, width }: RenderOptions): readonly string[] {
  const column = label === undefined ? indent : LABEL_WIDTH;
  const safe = harmless(text);
  // What does not fit on a line hangs a little.
  const hang = label === undefined ? 2 : 0;
  const lines = safe.length <= width - column ? [safe] : wrap(safe, width - column - hang);
  return lines.map((line, index) => {
    const before = index === 0 && label !== undefined ? paint('dim', label.padEnd(column)) : '';
    const blank = ' '.repeat(index === 0 ? indent : column + hang);
    return `${before === '' ? blank : before}${style === undefined ? line : paint(style, line)}`;
  });
}
