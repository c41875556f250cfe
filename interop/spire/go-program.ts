import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Unavailable } from '../drivers/fetch.ts';
import { type GoCommand } from './pins.ts';

const run = promisify(execFile);
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'svidkit-interop', 'go');

/** Gives the path of a Go program, built once for each state of its module. */
export async function goProgram(
  command: GoCommand,
  options: {
    /** Whether it may be built: SPIRE takes many minutes. */
    readonly build: boolean;
    readonly say: (text: string) => void;
  },
): Promise<string> {
  const module = join(import.meta.dirname, command.folder);
  const binary = join(CACHE, `${command.name}-${await digest(module, command)}`);
  if (existsSync(binary)) return binary;
  if (!options.build) throw new Unavailable(`${command.name} is not in the cache, and was not to be built`);
  await run('go', ['version']).catch((cause: unknown) => {
    throw new Unavailable(`cannot build ${command.name}: there is no Go`, { cause });
  });
  options.say(`building ${command.name} (once; SPIRE takes many minutes)`);
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), 'svidkit-interop-build-'));
  try {
    const fresh = join(work, command.name);
    await run('go', ['build', '-mod=readonly', '-trimpath', '-ldflags=-s -w', '-o', fresh, command.target], {
      cwd: module,
      maxBuffer: 64 * 1024 * 1024,
    });
    // A rename of its own file system: a program that is there is whole.
    const near = join(CACHE, `.${command.name}-${process.pid}`);
    await run('cp', [fresh, near]);
    await rename(near, binary);
  } catch (cause) {
    const { stderr, message } = cause as { readonly stderr?: string; readonly message: string };
    const said = (stderr?.trim() || message).split('\n').at(-1) ?? '';
    throw new Unavailable(`cannot build ${command.name}: ${said.trim()}`, { cause });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return binary;
}

/** The version that a program's go.mod pins. */
export async function pinnedVersion({ folder, module }: GoCommand): Promise<string> {
  const text = await readFile(join(import.meta.dirname, folder, 'go.mod'), 'utf8');
  const line = text.split('\n').find((one) =>
    one
      .trim()
      .replace(/^require /, '')
      .startsWith(`${module} v`),
  );
  return (
    line
      ?.trim()
      .split(' ')
      .find((word) => word.startsWith('v')) ?? 'unknown'
  );
}

/** Changes with whatever the program is made of. */
async function digest(module: string, { folder, target }: GoCommand): Promise<string> {
  const hash = createHash('sha256');
  const sources = target.startsWith('./') ? await readdir(join(module, target)) : [];
  const files = ['go.mod', 'go.sum', ...sources.toSorted().map((name) => join(target, name))];
  hash.update(`${folder} ${target}\n`);
  for (const file of files) hash.update(file).update(await readFile(join(module, file)));
  return hash.digest('hex').slice(0, 16);
}
