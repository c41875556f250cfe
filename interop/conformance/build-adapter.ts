import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { requireTool, runTool } from './run-tool.ts';

/** Where adapters are built: outside of the clone, so that nothing of it is ever packed or checked. */
const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'svidkit-interop',
  'conformance',
);

/** Builds the adapter around go-spiffe. Go itself knows what has to be built anew. */
export async function buildGo(folder: string): Promise<readonly string[]> {
  await requireTool('go', 'version');
  const binary = join(await cacheFolder('go'), 'adapter');
  await runTool(['go', 'build', '-trimpath', '-mod=readonly', '-o', binary, '.'], folder);
  return [binary];
}

/** Makes an environment with py-spiffe, once for each version of what it needs. */
export async function buildPython(folder: string): Promise<readonly string[]> {
  await requireTool('python3', '-m', 'venv', '--help');
  const requirements = join(folder, 'requirements.txt');
  const hash = createHash('sha256').update(await readFile(requirements));
  const environment = join(await cacheFolder('python'), hash.digest('hex').slice(0, 16));
  const python = join(environment, 'bin/python');
  const whole = join(environment, 'whole');
  if (!existsSync(whole)) {
    await rm(environment, { recursive: true, force: true });
    await runTool(['python3', '-m', 'venv', environment], folder);
    const install = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--only-binary=:all:'];
    await runTool([python, ...install, '-r', requirements], folder);
    await writeFile(whole, '');
  }
  // -B: no compiled files in the clone.
  return [python, '-B', join(folder, 'adapter.py')];
}

/** Builds the adapter around rust-spiffe. Cargo itself knows what has to be built anew. */
export async function buildRust(folder: string): Promise<readonly string[]> {
  await requireTool('cargo', '--version');
  const target = await cacheFolder('rust');
  await runTool(['cargo', 'build', '--release', '--locked', '--target-dir', target], folder);
  return [join(target, 'release/interop-rust')];
}

/** Compiles the adapter around java-spiffe. */
export async function buildJava(folder: string): Promise<readonly string[]> {
  await requireTool('java', '-version');
  await requireTool('mvn', '--version');
  const output = await cacheFolder('java');
  // Libraries of another version would stay beside those of this one.
  await rm(output, { recursive: true, force: true });
  await runTool(['mvn', '--quiet', '--batch-mode', 'process-classes', `-Dinterop.output=${output}`], folder);
  const path = [join(output, 'classes'), join(output, 'libraries', '*')].join(':');
  return ['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', path, 'interop.Adapter'];
}

async function cacheFolder(name: string): Promise<string> {
  const folder = join(CACHE, name);
  await mkdir(folder, { recursive: true });
  return folder;
}
