import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { loadSuites } from '../src/vectors/load-suites.ts';
import { runKit, temporaryDirectory } from './run-kit.ts';
import { schemaValidator } from './schema-validator.ts';

const FOLDER = 'spiffe-conformance-vectors-0.1.0';

async function archive(name: string): Promise<string> {
  const file = join(temporaryDirectory(), name);
  const { exitCode, stdout } = await runKit(['vectors', '-o', file]);
  expect(exitCode).toBe(0);
  const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
  expect(stdout).toMatch(new RegExp(`^${file}: \\d+ files, SHA-256 ${sum}\n$`));
  return file;
}

test.each(['v.tar', 'v.tar.gz'])('%s is unpacked by tar, and its checksums are right', async (name) => {
  const folder = temporaryDirectory();
  execFileSync('tar', ['-xf', await archive(name), '-C', folder]);
  const root = join(folder, FOLDER);
  const check = spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(check.stderr).toBe('');
  expect(check.status).toBe(0);
  // Nothing in it is without a sum.
  const sums = readFileSync(join(root, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(sums).toHaveLength(files.length - 1);
  expect(readdirSync(root).toSorted()).toEqual(
    [
      'INDEX.json',
      'LICENSE',
      'README.md',
      'SHA256SUMS',
      'certs',
      'requirements',
      'schemas',
      'vectors',
    ].toSorted(),
  );
});

test('the archive has every case, of its schema, in its index, and the certificates as PEM that OpenSSL reads', async () => {
  const folder = temporaryDirectory();
  execFileSync('tar', ['-xf', await archive('v.tar'), '-C', folder]);
  const root = join(folder, FOLDER);
  const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));
  const index = read('INDEX.json') as {
    readonly count: number;
    readonly cases: readonly { readonly id: string; readonly file: string; readonly level: string }[];
  };
  const cases = loadSuites().flatMap((file) => file.cases);
  expect(index.count).toBe(cases.length);
  expect(index.cases.map(({ id, level }) => `${id} ${level}`)).toEqual(
    cases.map(({ id, level }) => `${id} ${level}`),
  );
  const validate = schemaValidator('vectors');
  for (const file of new Set(index.cases.map((one) => one.file))) {
    validate(read(file));
    expect(validate.errors).toBeNull();
  }
  const certificates = readdirSync(join(root, 'certs'));
  expect(certificates.length).toBeGreaterThan(150);
  const wrong = certificates.filter((name) => {
    const pem = readFileSync(join(root, 'certs', name), 'utf8');
    const der = Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64');
    return name !== `${createHash('sha256').update(der).digest('hex')}.pem`;
  });
  expect(wrong).toEqual([]);
});

test('the archive is the same bytes each time', async () => {
  for (const name of ['v.tar', 'v.tar.gz']) {
    const [one, other] = [readFileSync(await archive(name)), readFileSync(await archive(name))];
    expect(one.equals(other)).toBe(true);
  }
});

test.each([[[]], [['-o', 'vectors.zip']]])('%j is exit code 2', async (options) => {
  const { exitCode, stderr } = await runKit(['vectors', ...options]);
  expect(stderr).toContain('where to?');
  expect(exitCode).toBe(2);
});
