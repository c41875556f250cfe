import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { EXIT, usageFailure } from '../exit-code.ts';
import { LANGUAGES } from '../init/languages.ts';
import { skeleton } from '../init/skeleton.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';
import { ownVersion } from './own-version.ts';
import { writeFile } from './write-file.ts';

const INIT_HELP = `Usage: spiffe-conformance init <language> [-o FOLDER]

Writes an adapter that can be built and passes its first cases, with a workflow for GitHub Actions, into an empty folder.
Default: spiffe-conformance-adapter. Languages: ${LANGUAGES.map(({ name }) => name).join(', ')}.
`;

/** Writes the skeleton of an adapter. */
export function initCommand(argv: readonly string[], io: CliIo): number {
  const line = readCommandLine(argv, { output: 'one', help: 'flag' }, 1);
  if (line.flag('help')) {
    io.stdout.write(INIT_HELP);
    return EXIT.passed;
  }
  const [name] = line.operands;
  const language = LANGUAGES.find((one) => one.name === name);
  if (language === undefined) {
    const names = LANGUAGES.map((one) => one.name).join(', ');
    throw usageFailure(`which language? There is ${names}; for any other, python has the least to translate`);
  }
  const folder = line.one('output') ?? 'spiffe-conformance-adapter';
  if (existsSync(folder) && readdirSync(folder).length > 0) throw usageFailure(`${folder} is not empty`);
  for (const [path, text] of skeleton(language, ownVersion())) writeFile(join(folder, path), text);
  io.stdout.write(
    [
      `Wrote an adapter into ${folder}. In it:`,
      `  ${language.build}`,
      `  npx @svidkit/conformance doctor -- ${language.adapter}`,
      `  npx @svidkit/conformance run -- ${language.adapter}`,
      `Then put your library into ${language.operations}.`,
      '',
    ].join('\n'),
  );
  return EXIT.passed;
}
