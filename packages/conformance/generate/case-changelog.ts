import { type Level, LEVELS } from '../src/vectors/vector.ts';

/** A case, as far as the list of changes is about it. */
export interface ListedCase {
  readonly id: string;
  readonly level: Level;
  /** The release that it came with. */
  readonly since: string;
  /** The case whose place it takes. */
  readonly supersedes?: string | undefined;
}

/** Why a case is not asked any more. */
export interface Withdrawal {
  /** The release from which on. */
  readonly in: string;
  readonly why: string;
}

const HEAD = `# Cases by release

Written by \`pnpm run vectors\`. An id means the same for ever: a case whose meaning has to change gets a new id and supersedes the
old one, a case that was a mistake is withdrawn. New cases may fail an implementation that passed before; they decide no claim
until the next set of requirements (\`requirements/\`).
`;

/**
 * The text of \`CHANGELOG-cases.md\`: per release, the newest first, which cases are new, which take the place of others, and which
 * are withdrawn. Of the first release there are numbers, since everything is new.
 *
 * @throws an error for what contradicts itself: a case that is withdrawn and still there, or takes the place of one that is neither.
 */
export function caseChangelog(
  cases: readonly ListedCase[],
  withdrawn: Readonly<Record<string, Withdrawal>>,
): string {
  const ids = new Set(cases.map(({ id }) => id));
  for (const id of Object.keys(withdrawn))
    if (ids.has(id)) throw new Error(`${id} is withdrawn, and is there`);
  for (const { id, supersedes } of cases) {
    if (supersedes !== undefined && !Object.hasOwn(withdrawn, supersedes))
      throw new Error(`${id} takes the place of ${supersedes}, which is not withdrawn`);
  }
  const releases = [
    ...new Set([...cases.map(({ since }) => since), ...Object.values(withdrawn).map((one) => one.in)]),
  ]
    .toSorted(byVersion)
    .toReversed();
  const sections = releases.map((release, index) => {
    const added = cases.filter(({ since }) => since === release);
    const gone = Object.entries(withdrawn).filter(([, one]) => one.in === release);
    const isFirst = index === releases.length - 1;
    return [`## ${release}`, ...(isFirst ? numbers(added) : news(added)), ...losses(gone, cases)].join(
      '\n\n',
    );
  });
  return `${HEAD}\n${sections.join('\n\n')}\n`;
}

/** Per suite, how many of each level. */
function numbers(cases: readonly ListedCase[]): readonly string[] {
  const suites = [...new Set(cases.map(({ id }) => suiteOf(id)))].toSorted();
  const row = (name: string, some: readonly ListedCase[]): string => {
    const counts = LEVELS.map((level) => some.filter((one) => one.level === level).length);
    return `| ${[name, some.length, ...counts.map((count) => (count === 0 ? '' : count))].join(' | ')} |`;
  };
  return [
    [
      `| suite | cases | ${LEVELS.join(' | ')} |`,
      `| --- | --- | ${LEVELS.map(() => '---').join(' | ')} |`,
      ...suites.map((suite) =>
        row(
          suite,
          cases.filter(({ id }) => suiteOf(id) === suite),
        ),
      ),
      row('all', cases),
    ].join('\n'),
  ];
}

function news(cases: readonly ListedCase[]): readonly string[] {
  const fresh = cases.filter(({ supersedes }) => supersedes === undefined);
  const changed = cases.filter(({ supersedes }) => supersedes !== undefined);
  return [
    ...list(
      'New',
      fresh.map(({ id, level }) => `\`${id}\` (${level})`),
    ),
    ...list(
      'Superseded',
      changed.map(({ id, level, supersedes }) => `\`${supersedes}\` by \`${id}\` (${level})`),
    ),
  ];
}

/** Those that others have taken the place of are told there. */
function losses(
  gone: readonly (readonly [string, Withdrawal])[],
  cases: readonly ListedCase[],
): readonly string[] {
  const replaced = new Set(cases.map(({ supersedes }) => supersedes));
  return list(
    'Withdrawn',
    gone.filter(([id]) => !replaced.has(id)).map(([id, { why }]) => `\`${id}\`: ${why}`),
  );
}

function list(name: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0
    ? []
    : [
        `### ${name}`,
        lines
          .toSorted()
          .map((line) => `- ${line}`)
          .join('\n'),
      ];
}

function suiteOf(id: string): string {
  return id.split('/')[0] ?? '';
}

function byVersion(a: string, b: string): number {
  const [left = [], right = []] = [a, b].map((one) => one.split('.').map(Number));
  for (const [index, part] of left.entries()) if (part !== right[index]) return part - (right[index] ?? 0);
  return 0;
}
