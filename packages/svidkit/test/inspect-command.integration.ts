import { access, chmod } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { formatBundleDocument, formatBundleMap, SpiffeBundle, TrustDomain } from '@svidkit/core';
import {
  createTestCa,
  createTestJwtAuthority,
  inPlaceWriter,
  kubeletWriter,
  type KubeletWriterOptions,
  mountFiles,
  type MountFiles,
} from '@svidkit/testkit';
import { describe, expect, test } from 'vitest';

import { type InspectReport } from '../src/index.ts';
import { temporaryDirectory } from './mounted-identity.ts';
import { runSvidkit, runSvidkitHere } from './run-svidkit.ts';

/** What a terminal would act on, line ends apart. */
const UNPRINTABLE = /[^\P{C}\n]/u;
/** A user who owns nothing. */
const NOBODY = 65_534;
const SHOP = 'spiffe://prod.example/shop';

async function mount(
  files: MountFiles,
  options: KubeletWriterOptions = { fileMode: 0o440 },
): Promise<string> {
  const directory = temporaryDirectory();
  await kubeletWriter(directory, options).write(files);
  // Whoever runs the tests, the mount itself is for everyone to enter.
  await chmod(directory, 0o755);
  return directory;
}

async function good(): Promise<{
  ca: Awaited<ReturnType<typeof createTestCa>>;
  files: Record<string, string>;
}> {
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  return { ca, files: mountFiles.secret(await ca.issue({ path: '/shop' }), ca) };
}

/** Runs the command for programs, as a process, and for people. Both must agree. */
async function inspect(
  directory: string,
  run: typeof runSvidkit = runSvidkit,
): Promise<{ exitCode: number; report: InspectReport; page: string }> {
  const json = await run(['inspect', '--json', directory]);
  const page = await runSvidkitHere(['inspect', directory]);
  expect(page.stderr + json.stderr).toBe('');
  expect(json.exitCode).toBe(page.exitCode);
  const report = JSON.parse(json.stdout) as InspectReport;
  expect(report.verdict === 'error').toBe(page.exitCode === 1);
  for (const { code } of report.problems) expect(page.stdout).toContain(code);
  return { exitCode: page.exitCode, report, page: page.stdout };
}

function codes({ problems }: InspectReport): readonly string[] {
  return problems.map(({ severity, code }) => `${severity} ${code}`);
}

describe('svidkit inspect', () => {
  test('of a good mount shows who, until when, trusting whom, from which files, and exits with 0', async () => {
    const { files } = await good();
    const directory = await mount(files);
    const { exitCode, report, page } = await inspect(directory);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({
      schema: 'svidkit.inspect/1',
      verdict: 'ok',
      directory,
      layout: { name: 'kubernetes-secret', updates: 'atomic-swap' },
      identity: {
        spiffeId: SHOP,
        trustDomain: 'prod.example',
        state: 'valid',
        health: 'fresh',
        keyType: 'EC P-256',
        chainVerified: true,
      },
      bundles: [{ trustDomain: 'prod.example', own: true, path: join(directory, 'ca.crt'), skipped: [] }],
      problems: [],
    });
    expect(report.identity?.chain).toHaveLength(1);
    expect(report.bundles[0]?.authorities).toHaveLength(1);
    expect(report.files.map(({ role, mode, uid }) => [role, mode, uid])).toEqual([
      ['certificate', '0440', process.getuid?.()],
      ['key', '0440', process.getuid?.()],
      ['bundle', '0440', process.getuid?.()],
    ]);
    expect(page.split('\n')[0]).toBe(SHOP);
    expect(page).toMatch(/^Valid until {3}\S+ \S+ UTC, in (59|60) minutes$/m);
    expect(page).toMatch(/^ {2}tls\.key: key, mode 0440, owner /m);
    expect(page).toContain('Nothing is wrong.');
    // No colour in a pipe, and nothing wider than a terminal.
    expect(page).not.toContain('\u001B');
    expect(page.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('of a bundle document shows what it is, which version, and what else is in it', async () => {
    const { ca, files } = await good();
    const jwt = createTestJwtAuthority({ trustDomain: 'prod.example', keyId: 'j-\u001B[31m' });
    const bundle = SpiffeBundle.of(TrustDomain.parse('prod.example'), {
      x509: ca.bundle(),
      jwt: jwt.bundle(),
      sequence: 2n ** 60n + 1n,
    });
    const directory = await mount({ ...files, 'ca.crt': formatBundleDocument(bundle) });
    const { exitCode, report, page } = await inspect(directory);
    expect([exitCode, report.verdict]).toEqual([0, 'ok']);
    expect(report.bundles).toMatchObject([
      {
        trustDomain: 'prod.example',
        own: true,
        format: 'spiffe-bundle',
        sequence: '1152921504606846977',
        authorities: [{ isCa: true }],
        jwtKeyIds: ['j-\u001B[31m'],
      },
    ]);
    expect(page.replaceAll(/\s+/g, ' ')).toContain(
      'prod.example (our own): 1 authority in ca.crt, a SPIFFE bundle, sequence number 1152921504606846977',
    );
    expect(page).toContain('for JWT-SVIDs: key "j-');
    expect(page).not.toMatch(UNPRINTABLE);

    const map = await inspect(await mount({ ...files, 'ca.crt': formatBundleMap([bundle]) }));
    expect(map.report.bundles).toMatchObject([{ format: 'bundle-map', own: true }]);
    expect(map.page).toContain('a bundle map');
    const broken = await inspect(
      await mount({ ...files, 'ca.crt': formatBundleDocument(bundle).slice(0, -1) }),
    );
    expect([broken.exitCode, codes(broken.report)]).toEqual([1, ['error ERR_BUNDLE_INVALID']]);
  });

  test('with --bundles shows the bundles of a map that is elsewhere', async () => {
    const { ca, files } = await good();
    const partner = await createTestCa({ trustDomain: 'partner.example' });
    const entry = (one: typeof ca): SpiffeBundle =>
      SpiffeBundle.of(TrustDomain.parse(one.trustDomain), { x509: one.bundle() });
    const { 'ca.crt': _, ...identity } = files;
    const map = join(
      await mount({ 'bundles.json': formatBundleMap([entry(partner), entry(ca)]) }),
      'bundles.json',
    );
    const directory = await mount(identity);
    const json = await runSvidkit(['inspect', '--json', `--bundles=${map}`, directory]);
    expect([json.exitCode, json.stderr]).toEqual([0, '']);
    const report = JSON.parse(json.stdout) as InspectReport;
    expect(report.bundles.map(({ trustDomain, own, path }) => [trustDomain, own, path])).toEqual([
      ['prod.example', true, map],
      ['partner.example', false, map],
    ]);
    const page = await runSvidkitHere(['inspect', '--bundles', relative('.', map), directory]);
    expect([page.exitCode, page.stderr]).toEqual([0, '']);
    expect(page.stdout).toContain('partner.example: 1 authority in');
    // Without it, there is no bundle at all.
    expect((await runSvidkitHere(['inspect', directory])).exitCode).toBe(1);
    expect((await runSvidkitHere(['inspect', directory, '--bundles'])).stderr).toBe(
      'svidkit inspect: the option --bundles wants a value. See svidkit inspect --help.\n',
    );
  });

  test('of an expired identity says when it ended and exits with 1', async () => {
    const { ca } = await good();
    const expired = await ca.issue({ path: '/shop', defects: ['expired'] });
    const { exitCode, report, page } = await inspect(await mount(mountFiles.secret(expired, ca)));
    expect(exitCode).toBe(1);
    expect(report.identity).toMatchObject({ spiffeId: SHOP, state: 'expired', health: 'expired' });
    expect(report.identity?.expiresInMs).toBeLessThan(-3_500_000);
    expect(codes(report)).toContain('error ERR_SVID_EXPIRED');
    expect(page).toMatch(/^State {9}expired$/m);
    expect(page).toMatch(/^Valid until .* (59|60) minutes ago$/m);
  });

  test('of an identity of the future says so and exits with 1', async () => {
    const { ca } = await good();
    const early = await ca.issue({ path: '/shop', defects: ['not-yet-valid'] });
    const { exitCode, report } = await inspect(await mount(mountFiles.secret(early, ca)));
    expect(exitCode).toBe(1);
    expect(report.identity).toMatchObject({ state: 'not-yet-valid' });
    expect(codes(report)).toContain('error ERR_SVID_NOT_YET_VALID');
  });

  test('of a key of another certificate says so and exits with 1', async () => {
    const { ca, files } = await good();
    const other = await ca.issue({ path: '/shop' });
    const { exitCode, report } = await inspect(await mount({ ...files, 'tls.key': other.keyPem }));
    expect(exitCode).toBe(1);
    expect(report.identity).toBeNull();
    expect(codes(report)).toEqual(['error ERR_SVID_KEY_MISMATCH']);
  });

  test('of an empty bundle says where it should come from and exits with 1', async () => {
    const { files } = await good();
    const { exitCode, report, page } = await inspect(await mount({ ...files, 'ca.crt': '' }));
    expect(exitCode).toBe(1);
    expect(report.identity).toMatchObject({ spiffeId: SHOP, chainVerified: false });
    expect(codes(report)).toEqual(['error ERR_BUNDLE_EMPTY']);
    expect(page).toMatch(/^ {2}What to do: /m);
  });

  test('of a bundle that does not vouch for the identity says so and exits with 1', async () => {
    const { files } = await good();
    const other = await createTestCa({ trustDomain: 'prod.example' });
    const { exitCode, report, page } = await inspect(await mount({ ...files, 'ca.crt': other.bundlePem }));
    expect(exitCode).toBe(1);
    expect(codes(report)).toEqual(['error ERR_CHAIN_UNTRUSTED']);
    expect(page).toMatch(/^Vouched for {3}not by the bundle of its own trust domain$/m);
  });

  test('of a directory that is not there says so and exits with 1', async () => {
    const directory = join(temporaryDirectory(), 'nowhere');
    const { exitCode, report, page } = await inspect(directory);
    expect(exitCode).toBe(1);
    expect(report).toMatchObject({ directory: null, layout: null, identity: null, bundles: [], files: [] });
    expect(codes(report)).toEqual(['error ERR_MOUNT_NOT_FOUND']);
    expect(page).toContain(directory);
  });

  test('of an empty directory names the files that it wants and exits with 1', async () => {
    const { exitCode, page } = await inspect(temporaryDirectory());
    expect(exitCode).toBe(1);
    expect(page).toContain('tls.crt and tls.key');
  });

  test('of files that it may not read says which, and how to be let in', async ({ skip }) => {
    const { files } = await good();
    const isRoot = process.getuid?.() === 0;
    const directory = await mount(files, { fileMode: isRoot ? 0o400 : 0o000 });
    // Root reads everything, so it stops being root for a moment.
    if (isRoot) process.seteuid?.(NOBODY);
    let seen: Awaited<ReturnType<typeof inspect>>;
    try {
      const isOpen = await access(import.meta.dirname).then(
        () => true,
        () => false,
      );
      skip(!isOpen, 'nobody but root can read this checkout');
      seen = await inspect(directory, runSvidkitHere);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    const { exitCode, report, page } = seen;
    expect(exitCode).toBe(1);
    expect(codes(report)).toEqual(['error ERR_MOUNT_UNREADABLE']);
    expect(page).toContain(join(directory, 'tls.crt'));
    expect(page).toContain('fsGroup');
  });

  test('of a key that all can read warns and exits with 0, or with 1 when it is to be strict', async () => {
    const { files } = await good();
    const directory = await mount(files, { fileMode: 0o644 });
    const { exitCode, report, page } = await inspect(directory);
    expect(exitCode).toBe(0);
    expect(report.verdict).toBe('warning');
    expect(codes(report)).toEqual(['warning ERR_MOUNT_PERMISSIONS']);
    expect(page).toContain(join(directory, 'tls.key'));
    expect((await runSvidkitHere(['inspect', '--strict', directory])).exitCode).toBe(1);
    await expect(runSvidkitHere(['inspect', '--strict', await mount(files)])).resolves.toMatchObject({
      exitCode: 0,
    });
  });

  test('of an identity whose renewal is late warns', async () => {
    const { ca } = await good();
    const late = await ca.issue({
      path: '/shop',
      notBefore: new Date(Date.now() - 95 * 60_000),
      notAfter: new Date(Date.now() + 5 * 60_000),
    });
    const { exitCode, report } = await inspect(await mount(mountFiles.secret(late, ca)));
    expect(exitCode).toBe(0);
    expect(report.identity).toMatchObject({ state: 'valid', health: 'critical' });
    expect(codes(report)).toEqual(['warning ERR_MOUNT_STALE']);
  });

  test('without a directory looks where a service would, and says where it looked', async () => {
    const { files } = await good();
    const directory = await mount(files);
    const found = await runSvidkit(['inspect'], { env: { SPIFFE_CREDENTIAL_FOLDER: directory } });
    expect(found.exitCode).toBe(0);
    expect(found.stdout).toContain(`Looked in\n  ${directory}: files as of kubernetes-secret\n`);
    // The environment is what the command is given, not what this process has.
    expect(await runSvidkitHere(['inspect'], { env: { SPIFFE_CREDENTIAL_FOLDER: directory } })).toMatchObject(
      {
        exitCode: 0,
      },
    );

    const env = { SPIFFE_CREDENTIAL_FOLDER: '' };
    const page = await runSvidkit(['inspect'], { env });
    const report = JSON.parse((await runSvidkitHere(['inspect', '--json'], { env })).stdout) as InspectReport;
    expect(report.searched.map((place) => place.directory)).toEqual(
      expect.arrayContaining(['/var/run/secrets/spiffe.io', '/run/secrets/workload-spiffe-credentials']),
    );
    const words = page.stdout.split(/\s+/).map((word) => word.replace(/[,:]$/, ''));
    expect(words).toEqual(expect.arrayContaining(report.searched.map((place) => place.directory)));
  });

  test.for(Object.keys(mountFiles) as (keyof typeof mountFiles)[])(
    'recognises and reads the files of %s',
    async (layout) => {
      const ca = await createTestCa({ trustDomain: 'prod.example' });
      const files = mountFiles[layout](await ca.issue({ path: '/shop' }), ca);
      const directory = temporaryDirectory();
      await inPlaceWriter(directory, { fileMode: 0o400 }).write(files);
      const { stdout, exitCode } = await runSvidkitHere(['inspect', '--json', directory]);
      expect(exitCode).toBe(0);
      const report = JSON.parse(stdout) as InspectReport;
      expect(report.identity).toMatchObject({ spiffeId: SHOP, chainVerified: true });
      expect(report.layout?.updates).toBe('direct');
      expect(report.files.map(({ path }) => path).toSorted()).toEqual(
        Object.keys(files)
          .map((name) => join(directory, name))
          .toSorted(),
      );
    },
  );

  test('shows each trust domain by itself, and which entries do not count', async () => {
    const { ca } = await good();
    const partner = await createTestCa({ trustDomain: 'partner.example' });
    const issuer = await ca.intermediate();
    const svid = await issuer.issue({ path: '/shop' });
    const files = mountFiles.filesystemDraft(svid, [ca, partner]);
    const own = 'prod.example.spiffe-trust-bundle.pem';
    const leaf = (await ca.issue()).certPem;
    const { exitCode, report, page } = await inspect(
      await mount({ ...files, [own]: `${files[own]}${leaf}` }),
    );
    expect(exitCode).toBe(0);
    expect(report.identity?.chain.map(({ isCa }) => isCa)).toEqual([false, true]);
    expect(
      report.bundles.map(({ trustDomain, own: isOwn, skipped }) => [trustDomain, isOwn, skipped.length]),
    ).toEqual([
      ['prod.example', true, 1],
      ['partner.example', false, 0],
    ]);
    expect(page).toContain(`  prod.example (our own): 1 authority in ${own}\n`);
    expect(page).toContain('  partner.example: 1 authority in partner.example.spiffe-trust-bundle.pem\n');
    expect(page).toMatch(/^ {4}not counted: /m);
  });

  test('shows names that could take over a terminal as text', async () => {
    const { files } = await good();
    const directory = join(temporaryDirectory(), '\u001B[2J\u202Emount');
    await kubeletWriter(directory, { fileMode: 0o400 }).write(files);
    const { report, page } = await inspect(directory);
    expect(report.directory).toBe(directory);
    expect(page).toContain(String.raw`\u{1b}[2J\u{202e}mount`);
    expect(page).not.toMatch(UNPRINTABLE);
    expect((await runSvidkitHere(['inspect', '--json', directory])).stdout).not.toMatch(UNPRINTABLE);
  });
});

test('no byte of a key is in any output, whatever is wrong with the mount', async () => {
  const { ca, files } = await good();
  const svid = await ca.issue({ path: '/shop' });
  const certPem = svid.certPem;
  const passphrase = 'open sesame';
  const encrypted = svid.key
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
    .toString();
  const ec = svid.key.export({ type: 'sec1', format: 'pem' }).toString();
  const broken = svid.keyPem.replace('-----END PRIVATE KEY-----', '-----END PRIVATE');
  const body = svid.keyPem.split('\n').slice(1, -2).join('');
  const cases: readonly MountFiles[] = [
    { 'tls.crt': certPem, 'tls.key': svid.keyPem, 'ca.crt': ca.bundlePem },
    { 'tls.crt': certPem, 'tls.key': ec, 'ca.crt': ca.bundlePem },
    { ...files, 'tls.key': svid.keyPem }, // of another certificate
    { 'tls.crt': svid.keyPem, 'tls.key': certPem, 'ca.crt': ca.bundlePem },
    { 'tls.crt': certPem + svid.keyPem, 'tls.key': svid.keyPem, 'ca.crt': ca.bundlePem },
    { 'tls.crt': certPem, 'tls.key': svid.keyPem, 'ca.crt': ca.bundlePem + svid.keyPem },
    { 'tls.crt': certPem, 'tls.key': broken, 'ca.crt': ca.bundlePem },
    {
      'tls.crt': certPem,
      'tls.key': svid.keyPem.replace('PRIVATE KEY', 'SECRET KEY'),
      'ca.crt': ca.bundlePem,
    },
    { 'tls.crt': certPem, 'tls.key': body, 'ca.crt': ca.bundlePem },
    { 'tls.crt': certPem, 'tls.key': svid.keyPem + svid.keyPem, 'ca.crt': ca.bundlePem },
    { 'tls.crt': certPem, 'tls.key': encrypted, 'ca.crt': ca.bundlePem },
    { 'credential-bundle.private-key.pem': broken + certPem },
    { 'svid.pem': svid.keyPem, 'svid_key.pem': svid.keyPem, 'svid_bundle.pem': svid.keyPem },
  ];
  const { d = '' } = svid.key.export({ format: 'jwk' });
  const secrets = [
    ...[svid.keyPem, ec, encrypted].flatMap(fragments),
    passphrase,
    d,
    Buffer.from(d, 'base64url').toString('hex'),
    Buffer.from(d, 'base64url').toString('base64'),
  ];
  const outputs: string[] = [];
  for (const [index, content] of cases.entries()) {
    const directory = await mount(content);
    // A process of its own each time would take long and add little.
    const run = index % 4 === 0 ? runSvidkit : runSvidkitHere;
    for (const argv of [
      ['inspect', directory],
      ['inspect', '--json', directory],
    ]) {
      const { stdout, stderr, exitCode } = await run(argv);
      expect(exitCode).toBeLessThan(2);
      outputs.push(stdout + stderr);
    }
  }
  for (const output of outputs) {
    const found = secrets.filter((secret) => output.includes(secret));
    expect(found).toEqual([]);
  }
  // The search works: it finds what is there.
  expect(
    secrets.filter((secret) => svid.keyPem.replaceAll('\n', '').includes(secret)).length,
  ).toBeGreaterThan(100);
}, 60_000);

/** Every run of 12 characters of what is between the lines of a PEM block. */
function fragments(pem: string): readonly string[] {
  const body = pem.replaceAll(/-----[^-]+-----|\s/g, '');
  return Array.from({ length: body.length - 11 }, (_, index) => body.slice(index, index + 12));
}
