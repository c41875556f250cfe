import { Certificate, parsePem, SpiffeError, SpiffeId, type TrustDomain, type X509Svid } from '@svidkit/core';

import { type BundlesRead } from './bundle-reading.ts';
import { type MountPlan } from './detect.ts';
import { type IdentityState, type Verdict } from './identity-state.ts';
import { identityNames } from './layout.ts';
import { readBundles } from './load-bundles.ts';
import { type IdentityRead, parseIdentity, readIdentity } from './load-identity.ts';
import { type MountFs } from './mount-fs.ts';
import { type MountSettings } from './mount-options.ts';
import { observe, type Observation } from './observe.ts';
import { permissionProblems, type PermissionSubject } from './permissions.ts';
import { GenerationReader, torn } from './read-generation.ts';

/** What one reading of a whole generation gave. */
export interface Look {
  readonly observation: Observation;
  /** The identity; undefined when `error` says why there is none. */
  readonly svid: X509Svid | undefined;
  readonly error: SpiffeError | undefined;
  /** What the identity alone says about its use. */
  readonly verdict: Verdict | undefined;
  /** The trust domain of the identity that is or comes into use; undefined before there is one. */
  readonly own: TrustDomain | undefined;
  readonly bundles: BundlesRead | undefined;
  readonly permissions: readonly SpiffeError[];
  /** The file that messages about the identity name. */
  readonly file: string;
}

/** How to look. */
export interface LookRequest {
  readonly plan: MountPlan;
  readonly fs: MountFs;
  readonly settings: MountSettings;
  readonly identities: IdentityState;
  readonly uid: number | undefined;
  /** Called with each observation before anything is read, so that watches are there first. */
  readonly onObserved: (observation: Observation) => void;
  /** Whether the files have to be read, now that they look like this. */
  readonly isDue: (observation: Observation) => boolean;
}

/** How often a look begins again because something changed under it. */
const ATTEMPTS = 5;

/**
 * Reads one generation, whole. Whatever changes while it is read makes it begin again.
 *
 * @returns undefined when nothing had to be read.
 * @throws {@link SpiffeError} `ERR_MOUNT_TORN` when it never stood still.
 */
export async function look(request: LookRequest): Promise<Look | undefined> {
  const { plan, fs, onObserved, isDue } = request;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const observation = await observe(plan, fs);
    onObserved(observation);
    if (!isDue(observation)) return undefined;
    const seen = await readAll(request, observation);
    // Looked at again after everything was read: only what did not move is one generation.
    const after = await observe(plan, fs);
    if (after.signature === observation.signature && seen.error?.code !== 'ERR_MOUNT_TORN') return seen;
  }
  throw torn(plan.directory, 'one whole generation');
}

async function readAll(request: LookRequest, observation: Observation): Promise<Look> {
  const { plan, fs, settings, identities } = request;
  const reader = new GenerationReader(observation, fs, settings.maxFileBytes);
  const [file = plan.directory] = identityNames(plan.identity);
  const now = settings.clock.now();
  let svid: X509Svid | undefined;
  let error: SpiffeError | undefined;
  let claimed: TrustDomain | undefined;
  let permissions: readonly SpiffeError[] = [];
  try {
    const read = await readIdentity(plan, reader);
    permissions = permissionProblems(await permissionSubjects(read, observation, fs), request.uid);
    claimed = claimedTrustDomain(read.certFile.bytes);
    svid = identities.known(parseIdentity(plan, read));
    claimed = svid.id.trustDomain;
    const [first] = permissions;
    if (settings.strictPermissions && first !== undefined) throw first;
  } catch (caught) {
    if (!(caught instanceof SpiffeError)) throw caught;
    svid = undefined;
    error = caught;
  }
  const verdict = svid === undefined ? undefined : identities.judge(svid, now, file);
  const isAccepted = verdict?.kind === 'accept';
  const own = isAccepted ? claimed : (identities.id?.trustDomain ?? claimed);
  const bundles =
    own === undefined
      ? undefined
      : await readBundles({
          plan,
          observation,
          reader,
          own,
          // A bundle file without a trust domain in its name belongs to the certificate beside it. Beside a
          // certificate of another trust domain, or of none, it is not ours.
          isOwnFileOurs: claimed === own,
          foreignAuthorities: settings.foreignAuthorities,
          uid: request.uid,
          strictPermissions: settings.strictPermissions,
        });
  return { observation, svid, error, verdict, own, bundles, permissions, file };
}

/** The trust domain that the leaf names, whether or not it fits its key. */
function claimedTrustDomain(pem: Buffer): TrustDomain | undefined {
  try {
    const certificates = parsePem(pem)
      .filter(({ label }) => label === 'CERTIFICATE')
      .map(({ der }) => Certificate.parse(der));
    const [uri] = certificates.find(({ isCa }) => !isCa)?.uriSans ?? [];
    return uri === undefined ? undefined : SpiffeId.parse(uri).trustDomain;
  } catch {
    return undefined;
  }
}

async function permissionSubjects(
  { files, keyFile }: IdentityRead,
  { chains }: Observation,
  fs: MountFs,
): Promise<readonly PermissionSubject[]> {
  const subjects = files.map((file): PermissionSubject => ({
    path: file.path,
    stats: file.stats,
    kind: file === keyFile ? 'key' : 'file',
  }));
  const directories = new Set(files.flatMap(({ path }) => chains.get(path)?.directories ?? []));
  for (const directory of directories) {
    try {
      subjects.push({ path: directory, stats: await fs.lstat(directory), kind: 'directory' });
    } catch {
      // Gone meanwhile: the look at the end notices that.
    }
  }
  return subjects;
}
