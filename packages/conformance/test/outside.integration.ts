import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { hostile, REFERENCE, runCases, runKit, temporaryDirectory } from './run-kit.ts';

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
    const { exitCode, results } = await runCases(
      ['--outside', `${WYCHEPROOF}/json_web_signature_test.json`],
      layers(),
    );
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

  test('about bare signatures run through signature.verify', async () => {
    const sources = readdirSync(join(SHARED, 'wycheproof')).filter((name) => /^(?:ecdsa|rsa)_/.test(name));
    const { exitCode, results } = await runCases(
      sources.flatMap((name) => ['--outside', `${WYCHEPROOF}/${name}`]),
      layers(),
    );
    expect(results.results.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(results.results).toHaveLength(262 + 484 + 280 + 318 + 108 + 259);
    // A DigestInfo without its NULL is the one that is only acceptable.
    expect(results.results.filter(({ branch }) => branch !== undefined)).toHaveLength(1);
  });

  test.each([
    'ecdsa_secp256r1_sha256_test',
    'rsa_signature_2048_sha256_test',
    'rsa_pss_2048_sha256_mgf1_32_test',
  ])('notice a verifier that believes every signature: %s', async (name) => {
    const { exitCode, results } = await runCases(
      ['--outside', `${WYCHEPROOF}/${name}.json`],
      layers('lenient'),
    );
    expect(exitCode).toBe(1);
    expect(results.summary['fail']).toBeGreaterThan(40);
  });
});

describe.skipIf(!HAS_SHARED)('the reference', () => {
  test('passes everything that decides, but for what is written down with a reason', async () => {
    const known = join(import.meta.dirname, '../../../interop/typescript/outside.known.json');
    const { exitCode, results, stderr } = await runCases(
      ['--outside', LIMBO, '--outside', WYCHEPROOF, '--known', known],
      REFERENCE,
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(results.summary).toEqual({ pass: 1642, 'known-fail': 9, unsupported: 860 });
    // What JWS has instead of DER is verified by the platform, under the JOSE library.
    const lacking = results.results.filter(({ status }) => status === 'unsupported');
    expect(new Set(lacking.map(({ reason }) => reason))).toEqual(
      new Set(['the adapter does not declare signatures:ecdsa-p1363']),
    );
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
    const { exitCode, stderr } = await runCases(
      ['--outside', `limbo:${limboFile(testcase)}`],
      hostile('good'),
    );
    expect(stderr).toContain('not a single case was executed');
    expect(exitCode).toBe(4);
  });

  test('about what nobody uses for certificates are left out or refused', async () => {
    const group = {
      type: 'EcdsaVerify',
      sha: 'SHA-1',
      publicKeyDer: '',
      tests: [{ tcId: 1, result: 'valid' }],
    };
    const file = join(temporaryDirectory(), 'ecdsa_test.json');
    writeFileSync(file, JSON.stringify({ numberOfTests: 1, testGroups: [group] }));
    const weak = await runCases(['--outside', `wycheproof:${file}`], layers());
    expect([weak.exitCode, weak.stderr]).toEqual([
      4,
      expect.stringContaining('not a single case was selected'),
    ]);
    writeFileSync(file, JSON.stringify({ numberOfTests: 1, testGroups: [{ ...group, type: 'AeadTest' }] }));
    const other = await runCases(['--outside', `wycheproof:${file}`], layers());
    expect([other.exitCode, other.stderr]).toEqual([
      2,
      expect.stringContaining('want tests about JSON Web Signatures, got AeadTest'),
    ]);
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
