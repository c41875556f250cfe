import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type DebianPin, KAFKA } from './pins.ts';

const run = promisify(execFile);
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'svidkit-interop');

/** Why a server cannot be had on this machine: its rows are skipped. */
export class Unavailable extends Error {}

/** Downloads Debian packages once, checks them against their pins, and unpacks them into the folder `into`, which it makes. */
export async function unpackDebian(pins: readonly DebianPin[], into: string): Promise<string> {
  await mkdir(into, { recursive: true });
  const folder = join(CACHE, 'debian');
  await mkdir(folder, { recursive: true });
  for (const { name, version, sha256 } of pins) {
    const kept = join(folder, `${name}_${version.replaceAll(/[^\w.+~-]/g, '_')}.deb`);
    if (!existsSync(kept)) {
      const fresh = await mkdtemp(join(folder, 'download-'));
      try {
        await attempt(`${name}=${version} from Debian (after apt-get update)`, () =>
          run('apt-get', ['download', '-q', `${name}:amd64=${version}`], { cwd: fresh }),
        );
        const [file = ''] = await readdir(fresh);
        await rename(join(fresh, file), kept);
      } finally {
        await rm(fresh, { recursive: true, force: true });
      }
    }
    const found = createHash('sha256')
      .update(await readFile(kept))
      .digest('hex');
    if (found !== sha256) throw new Error(`${kept}: want SHA-256 ${sha256}, got ${found}`);
    await attempt(`unpacking ${name}`, () => run('dpkg', ['-x', kept, into]));
  }
  return into;
}

/** Builds a command of a Go module once, from the module as the Go checksum database knows it. */
export async function buildGo(
  { module, version, command }: { module: string; version: string; command: string },
  /** Files that the module wants to be made before it is built. */
  made: Readonly<Record<string, string>> = {},
): Promise<string> {
  const binary = join(CACHE, 'go', `${module.replaceAll(/\W/g, '-')}-${version}`);
  if (existsSync(binary)) return binary;
  return attempt(`${module}@${version} from its Go module`, async () => {
    await mkdir(join(CACHE, 'go'), { recursive: true });
    const { stdout } = await run('go', ['mod', 'download', '-json', `${module}@${version}`], { cwd: CACHE });
    const work = await mkdtemp(join(CACHE, 'go-build-'));
    try {
      const source = join(work, 'source');
      await cp((JSON.parse(stdout) as { Dir: string }).Dir, source, { recursive: true });
      // The module cache is read-only, and so is a copy of it.
      await run('chmod', ['-R', 'u+w', source]);
      for (const [name, content] of Object.entries(made)) await writeFile(join(source, name), content);
      await run('go', ['build', '-o', join(work, 'binary'), command], { cwd: source });
      await rename(join(work, 'binary'), binary);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return binary;
  });
}

/** Fetches the jars of Kafka once. Gives the class path. */
export async function fetchKafka(): Promise<string> {
  const { version, scala, slf4j, plugin } = KAFKA;
  const folder = join(CACHE, 'maven', `kafka-${version}`);
  if (existsSync(folder)) return join(folder, '*');
  return attempt(`Kafka ${version} from Maven Central`, async () => {
    await run('java', ['-version']);
    await mkdir(join(CACHE, 'maven'), { recursive: true });
    const work = await mkdtemp(join(CACHE, 'maven', 'fetch-'));
    try {
      await writeFile(
        join(work, 'pom.xml'),
        `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>interop</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_${scala}</artifactId><version>${version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>${slf4j}</version></dependency>
</dependencies></project>`,
      );
      await run(
        'mvn',
        [
          '-q',
          '-B',
          `org.apache.maven.plugins:maven-dependency-plugin:${plugin}:copy-dependencies`,
          '-DoutputDirectory=jars',
        ],
        { cwd: work },
      );
      await rename(join(work, 'jars'), folder);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return join(folder, '*');
  });
}

/** Copies a program of the cache to where a server without rights may execute it. */
export async function copyProgram(from: string, to: string): Promise<string> {
  await copyFile(from, to);
  await chmod(to, 0o755);
  return to;
}

async function attempt<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    const { stderr, message } = cause as { readonly stderr?: string; readonly message: string };
    const said = (stderr?.trim() || message).split('\n').findLast((line) => line.trim() !== '') ?? '';
    throw new Unavailable(`cannot have ${what}: ${said.trim()}`, { cause });
  }
}
