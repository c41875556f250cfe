import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { runCli } from '../src/cli/run-cli.ts';
import {
  hostile,
  REFERENCE,
  runCases,
  runKit,
  STATIC_REFERENCE,
  temporaryDirectory,
  VICTIM,
} from './run-kit.ts';
import { schemaValidator } from './schema-validator.ts';

const CASES = ['--case', 'spiffe-id/accept/segment-dots*', '--seed', '1'];
const EVIDENCE = 'spiffe-id/accept/segment-dots@name=dot-first';

const read = (folder: string, name: string): string => readFileSync(join(folder, name), 'utf8');

describe('a run of every case', () => {
  test('claims what passed, says so in results, summary and badge, and ends as --claim wants', async () => {
    const folder = temporaryDirectory();
    const outputs = ['--badge', join(folder, 'b.json'), '--badge', join(folder, 'b.svg')];
    const { exitCode, text, stdout } = await runCases(
      ['--claim', 'core', '--markdown', join(folder, 'report.md'), ...outputs],
      STATIC_REFERENCE,
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^core @ 2026-07: conformant$/m);
    const validate = schemaValidator('results');
    validate(JSON.parse(text));
    expect(validate.errors).toBeNull();
    expect(JSON.parse(text)).toMatchObject({
      run: { selection: { full: true, requirements: '2026-07' } },
      claims: expect.arrayContaining([
        expect.objectContaining({ profile: 'core', requirements: '2026-07', verdict: 'conformant' }),
      ]) as unknown,
    });
    const badge = JSON.parse(read(folder, 'b.json')) as Record<string, unknown>;
    expect(badge).toMatchObject({ schemaVersion: 1, label: 'SPIFFE conformance', color: 'brightgreen' });
    expect(badge['message']).toMatch(/^core(?:\+[a-z-]+)* @ 2026-07$/);
    expect(read(folder, 'b.svg')).toContain(`aria-label="SPIFFE conformance: ${String(badge['message'])}"`);
    expect(read(folder, 'report.md')).toContain('| core @ 2026-07 | **conformant** | ');
  });

  test('without what a profile needs is not conformant, and --claim fails it', async () => {
    const folder = temporaryDirectory();
    const badge = join(folder, 'b.json');
    const { exitCode, stderr } = await runCases(['--claim', 'core', '--badge', badge], hostile('good'));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('not conformant: core');
    expect(read(folder, 'b.json')).toMatch(/"message":"(?:not conformant|core incomplete)[^"]* @ 2026-07"/);
  });
});

test.each([
  [['--claim', 'core', ...CASES], '--claim and --badge need a run of every case'],
  [['--badge', 'b.json', '--at', '2030-01-01T00:00:00Z'], '--claim and --badge need a run of every case'],
  [['--badge', 'b.png'], '--badge wants a file that ends with .json or .svg'],
  [['--claim', 'everything'], 'the requirements 2026-07 have no profile "everything"; there is core'],
  [['--requirements', '1999-01'], 'there are no requirements "1999-01"; there is 2026-07'],
  [['--keep'], '--keep needs --evidence'],
  [['--step-summary'], 'GITHUB_STEP_SUMMARY is not set'],
  [['--baseline', '/nonexistent.json'], 'ENOENT'],
])('%j is exit code 2', async (options, message) => {
  const { exitCode, stderr } = await runKit(['run', ...options, '--', ...hostile('good')]);
  expect(stderr).toContain(message);
  expect(exitCode).toBe(2);
});

describe('evidence', () => {
  test('of a failure has what was said, and a script that ends as the case does', async () => {
    const folder = temporaryDirectory();
    const bin = join(import.meta.dirname, '../src/bin.ts');
    // In a process of its own, so that the script names the program that a user would have run.
    const run = spawnSync(
      process.execPath,
      [
        '--conditions=@svidkit/source',
        bin,
        'run',
        ...CASES,
        '--evidence',
        folder,
        '--',
        ...hostile('answers-wrongly'),
      ],
      { encoding: 'utf8' },
    );
    expect(run.status).toBe(1);
    const evidence = join(folder, EVIDENCE);
    expect(readdirSync(join(folder, 'spiffe-id/accept'))).toEqual(['segment-dots@name=dot-first']);
    expect(readdirSync(evidence).toSorted()).toEqual([
      'case.json',
      'repro.sh',
      'result.json',
      'transcript.ndjson',
    ]);
    expect(JSON.parse(read(evidence, 'case.json'))).toMatchObject({ id: VICTIM, op: 'id.parse' });
    expect(JSON.parse(read(evidence, 'result.json'))).toMatchObject({ case: VICTIM, status: 'fail' });
    expect(read(evidence, 'transcript.ndjson')).toContain('spiffe://example.org/b');
    expect(statSync(join(evidence, 'case.json')).mode & 0o077).toBe(0);

    const again = spawnSync(join(evidence, 'repro.sh'), { encoding: 'utf8' });
    expect(again.stdout).toContain('got "spiffe://example.org/b"');
    expect(again.status).toBe(1);
    // The same script, once the adapter is mended.
    const script = read(evidence, 'repro.sh');
    writeFileSync(join(evidence, 'repro.sh'), script.replace('answers-wrongly', 'good'));
    expect(spawnSync(join(evidence, 'repro.sh')).status).toBe(0);
  });

  test('of a certificate case shows the certificates, as PEM and in words', async () => {
    const folder = temporaryDirectory();
    const id = 'x509-verify/accept/direct-root';
    const { exitCode, results } = await runCases(['--case', id, '--evidence', folder, '--keep'], REFERENCE);
    expect(exitCode).toBe(0);
    expect(results.results).toMatchObject([{ case: id, evidence: join(folder, id) }]);
    const certificates = join(folder, id, 'certs');
    expect(read(certificates, 'chain.0.pem')).toContain('-----BEGIN CERTIFICATE-----');
    expect(read(certificates, 'chain.0.txt')).toMatch(/names: URI:spiffe:\/\/example.org\/[^]*made by: /);
    expect(new X509Certificate(read(certificates, 'chain.0.pem')).subjectAltName).toMatch(/^URI:spiffe:/);
  });

  test('is there of an answer that was taken back later, and of nothing that passed', async () => {
    const folder = temporaryDirectory();
    await runCases([...CASES, '--evidence', folder], hostile('answers-twice'));
    expect(readdirSync(join(folder, 'spiffe-id/accept'))).toEqual(['segment-dots@name=dot-first']);
    expect(JSON.parse(read(join(folder, EVIDENCE), 'result.json'))).toMatchObject({ status: 'error' });
    const nothing = temporaryDirectory();
    await runCases([...CASES, '--evidence', nothing], hostile('good'));
    expect(readdirSync(nothing)).toEqual([]);
  });

  test('has what a process that died wrote to stderr', async () => {
    const folder = temporaryDirectory();
    await runCases([...CASES, '--evidence', folder], hostile('crashes'));
    expect(read(join(folder, EVIDENCE), 'stderr.txt')).toContain('segmentation fault in libspiffe');
  });
});

test('results are streamed as they come, and what was learned later comes again', async () => {
  const file = join(temporaryDirectory(), 'stream.ndjson');
  const { results } = await runCases([...CASES, '--stream', file], hostile('answers-twice'));
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, { case?: string; status?: string }>);
  expect(lines[0]?.['begin']).toMatchObject({ kit: '0.1.0', seed: '1', implementation: { name: 'hostile' } });
  const about = lines.filter((line) => line['result']?.case === VICTIM).map((line) => line['result']?.status);
  expect(about).toEqual(['pass', 'error']);
  expect(lines).toHaveLength(1 + 4 + 1 + 1);
  expect(lines.at(-1)?.['end']).toMatchObject({ partial: false, summary: results.summary });
});

test('a run tells what is other than in an earlier one', async () => {
  const folder = temporaryDirectory();
  const [before, report] = [join(folder, 'before.json'), join(folder, 'report.md')];
  await runKit(['run', ...CASES, '--json', before, '--', ...hostile('good')]);
  const same = await runCases([...CASES, '--baseline', before], hostile('good'));
  expect(same.stdout).toContain('Nothing has changed since kit 0.1.0 and version 1.');
  const other = await runCases(
    [...CASES, '--case', 'spiffe-id/accept/td-only', '--baseline', before, '--markdown', report],
    hostile('crashes'),
  );
  expect(other.stdout).toContain(`newly failing (1): ${VICTIM}\n  new (1): spiffe-id/accept/td-only`);
  expect(readFileSync(report, 'utf8')).toContain('- **newly failing** (1): spiffe-id/accept/segment-dots');
});

test('the Markdown is appended to the summary of a job', async () => {
  const stepSummary = join(temporaryDirectory(), 'summary.md');
  writeFileSync(stepSummary, 'earlier step\n');
  const exitCode = await runCli(['run', ...CASES, '--step-summary', '--', ...hostile('good')], {
    stdout: { write: () => true },
    stderr: { write: () => true },
    interrupted: new AbortController().signal,
    stepSummary,
  });
  expect(exitCode).toBe(0);
  expect(readFileSync(stepSummary, 'utf8')).toMatch(/^earlier step\n## SPIFFE conformance: hostile 1\n/);
});

test('two runs with one seed write the same, but for times', async () => {
  const folder = temporaryDirectory();
  const reports = await Promise.all(
    ['a', 'b'].map(async (run) => {
      const [junit, markdown] = [join(folder, `${run}.xml`), join(folder, `${run}.md`)];
      const { text, stdout } = await runCases(
        [
          '--suite',
          'spiffe-id',
          '--suite',
          'x509-svid',
          '--seed',
          'fixed',
          '--junit',
          junit,
          '--markdown',
          markdown,
        ],
        hostile('answers-wrongly,prints-logs'),
      );
      return [text, stdout, read(folder, `${run}.xml`), read(folder, `${run}.md`)].map((report) =>
        report
          .replaceAll(/"(?:ms|durationMs)": \d+/g, '')
          .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z| time="[\d.]+"|, [\d.]+ s$/gm, ''),
      );
    }),
  );
  expect(reports[0]).toEqual(reports[1]);
});

test('two runs of cases that are played write the same, but for times, ports, paths and what is minted anew', async () => {
  const folder = temporaryDirectory();
  const runs = ['a', 'b'].map(async (run) => {
    const name = (kind: string): string => join(folder, `${run}.${kind}`);
    const files = ['--junit', name('xml'), '--markdown', name('md')];
    const { text, stdout } = await runCases(
      [...PLAYED, '--seed', 'fixed', ...files],
      [...REFERENCE, '--mutant', 'client-verifies-nothing'],
    );
    writeFileSync(name('json'), text);
    const site = join(folder, run);
    expect((await runKit(['matrix', name('json'), '-o', site])).exitCode).toBe(0);
    const pages = ['index.html', 'matrix.md', 'matrix.json'].map((page) => read(site, page));
    return [text, stdout, readFileSync(name('xml'), 'utf8'), readFileSync(name('md'), 'utf8'), ...pages].map(
      (report) => withoutChance(report),
    );
  });
  const [one, other] = await Promise.all(runs);
  expect(one).toEqual(other);
  // It is about something: a failure with what was seen, and a change whose time was measured.
  expect(one?.[0]).toMatch(/"status": "fail",\s+"reason": "a server/);
  expect(one?.[0]).toContain('"convergenceMs"');
});

describe('known update', () => {
  test('writes what a run refuses until reasons are written, and accepts then', async () => {
    const file = join(temporaryDirectory(), 'known.json');
    const passing = {
      case: 'spiffe-id/accept/td-only',
      status: 'fails',
      reason: 'it was wrong once, long ago',
    };
    writeFileSync(file, JSON.stringify({ format: 1, kit: '0.0.1', known: [passing] }));
    const update = await runKit(['known', 'update', '--known', file, '--', ...hostile('crashes')]);
    expect(update.exitCode).toBe(0);
    expect(update.stdout).toContain('gone, it passes: spiffe-id/accept/td-only');
    expect(update.stdout).toContain(`new: ${VICTIM}`);
    const written = readFileSync(file, 'utf8');
    const validate = schemaValidator('known');
    validate(JSON.parse(written));
    expect(validate.errors).toBeNull();
    const refused = await runKit(['run', ...CASES, '--known', file, '--', ...hostile('crashes')]);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('has a reason that is still to be written');
    writeFileSync(file, written.replaceAll('TODO say why', 'upstream issue 12'));
    const { exitCode, results } = await runCases(['--known', file], hostile('crashes'));
    expect(exitCode).toBe(0);
    expect(results.summary['known-fail']).toBeGreaterThan(0);
    // A second update has nothing to do.
    const again = await runKit(['known', 'update', '--known', file, '--', ...hostile('crashes')]);
    expect(again.stdout).not.toMatch(/gone|new|another way|to be written/);
  });

  test.each([
    [
      ['known', 'update', '--known', 'f', '--suite', 'spiffe-id'],
      'known update needs every case: no filters',
    ],
    [['known', 'update', '--known', 'f', '--shard', '1/2'], 'known update needs every case: no filters'],
    [['known', 'update'], 'which file?'],
    [['known', 'improve'], 'known update is all there is'],
  ])('%j is exit code 2, and nothing is written', async (argv, message) => {
    const { exitCode, stderr } = await runKit([...argv, '--', ...hostile('good')]);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });
});

const PLAYED = [
  'mtls-client/accept/valid-server',
  'mtls-client/reject/bad-server*',
  'rotation/swap/leaf-and-key*',
  'mount-layout/load/*',
].flatMap((pattern) => ['--case', pattern]);

/** A report without what is other each time: instants, how long things took, ports, temporary paths, certificates. */
function withoutChance(report: string): string {
  return report
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT')
    .replaceAll(/"(ms|durationMs|convergenceMs|took|stale)": ?-?\d+/g, '"$1": 0')
    .replaceAll(/ time="[\d.]+"|, [\d.]+ s$|\b\d+ ms\b/gm, '')
    .replaceAll(/127\.0\.0\.1:\d+|"port":\d+/g, 'PORT')
    .replaceAll(/\/tmp\/[\w./-]+/g, 'PATH')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'SHA256');
}
