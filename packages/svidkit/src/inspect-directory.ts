import { resolve } from 'node:path';

import {
  type BundleReport,
  type CandidateReport,
  type FileReport,
  type IdentityReport,
  inspectMount,
  type LayoutName,
  type MountReport,
  type ProblemReport,
} from '@svidkit/mount';

import { type CliIo } from './cli-io.ts';
import { likelyWriter } from './describe-layout.ts';
import {
  type InspectedBundle,
  type InspectedFile,
  type InspectedIdentity,
  type InspectedLayout,
  type InspectedPlace,
  type InspectedProblem,
  type InspectReport,
} from './inspect-report.ts';
import { inspectWorkloadApi } from './inspect-workload-api.ts';
import { prefersWorkloadApi } from './open-source.ts';
import { ownVersion } from './own-version.ts';
import { relativeTime } from './relative-time.ts';

/**
 * Looks at a mount and tells all about it.
 *
 * @param directory - undefined: look where a service would.
 * @param bundles - the bundle map beside it; relative to the working directory.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when `directory` is no path.
 */
export async function inspectDirectory(
  directory: string | undefined,
  { env, clock }: Pick<CliIo, 'env' | 'clock'>,
  bundles?: string,
): Promise<InspectReport> {
  if (directory === undefined && prefersWorkloadApi(env)) return inspectSocket({ env, clock });
  const mount = await inspectMount({
    ...(directory === undefined ? {} : { directory }),
    ...(bundles === undefined ? {} : { bundles: resolve(bundles) }),
    env,
    clock,
  });
  const now = clock.now();
  const problems = [...problemsOf(mount), ...lateRenewal(mount.identity, now)].toSorted(
    (a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'),
  );
  return {
    schema: 'svidkit.inspect/1',
    svidkit: ownVersion(),
    inspectedAt: new Date(now).toISOString(),
    verdict: problems[0]?.severity ?? 'ok',
    directory: mount.directory ?? null,
    searched: mount.candidates.map(placeOf),
    layout: mount.layout === undefined ? null : layoutOf(mount.layout, mount.files),
    identity: mount.identity === undefined ? null : identityOf(mount.identity, now),
    bundles: mount.bundles
      .map((bundle) => bundleOf(bundle, mount.identity))
      .toSorted((a, b) => Number(b.own) - Number(a.own)),
    files: mount.files.map(fileOf),
    workloadApi: null,
    problems,
  };
}

/** A service here would ask the Workload API, so the mounts do not matter. */
async function inspectSocket({ env, clock }: Pick<CliIo, 'env' | 'clock'>): Promise<InspectReport> {
  const { workloadApi, problems } = await inspectWorkloadApi({ env });
  return {
    schema: 'svidkit.inspect/1',
    svidkit: ownVersion(),
    inspectedAt: new Date(clock.now()).toISOString(),
    verdict: problems[0]?.severity ?? 'ok',
    directory: null,
    searched: [],
    layout: null,
    identity: null,
    bundles: [],
    files: [],
    workloadApi,
    problems,
  };
}

function problemsOf({ directory, candidates, problems }: MountReport): readonly InspectedProblem[] {
  if (directory !== undefined || candidates.length < 2) return problems.map(problemOf);
  // That nothing is in each of many places is one problem. What else they have is said of each.
  const others = problems.filter(({ code }) => code !== 'ERR_MOUNT_NOT_FOUND');
  return [
    {
      severity: 'error',
      code: 'ERR_MOUNT_NOT_FOUND',
      message: `no identity in any of the ${candidates.length} places where a service looks by default`,
      hint:
        'Check that the volume is mounted in this container. If it is elsewhere, name it: svidkit inspect DIR, and ' +
        'SPIFFE_CREDENTIAL_FOLDER=DIR or the option directory for the service.',
      file: null,
    },
    ...others.map(problemOf),
  ];
}

/** That renewal is late is no error yet; a service tells it by its health. */
function lateRenewal(identity: IdentityReport | undefined, now: number): readonly InspectedProblem[] {
  if (identity === undefined || (identity.health !== 'overdue' && identity.health !== 'critical')) return [];
  const left = relativeTime(Date.parse(identity.expiresAt), now);
  return [
    {
      severity: 'warning',
      code: 'ERR_MOUNT_STALE',
      message: `want an SVID that was renewed in time, got one that is ${identity.health}: it expires ${left}`,
      hint: 'Look at the log of the writer. If it says that it renews, the mount is cut off: restart the pod.',
      file: null,
    },
  ];
}

function problemOf({ severity, code, message, hint, file }: ProblemReport): InspectedProblem {
  return { severity, code, message, hint: hint ?? null, file: file ?? null };
}

function placeOf({ directory, layout, problem }: CandidateReport): InspectedPlace {
  return { directory, layout: layout ?? null, problem: problem ?? null };
}

function layoutOf(name: LayoutName, files: readonly FileReport[]): InspectedLayout {
  const updates = files[0]?.writer ?? 'direct';
  return { name, writer: likelyWriter(name, updates), updates };
}

function identityOf(identity: IdentityReport, now: number): InspectedIdentity {
  const { id, trustDomain, notBefore, expiresAt, expiresInMs, health, keyType, chain, chainVerified } =
    identity;
  const isEarly = now < Date.parse(notBefore);
  const state = expiresInMs < 0 ? 'expired' : isEarly ? 'not-yet-valid' : 'valid';
  return {
    spiffeId: id,
    trustDomain,
    state,
    health,
    notBefore,
    expiresAt,
    expiresInMs,
    keyType,
    chainVerified,
    chain,
  };
}

function bundleOf(bundle: BundleReport, identity: IdentityReport | undefined): InspectedBundle {
  const { trustDomain, path, format, sequence = null, authorities, jwtKeyIds, skipped } = bundle;
  const own = trustDomain === identity?.trustDomain;
  return { trustDomain, own, path, format, sequence, authorities, jwtKeyIds, skipped };
}

function fileOf(file: FileReport): InspectedFile {
  const { role, path, resolvedPath, exists } = file;
  return {
    role,
    path,
    resolvedPath,
    exists,
    type: file.type ?? null,
    mode: file.mode ?? null,
    uid: file.uid ?? null,
    gid: file.gid ?? null,
    sizeBytes: file.sizeBytes ?? null,
    modifiedAt: file.modifiedAt ?? null,
  };
}
