import { dirname, resolve } from 'node:path';

import { SpiffeError, type TrustDomain } from '@svidkit/core';

import {
  type IdentityFiles,
  identityNames,
  type Layout,
  type LayoutName,
  LAYOUTS,
  layoutsFor,
} from './layout.ts';
import { errnoOf, mountError } from './mount-error.ts';
import { type MountFs } from './mount-fs.ts';
import { type MountSettings } from './mount-options.ts';

/** Which files to read, by absolute path. */
export interface MountPlan {
  readonly layout: LayoutName;
  readonly directory: string;
  readonly identity: IdentityFiles;
  /** The file with the authorities of the own trust domain, in order of preference. */
  readonly ownBundles: readonly string[];
  /** Whether the first of `ownBundles` was configured, so that another one is worth a warning. */
  readonly isCaNamed: boolean;
  /** Bundle files that were configured for their trust domain. */
  readonly bundles: ReadonlyMap<TrustDomain, string>;
  /** The file that was configured for the bundles of several trust domains. */
  readonly bundleMap: string | undefined;
  /** How the bundle files in `directory` end that carry the name of their trust domain. */
  readonly bundleSuffixes: readonly string[];
  readonly strictBundle: boolean;
}

/** What was seen in one directory that might have held an identity. */
export interface Candidate {
  readonly directory: string;
  /** The plan, when there is something to read. */
  readonly plan: MountPlan | undefined;
  /** Why there is no plan. */
  readonly error: SpiffeError | undefined;
}

/**
 * Looks at each directory of the settings, in order, until one has the files of an identity.
 *
 * @returns what was seen; only the last one can have a plan.
 */
export async function detect(settings: MountSettings, fs: MountFs): Promise<readonly Candidate[]> {
  const explicit = explicitPlan(settings);
  if (explicit !== undefined) return [{ directory: explicit.directory, plan: explicit, error: undefined }];
  const candidates: Candidate[] = [];
  for (const directory of settings.directories) {
    const candidate = await lookInto(directory, settings, fs);
    candidates.push(candidate);
    if (candidate.plan !== undefined) break;
  }
  return candidates;
}

/** The plan that needs no look at the file system: when `files` names the identity. */
export function explicitPlan(settings: MountSettings): MountPlan | undefined {
  const { identity, ca } = settings;
  if (identity === undefined) return undefined;
  const [base = '/'] = settings.directories;
  const paths = absolute(identity, base);
  const [first = base] = identityNames(paths);
  return {
    layout: 'explicit',
    directory: dirname(first),
    identity: paths,
    ownBundles: ca === undefined ? [] : [resolve(base, ca)],
    isCaNamed: ca !== undefined,
    ...bundlePaths(settings, base),
    bundleSuffixes: [],
    strictBundle: false,
  };
}

/** The directories that the files of `plan` are in, as configured. */
export function directoriesOf(plan: MountPlan): readonly string[] {
  const { directory, identity } = plan;
  const files = [...identityNames(identity), ...configuredBundles(plan)];
  return [...new Set([directory, ...files.map((file) => dirname(file))])];
}

/** The bundle files of `plan` that are known without a look at the directory. */
export function configuredBundles({ ownBundles, bundles, bundleMap }: MountPlan): readonly string[] {
  return [...ownBundles, ...bundles.values(), ...(bundleMap === undefined ? [] : [bundleMap])];
}

async function lookInto(directory: string, settings: MountSettings, fs: MountFs): Promise<Candidate> {
  const layouts =
    settings.layout === undefined
      ? layoutsFor(directory)
      : LAYOUTS.filter((layout) => layout.name === settings.layout);
  let names: ReadonlySet<string>;
  try {
    names = await namesIn(directory, layouts, fs);
  } catch (cause) {
    const error = mountError(cause, directory, 'the directory of an identity');
    return { directory, plan: undefined, error };
  }
  const found = layouts.flatMap((layout) =>
    layout.identities
      .filter((identity) => identityNames(identity).every((name) => names.has(name)))
      .map((identity) => ({ layout, identity, score: bundleScore(layout, names) })),
  );
  // Two layouts can share the name of the identity; the bundle beside it then tells them apart.
  const best = found.find(({ score }) => score > 0) ?? found[0];
  if (best === undefined)
    return { directory, plan: undefined, error: nothingFound(directory, layouts, names) };
  return { directory, plan: planOf(directory, best.layout, best.identity, settings), error: undefined };
}

/** The names in `directory`; where it may be used but not listed, those of the known names that are there. */
async function namesIn(
  directory: string,
  layouts: readonly Layout[],
  fs: MountFs,
): Promise<ReadonlySet<string>> {
  try {
    return new Set(await fs.readdir(directory));
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    const known = layouts.flatMap(({ identities, bundles }) => [
      ...identities.flatMap(identityNames),
      ...bundles,
    ]);
    const names = new Set<string>();
    for (const name of new Set(known)) {
      try {
        await fs.lstat(resolve(directory, name));
        names.add(name);
      } catch {
        // Not there, or as closed as the directory.
      }
    }
    if (names.size === 0) throw error;
    return names;
  }
}

function bundleScore(layout: Layout, names: ReadonlySet<string>): number {
  const byName = layout.bundles.some((name) => names.has(name));
  const bySuffix = [...names].some((name) => layout.bundleSuffixes.some((suffix) => name.endsWith(suffix)));
  return byName || bySuffix ? 1 : 0;
}

function planOf(
  directory: string,
  layout: Layout,
  identity: IdentityFiles,
  settings: MountSettings,
): MountPlan {
  const names = settings.ca === undefined ? layout.bundles : [settings.ca, ...layout.bundles];
  return {
    layout: layout.name,
    directory,
    identity: absolute(identity, directory),
    ownBundles: names.map((name) => resolve(directory, name)),
    isCaNamed: settings.ca !== undefined,
    ...bundlePaths(settings, directory),
    bundleSuffixes: layout.bundleSuffixes,
    strictBundle: layout.strictBundle,
  };
}

function absolute(identity: IdentityFiles, base: string): IdentityFiles {
  if ('cert' in identity) {
    return { cert: resolve(base, identity.cert), key: resolve(base, identity.key) };
  }
  return { credentialBundle: resolve(base, identity.credentialBundle) };
}

function bundlePaths(
  { bundles, bundleMap }: MountSettings,
  base: string,
): Pick<MountPlan, 'bundles' | 'bundleMap'> {
  return {
    bundles: new Map([...bundles].map(([trustDomain, file]) => [trustDomain, resolve(base, file)])),
    bundleMap: bundleMap === undefined ? undefined : resolve(base, bundleMap),
  };
}

function nothingFound(
  directory: string,
  layouts: readonly Layout[],
  names: ReadonlySet<string>,
): SpiffeError {
  // The usual names of each layout; the others would only hide them.
  const usual = layouts.flatMap(({ identities }) => identities.slice(0, 1));
  const wanted = [...new Set(usual.map((identity) => identityNames(identity).join(' and ')))].join(', or ');
  const shown = [...names].filter((name) => !name.startsWith('..')).toSorted();
  const rest = shown.length > 10 ? `, and ${shown.length - 10} more` : '';
  const got =
    shown.length === 0
      ? 'no files'
      : shown
          .slice(0, 10)
          .map((name) => JSON.stringify(name))
          .join(', ') + rest;
  return new SpiffeError('ERR_MOUNT_NOT_FOUND', `want ${wanted} in ${directory}, got ${got}`, {
    hint: 'Wait for the first issuance, or name the files with option files.',
    file: directory,
  });
}
