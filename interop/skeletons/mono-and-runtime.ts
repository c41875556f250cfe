import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Unavailable, unpackDebian } from '../drivers/fetch.ts';
import { type DebianPin } from '../drivers/pins.ts';

const run = promisify(execFile);
const FOLDER = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'svidkit-interop',
  'dotnet-3.1.23',
);

/** The compiler for C# 7 of Debian 12 (bookworm), amd64, with what it needs. */
const MCS: readonly DebianPin[] = (
  [
    ['mono-mcs', 'd12bf19c5ac020229183f0d2241dd5bb04af7e5c4e0952db7e0970b729fca1cb'],
    ['mono-runtime-sgen', '5ef018aab0c48f84a02227d0478dbab248c56fa88eef562705b6b0771345d2ba'],
    ['mono-runtime-common', 'a2525bf29d8d66f06d27d97576fe70aa68c86b751aa4c68a08e23a589e47ff16'],
    ['libmono-corlib4.5-dll', 'ecda3d084bb92ead24db7aabdfc854bdc19ebeda0668ab4070782c431cdb16d5'],
    ['libmono-system4.0-cil', '73710cff9cfd72487d331374fa63cfdd578336a0366a41efe42a5d5167edc60c'],
    ['libmono-system-core4.0-cil', 'c180273d8e81067743fd954856b8f2cbef00fe17b41382f67c4037138e99e96b'],
    ['libmono-system-xml4.0-cil', 'e3d18722c0a04c700e04fabb1046aa81eec4150576184ca6ade2cc9a6ca2846b'],
  ] as const
).map(([name, sha256]) => ({ name, version: '6.8.0.105+dfsg-3.3+deb12u1', sha256 }));

/** A wheel of PyPI that has a whole .NET Core 3.1. */
const RUNTIME =
  'dotnetcore2==3.1.23 --hash=sha256:5f076ddc39da0c685e7de20ecb91ee81185928918ec86fbeb3bffc55dd867ab5';

const CONFIG = {
  runtimeOptions: {
    framework: { name: 'Microsoft.NETCore.App', version: '3.1.0' },
    configProperties: { 'System.Globalization.Invariant': true },
  },
};

/**
 * Stands in for the .NET SDK where there is none. Both parts are older than what the skeleton is made for: it keeps to
 * what they have, so that it is checked at all.
 *
 * @returns commands that build and run the skeleton, in its folder.
 * @throws {@link Unavailable} when this machine cannot have one of the parts.
 */
export async function monoAndRuntime(): Promise<{ readonly build: string; readonly adapter: string }> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Unavailable('wants Linux on x64');
  if (!existsSync(FOLDER)) await fetch();
  const mono = join(FOLDER, 'mono/usr');
  const dotnet = join(FOLDER, 'wheel/dotnetcore2/bin/dotnet');
  const framework = join(FOLDER, 'wheel/dotnetcore2/bin/shared/Microsoft.NETCore.App/3.1.23');
  const assemblies = (await readdir(framework)).filter((file) =>
    /^(?:System|netstandard)\b.*\.dll$/.test(file),
  );
  const references = assemblies.map((file) => `-r:'${join(framework, file)}'`).join(' ');
  const environment = `MONO_PATH='${join(mono, 'lib/mono/4.5')}' MONO_CFG_DIR='${join(FOLDER, 'mono/etc')}'`;
  const compiler = `'${join(mono, 'bin/mono-sgen')}' '${join(mono, 'lib/mono/4.5/mcs.exe')}'`;
  return {
    build: `${environment} ${compiler} -langversion:7.2 -warnaserror -nostdlib -noconfig ${references} -out:adapter.dll *.cs`,
    adapter: `'${dotnet}' exec --runtimeconfig '${join(FOLDER, 'runtimeconfig.json')}' adapter.dll`,
  };
}

async function fetch(): Promise<void> {
  await mkdir(join(FOLDER, '..'), { recursive: true });
  const fresh = await mkdtemp(`${FOLDER}-`);
  try {
    await unpackDebian(MCS, join(fresh, 'mono'));
    const requirements = join(fresh, 'requirements.txt');
    await writeFile(requirements, `${RUNTIME}\n`);
    const download = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--require-hashes',
      '-r',
      requirements,
    ];
    await run('python3', [...download, '-d', fresh]).catch((cause: unknown) => {
      throw new Unavailable('cannot have dotnetcore2 from PyPI', { cause });
    });
    const wheel = (await readdir(fresh)).find((file) => file.endsWith('.whl')) ?? '';
    await run('python3', ['-m', 'zipfile', '-e', join(fresh, wheel), join(fresh, 'wheel')]);
    await rm(join(fresh, wheel));
    await chmod(join(fresh, 'wheel/dotnetcore2/bin/dotnet'), 0o755);
    await writeFile(join(fresh, 'runtimeconfig.json'), JSON.stringify(CONFIG));
    await rename(fresh, FOLDER);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
