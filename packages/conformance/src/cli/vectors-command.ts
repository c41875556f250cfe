import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { tar } from '../archive/tar.ts';
import { vectorFiles } from '../archive/vector-files.ts';
import { EXIT, usageFailure } from '../exit-code.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';
import { ownVersion } from './own-version.ts';
import { writeFile } from './write-file.ts';

const VECTORS_HELP = `Usage: spiffe-conformance vectors -o FILE

Writes the vectors, their schemas, each certificate as PEM, an index and checksums into an archive that ends with .tar or
.tar.gz, for libraries whose tests have no Node.js. A .tar has the same bytes everywhere.
`;

/** Writes the vectors into an archive. */
export function vectorsCommand(argv: readonly string[], io: CliIo): number {
  const line = readCommandLine(argv, { output: 'one', help: 'flag' });
  if (line.flag('help')) {
    io.stdout.write(VECTORS_HELP);
    return EXIT.passed;
  }
  const file = line.one('output');
  if (file === undefined || !/\.tar(?:\.gz)?$/.test(file))
    throw usageFailure('where to? Say -o FILE, which ends with .tar or .tar.gz');
  const files = vectorFiles(ownVersion());
  const archive = tar(files);
  const content = file.endsWith('.gz') ? gzip(archive) : archive;
  writeFile(file, content);
  const sum = createHash('sha256').update(content).digest('hex');
  io.stdout.write(`${file}: ${files.size} files, SHA-256 ${sum}\n`);
  return EXIT.passed;
}

function gzip(archive: Buffer): Buffer {
  const packed = gzipSync(archive, { level: 9 });
  // The byte that names the operating system: unknown, on all of them.
  packed[9] = 255;
  return packed;
}
