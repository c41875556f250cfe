import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Unavailable } from '../drivers/fetch.ts';
import { monoAndRuntime } from './mono-and-runtime.ts';

/** The languages that the kit writes skeletons in, and a program without which they cannot be built. */
const TOOLCHAINS = {
  python: ['python3', '--version'],
  go: ['go', 'version'],
  rust: ['cargo', '--version'],
  java: ['mvn', '--version'],
  csharp: ['dotnet', '--version'],
} as const;

const BIN = join(import.meta.dirname, '../../packages/conformance/src/bin.ts');
const KIT = `'${process.execPath}' --conditions=@svidkit/source '${BIN}'`;

/** How a skeleton is built, and the adapter that comes of it. */
interface Commands {
  readonly build: string;
  readonly adapter: string;
}

/**
 * `npm run interop -- skeletons [LANGUAGE ...]`: writes the skeleton of an adapter in each language, builds it, and runs
 * the doctor and the first suite against it. Says which were skipped, and why.
 */
export async function skeletonsCommand(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(
      `usage: npm run interop -- skeletons [LANGUAGE ...]\n\nLanguages: ${Object.keys(TOOLCHAINS).join(', ')}\n\nWithout dotnet, C# is compiled by mcs of Debian and run by the .NET Core 3.1 of a wheel of PyPI.`,
    );
    return 0;
  }
  const chosen = Object.entries(TOOLCHAINS).filter(([name]) => args.length === 0 || args.includes(name));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, [program, argument]] of chosen) {
    const verdict =
      spawnSync(program, [argument]).status === 0
        ? check(name)
        : name === 'csharp'
          ? await checkWithout()
          : `skipped: no ${program} here`;
    console.log(`${name}: ${verdict}`);
    if (verdict.startsWith('passed')) counts.passed++;
    else if (verdict.startsWith('skipped')) counts.skipped++;
    else counts.failed++;
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed + counts.skipped > 0 ? 0 : 1;
}

/** Checks C# without an SDK. */
async function checkWithout(): Promise<string> {
  try {
    const verdict = check('csharp', await monoAndRuntime());
    return verdict === 'passed'
      ? 'passed, with mcs and .NET Core 3.1, since there is no dotnet here'
      : verdict;
  } catch (cause) {
    if (cause instanceof Unavailable)
      return `skipped: no dotnet here, nor what stands in for it: ${cause.message}`;
    throw cause;
  }
}

/**
 * `passed`, or what went wrong.
 *
 * @param commands - in place of those that the kit tells.
 */
function check(name: string, commands?: Commands): string {
  const folder = mkdtempSync(join(tmpdir(), `skeleton-${name}-`));
  const shell = (command: string): { readonly ok: boolean; readonly output: string } => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
    return { ok: status === 0, output: stdout + stderr };
  };
  try {
    const made = shell(`${KIT} init ${name} -o .`);
    // It tells how it is built and run.
    const [toldBuild, doctor] = Array.from(made.output.matchAll(/^ {2}(.+)$/gm), (match) => match[1] ?? '');
    const build = commands?.build ?? toldBuild;
    const adapter = commands?.adapter ?? doctor?.split(' -- ')[1];
    if (!made.ok || build === undefined || adapter === undefined)
      return `FAILED to be written: ${made.output}`;
    for (const command of [
      build,
      `${KIT} doctor -- ${adapter}`,
      `${KIT} run --suite spiffe-id -- ${adapter}`,
    ]) {
      const { ok, output } = shell(command);
      if (!ok) return `FAILED at ${command}\n${output.slice(-2000)}`;
    }
    return 'passed';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
