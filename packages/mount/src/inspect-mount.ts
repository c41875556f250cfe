import { type Certificate, healthTimes, SpiffeError, statusAt, type X509Svid } from '@svidkit/core';

import { type BundleReading } from './bundle-reading.ts';
import { BundleState } from './bundle-state.ts';
import { detect, type MountPlan } from './detect.ts';
import { distrust, IdentityState } from './identity-state.ts';
import { identityNames } from './layout.ts';
import { look, type Look } from './look.ts';
import { pooledFs } from './mount-fs.ts';
import { type MountOptions, type MountSettings, mountSettings } from './mount-options.ts';
import {
  type BundleReport,
  type CertificateReport,
  type FileReport,
  type IdentityReport,
  type MountReport,
  type ProblemReport,
} from './mount-report.ts';
import { type MountEntry, mountOf, readMountTable } from './mount-table.ts';
import { type Observation, observe } from './observe.ts';
import { octal } from './permissions.ts';
import { typeOf } from './read-generation.ts';
import { staleMount } from './stale-mount.ts';

/**
 * Looks once at what `openMountedX509Source` would read with the same options, and tells all about it. Waits for
 * nothing, keeps nothing, and puts no key into the report.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID` for options that cannot work. What is wrong
 * with the files is in the report.
 */
export async function inspectMount(options: MountOptions = {}): Promise<MountReport> {
  const settings = mountSettings(options);
  const seen = await detect(settings, pooledFs);
  const candidates = seen.map(({ directory, plan, error }) => ({
    directory,
    layout: plan?.layout,
    problem: error?.message,
  }));
  const plan = seen.at(-1)?.plan;
  if (plan === undefined) {
    const problems = seen.flatMap(({ error }) => (error === undefined ? [] : [report('error', error)]));
    return {
      usable: false,
      layout: undefined,
      directory: undefined,
      candidates,
      files: [],
      identity: undefined,
      bundles: [],
      problems,
    };
  }
  return { ...(await inspectPlan(plan, settings)), candidates };
}

async function inspectPlan(
  plan: MountPlan,
  settings: MountSettings,
): Promise<Omit<MountReport, 'candidates'>> {
  const now = settings.clock.now();
  const table = await readMountTable();
  const { seen, failure } = await lookOnce(plan, settings);
  const observation = seen?.observation ?? (await observe(plan, pooledFs));
  const errors: SpiffeError[] = [failure, seen?.error, verdictError(seen)].filter(
    (error) => error !== undefined,
  );
  const warnings: SpiffeError[] = [...(seen?.permissions ?? [])];

  const state = new BundleState();
  if (seen?.bundles !== undefined && seen.own !== undefined) {
    const outcome = state.apply(seen.bundles, seen.own, now);
    errors.push(...outcome.errors);
    warnings.push(...outcome.warnings);
  }
  const usable = errors.length === 0 && seen?.svid !== undefined;
  const stale = await staleMount(plan, observation, pooledFs, table);
  if (stale !== undefined) warnings.push(stale);

  const mistrust =
    seen?.svid === undefined ? undefined : distrust(seen.svid, state.set, within(seen.svid, now));
  const isBundleThere = seen?.svid !== undefined && state.set.get(seen.svid.id.trustDomain) !== undefined;
  // Without a bundle that is already said.
  if (mistrust !== undefined && isBundleThere) errors.push(untrusted(mistrust, plan));

  return {
    usable,
    layout: plan.layout,
    directory: plan.directory,
    files: fileReports(plan, observation, table, seen?.bundles?.readings ?? []),
    identity:
      seen?.svid === undefined
        ? undefined
        : identityReport(seen.svid, now, distrust(seen.svid, state.set, now) === undefined),
    bundles: (seen?.bundles?.readings ?? []).flatMap(bundleReport),
    problems: [
      ...errors.map((error) => report('error', error)),
      ...warnings.map((warning) => report('warning', warning)),
      ...(seen?.svid?.warnings ?? []).map((message): ProblemReport => ({
        severity: 'warning',
        code: 'ERR_SVID_CERTIFICATE_INVALID',
        message: `${seen?.file ?? plan.directory}: ${message}`,
        hint: 'It is put right while reading. Let the issuer or the writer put it right at the source.',
        file: seen?.file,
      })),
    ],
  };
}

async function lookOnce(
  plan: MountPlan,
  settings: MountSettings,
): Promise<{ readonly seen?: Look | undefined; readonly failure?: SpiffeError }> {
  try {
    const seen = await look({
      plan,
      fs: pooledFs,
      settings,
      identities: new IdentityState(settings),
      uid: process.geteuid?.(),
      onObserved: () => undefined,
      isDue: () => true,
    });
    return { seen };
  } catch (error) {
    if (error instanceof SpiffeError) return { failure: error };
    throw error;
  }
}

function verdictError(seen: Look | undefined): SpiffeError | undefined {
  const verdict = seen?.verdict;
  return verdict?.kind === 'reject' || verdict?.kind === 'wait' ? verdict.error : undefined;
}

function untrusted({ message, code }: SpiffeError, plan: MountPlan): SpiffeError {
  const [file = plan.directory] = identityNames(plan.identity);
  return new SpiffeError(code, `${file}: our own bundle does not vouch for our own chain: ${message}`, {
    blame: 'environment',
    hint: 'Peers will refuse it. Check that issuer and bundle belong together; after a change of CA the bundle may be late.',
    file,
  });
}

function fileReports(
  plan: MountPlan,
  observation: Observation,
  table: readonly MountEntry[],
  readings: readonly BundleReading[],
): readonly FileReport[] {
  const { identity } = plan;
  const identityFiles: [FileReport['role'], string][] =
    'cert' in identity
      ? [
          ['certificate', identity.cert],
          ['key', identity.key],
        ]
      : [['credential-bundle', identity.credentialBundle]];
  const bundlePaths = new Set(readings.map(({ path }) => path).filter((path) => path !== ''));
  if (plan.bundleMap !== undefined) bundlePaths.add(plan.bundleMap);
  // Nobody knows which of them would count as long as the identity is unknown.
  const paths = readings.length > 0 ? bundlePaths : new Set([...plan.ownBundles.slice(0, 1), ...bundlePaths]);
  const bundleFiles = [...paths].map((path): [FileReport['role'], string] => ['bundle', path]);
  return [...identityFiles, ...bundleFiles].map(([role, path]) => fileReport(role, path, observation, table));
}

function fileReport(
  role: FileReport['role'],
  path: string,
  { chains }: Observation,
  table: readonly MountEntry[],
): FileReport {
  const chain = chains.get(path);
  const stats = chain?.entry;
  const resolvedPath = chain?.realPath ?? path;
  return {
    role,
    path,
    resolvedPath,
    exists: stats !== undefined,
    type: stats === undefined ? undefined : typeOf(stats),
    mode: stats === undefined ? undefined : octal(stats),
    uid: stats === undefined ? undefined : Number(stats.uid),
    gid: stats === undefined ? undefined : Number(stats.gid),
    sizeBytes: stats === undefined ? undefined : Number(stats.size),
    modifiedAt: stats === undefined ? undefined : stats.mtime.toISOString(),
    writer: writerOf(path, resolvedPath, chain?.swapLink, table),
  };
}

function writerOf(
  path: string,
  resolvedPath: string,
  swapLink: string | undefined,
  table: readonly MountEntry[],
): FileReport['writer'] {
  if (swapLink !== undefined) return 'atomic-swap';
  if (mountOf(resolvedPath, table)?.mountPoint === resolvedPath) return 'file-mount';
  return resolvedPath === path ? 'direct' : 'link';
}

function identityReport(svid: X509Svid, now: number, chainVerified: boolean): IdentityReport {
  return {
    id: svid.id.toString(),
    trustDomain: svid.id.trustDomain.name,
    notBefore: new Date(svid.notBefore).toISOString(),
    notAfter: new Date(svid.notAfter).toISOString(),
    expiresAt: new Date(svid.expiresAt).toISOString(),
    expiresInMs: svid.expiresAt - now,
    health: statusAt(healthTimes(svid), now),
    keyType: svid.leaf.keyType,
    chain: svid.certificates.map(certificateReport),
    chainVerified,
  };
}

function bundleReport(reading: BundleReading): readonly BundleReport[] {
  const { trustDomain, path, format, bundle, skipped, facts } = reading;
  if (bundle === undefined || format === undefined) return [];
  return [
    {
      trustDomain: trustDomain.name,
      path,
      format,
      sequence: facts?.sequence?.toString(),
      authorities: bundle.authorities.map(certificateReport),
      jwtKeyIds: facts?.jwtKeyIds ?? [],
      skipped,
    },
  ];
}

function certificateReport(certificate: Certificate): CertificateReport {
  const { serialNumber, notBefore, notAfter, keyType, isCa, uriSans, fingerprint256 } = certificate;
  return {
    serialNumber,
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    keyType,
    isCa,
    uriSans,
    fingerprint256,
  };
}

function report(severity: ProblemReport['severity'], error: SpiffeError): ProblemReport {
  const { code, message, hint, file } = error;
  return { severity, code, message, hint, file };
}

/** The time to ask about trust: that it has ended, or not begun, is another problem, and told already. */
function within({ notBefore, expiresAt }: X509Svid, now: number): number {
  return Math.min(Math.max(now, notBefore), expiresAt);
}
