import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

/**
 * `npm run interop -- skeletons [LANGUAGE ...]`: writes the skeleton of an adapter in each language, builds it, and runs
 * the doctor and the first suite against it. Says which were skipped, and why.
 */
export function skeletonsCommand(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(
      `usage: npm run interop -- skeletons [LANGUAGE ...]\n\nLanguages: ${Object.keys(TOOLCHAINS).join(', ')}`,
    );
    return Promise.resolve(0);
  }
  const chosen = Object.entries(TOOLCHAINS).filter(([name]) => args.length === 0 || args.includes(name));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, [program, argument]] of chosen) {
    const verdict = spawnSync(program, [argument]).status === 0 ? check(name) : `skipped: no ${program} here`;
    console.log(`${name}: ${verdict}`);
    if (verdict === 'passed') counts.passed++;
    else if (verdict.startsWith('skipped')) counts.skipped++;
    else counts.failed++;
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return Promise.resolve(counts.failed === 0 && counts.passed + counts.skipped > 0 ? 0 : 1);
}

/** `passed`, or what went wrong. */
function check(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `skeleton-${name}-`));
  const shell = (command: string): { readonly ok: boolean; readonly output: string } => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
    return { ok: status === 0, output: stdout + stderr };
  };
  try {
    const made = shell(`${KIT} init ${name} -o .`);
    // It tells how it is built and run.
    const [build, doctor] = Array.from(made.output.matchAll(/^ {2}(.+)$/gm), (match) => match[1] ?? '');
    const adapter = doctor?.split(' -- ')[1];
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
