import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { REFERENCE, runCases, runKit, temporaryDirectory } from './run-kit.ts';

const SHARED = join(import.meta.dirname, '../../../../shared/vectors');
const HAS_SHARED = existsSync(SHARED);
if (!HAS_SHARED) console.warn(`skipped: the vectors of others are not in ${SHARED}`);
const LIMBO = `limbo:${join(SHARED, 'limbo')}`;
const WYCHEPROOF = `wycheproof:${join(SHARED, 'wycheproof')}`;

/** An adapter for the layers below SVIDs; `lenient` is one that is wrong. */
function layers(mode = 'strict'): readonly string[] {
  return [
    process.execPath,
    '--conditions=@svidkit/source',
    join(import.meta.dirname, 'outside-adapter.ts'),
    mode,
  ];
}

/** A file of x509-limbo with as many cases as are given. */
function limboFile(...testcases: readonly object[]): string {
  const file = join(temporaryDirectory(), 'limbo.json');
  writeFileSync(file, JSON.stringify({ version: 1, testcases }));
  return file;
}

describe.skipIf(!HAS_SHARED)('cases of x509-limbo', () => {
  test('run through x509.chain, those that gate as limbo has them, others recorded', async () => {
    const { exitCode, results } = await runCases(['--outside', LIMBO], layers());
    expect(results.results.filter(({ status }) => status !== 'pass' && status !== 'unsupported')).toEqual([]);
    expect(exitCode).toBe(0);
    const run = results.results.filter(({ status }) => status === 'pass');
    // 147 + 18 + 20 gate where the leaf is not judged by the rules for SVIDs.
    expect(run.filter(({ level }) => level === 'must').length).toBe(185);
    expect(run.filter(({ branch }) => branch !== undefined).length).toBeGreaterThan(40);
    expect(results.run.remarks).toContain('limbo: 27 left out (na-name)');
  });

  test('whose leaf is an SVID run through x509.verify of the reference', async () => {
    const { exitCode, results, stdout, text } = await runCases(
      ['--outside', LIMBO, '--suite', 'limbo-spiffe'],
      REFERENCE,
    );
    expect(results.results.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(results.results.length).toBeGreaterThan(80);
    expect(stdout).toContain('nothing can be claimed from this run');
    expect(JSON.parse(text)).toMatchObject({ claims: [], run: { selection: { full: false } } });
  });

  test('notice a verifier that looks at no time', async () => {
    const { exitCode, stdout } = await runCases(['--outside', LIMBO, '--level', 'must'], layers('lenient'));
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/See spiffe-conformance explain limbo\S* --outside limbo:/);
  });

  test('are told by explain', async () => {
    const id = 'limbo/core/pathlen.ee-with-intermediate-pathlen-0';
    const { stdout, exitCode } = await runKit(['explain', id, '--outside', LIMBO]);
    expect(stdout).toContain('call: x509.chain {"leaf":"MII');
    expect(exitCode).toBe(0);
  });
});

describe.skipIf(!HAS_SHARED)('cases of Wycheproof', () => {
  test('about JSON Web Signatures run through jws.verify, and HMAC is always refused', async () => {
    const { exitCode, results } = await runCases(['--outside', WYCHEPROOF], layers());
    expect(results.results.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(results.results).toHaveLength(401);
    // The four whose key names another algorithm than the token may go either way.
    expect(results.results.filter(({ branch }) => branch !== undefined).map((one) => one.case)).toEqual([
      expect.stringContaining('figure20[tc=346]'),
      expect.stringContaining('figure27[tc=347]'),
      expect.stringContaining('figure20[tc=350]'),
      expect.stringContaining('figure27[tc=351]'),
    ]);
  });

  test('notice a reader that believes what says no known algorithm', async () => {
    const { exitCode, results } = await runCases(['--outside', WYCHEPROOF], layers('lenient'));
    expect(exitCode).toBe(1);
    expect(results.summary['fail']).toBeGreaterThan(5);
  });

  test('of a file about anything else are refused', async () => {
    const source = `${WYCHEPROOF}/ecdsa_secp256r1_sha256_test.json`;
    const { exitCode, stderr } = await runKit(['run', '--outside', source, '--', ...layers()]);
    expect(stderr).toContain('want tests about JSON Web Signatures, got Ecdsa');
    expect(exitCode).toBe(2);
  });
});

describe('data of others', () => {
  const testcase = {
    id: 'rfc5280::some-case',
    description: 'anything',
    validation_kind: 'SERVER',
    trusted_certs: [],
    untrusted_intermediates: [],
    peer_certificate: '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n',
    validation_time: null,
    expected_result: 'FAILURE',
  };

  test('without a profile are recorded alone', async () => {
    const { results } = await runCases(['--outside', `limbo:${limboFile(testcase)}`], layers());
    expect(results.results).toMatchObject([
      { case: 'limbo/unclassified/rfc5280.some-case', level: 'choice', branch: 'refused', status: 'pass' },
    ]);
  });

  test('that no adapter has an operation for execute nothing', async () => {
    const { exitCode, stderr } = await runCases(['--outside', `limbo:${limboFile(testcase)}`], REFERENCE);
    expect(stderr).toContain('not a single case was executed');
    expect(exitCode).toBe(4);
  });

  test.each([
    ['limbo', '--outside wants limbo or wycheproof and a path'],
    ['bettertls:x', '--outside wants limbo or wycheproof and a path'],
    ['limbo:/nonexistent', 'ENOENT'],
    [`limbo:${import.meta.dirname}`, 'has no file of the usual names'],
    [`limbo:${import.meta.filename}`, 'JSON'],
    [`wycheproof:${join(import.meta.dirname, '../package.json')}`, 'another number of tests'],
    [`limbo:${join(import.meta.dirname, '../package.json')}`, 'want "testcases"'],
  ])('%s is exit code 2', async (source, message) => {
    const { exitCode, stderr } = await runKit(['run', '--outside', source, '--', ...layers()]);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });
});
