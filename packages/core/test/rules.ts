import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { type Core } from './corpus/scenario.ts';

/** A statement in the sources behind a comment `// rule: name`. */
export interface Rule {
  readonly name: string;
  /** Relative to the sources. */
  readonly file: string;
  /** The source of `file` without the statement. */
  readonly without: string;
}

const sources = fileURLToPath(new URL('../src/', import.meta.url));

/** Every rule in the sources, in the order of files and lines. */
export function findRules(): readonly Rule[] {
  return sourceFiles().flatMap((file) =>
    rulesOf(file, readFileSync(join(sources, file), 'utf8').split('\n')),
  );
}

/** What scenarios use. */
const ENTRIES = [
  'bundle-set.ts',
  'certificate.ts',
  'pem.ts',
  'trust-domain.ts',
  'verify-x509-chain.ts',
  'verify-x509-svid.ts',
  'verify/certification-path.ts',
  'x509-bundle.ts',
  'x509-svid.ts',
];

/** Loads the sources from a copy in `folder`, without one rule if there is one. */
export async function loadCore(folder: string, rule?: Rule): Promise<Core> {
  for (const [file, script] of scripts()) {
    const target = join(folder, asScript(file));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, rule?.file === file ? withoutTypes(rule.without) : script);
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const loaded = await Promise.all(
    ENTRIES.map(
      async (file) => (await import(pathToFileURL(join(folder, asScript(file))).href)) as Partial<Core>,
    ),
  );
  return Object.assign({}, ...loaded) as Core;
}

/** Every source that {@link ENTRIES} need, without its types. */
let cached: ReadonlyMap<string, string> | undefined;
function scripts(): ReadonlyMap<string, string> {
  if (cached !== undefined) return cached;
  const found = new Map<string, string>();
  const wanted = [...ENTRIES];
  for (let file = wanted.pop(); file !== undefined; file = wanted.pop()) {
    if (found.has(file)) continue;
    const script = withoutTypes(readFileSync(join(sources, file), 'utf8'));
    found.set(file, script);
    for (const [, path = ''] of script.matchAll(/from '(\.[^']*)\.js'/g)) {
      wanted.push(`${join(dirname(file), path)}.ts`);
    }
  }
  cached = found;
  return found;
}

function withoutTypes(source: string): string {
  return stripTypeScriptTypes(source).replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'");
}

function asScript(file: string): string {
  return file.replace(/\.ts$/, '.js');
}

function sourceFiles(): readonly string[] {
  return readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(sources, join(entry.parentPath, entry.name)))
    .toSorted();
}

function rulesOf(file: string, lines: readonly string[]): readonly Rule[] {
  return lines.flatMap((line, index) => {
    const name = /^\s*\/\/ rule: (\S+)$/.exec(line)?.[1];
    if (name === undefined) return [];
    const end = endOfStatement(lines, index + 1);
    return [{ name, file, without: [...lines.slice(0, index), ...lines.slice(end + 1)].join('\n') }];
  });
}

/** The formatter ends a statement where all brackets are closed and a line ends in a semicolon or a brace. */
function endOfStatement(lines: readonly string[], start: number): number {
  let open = 0;
  for (let index = start; index < lines.length; index++) {
    const line = lines[index] ?? '';
    open += (line.match(/[([{]/g)?.length ?? 0) - (line.match(/[)\]}]/g)?.length ?? 0);
    if (open === 0 && /[;}]$/.test(line)) return index;
  }
  throw new Error(`no end of the statement in line ${start + 1}`);
}
