import { basename, join } from 'node:path';

import { TrustDomain } from '@svidkit/core';

import { configuredBundles, type MountPlan } from './detect.ts';
import { identityNames } from './layout.ts';
import { type MountFs } from './mount-fs.ts';
import { type Chain, ChainResolver } from './resolve-chain.ts';

/** One look at where the files of a plan are and what state they are in, without reading them. */
export interface Observation {
  /** Equal only when nothing that is read has changed. */
  readonly signature: string;
  /** Where each file leads, by configured path. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Bundle files that carry the name of their trust domain. */
  readonly domainBundles: ReadonlyMap<TrustDomain, string>;
  /** Names that end like such a file but do not begin with a trust domain, or name one twice. */
  readonly strayNames: readonly string[];
  /** The directories to watch, each with what tells it from another of the same path. */
  readonly directories: ReadonlyMap<string, string>;
  /** Whether the directory could be listed. If not, a bundle that is not in `domainBundles` may still be there. */
  readonly listed: boolean;
  /** The `..data` link of the identity, and the name of the generation that it held. */
  readonly swap: { readonly link: string; readonly target: string } | undefined;
}

/** Looks at the files of `plan`. Never throws on account of the file system. */
export async function observe(plan: MountPlan, fs: MountFs): Promise<Observation> {
  const resolver = new ChainResolver(fs);
  const { domainBundles, strayNames, listed } = await bundlesByName(plan, fs);
  const paths = [...identityNames(plan.identity), ...configuredBundles(plan), ...domainBundles.values()];
  const chains = new Map<string, Chain>();
  for (const path of paths) chains.set(path, await resolver.resolve(path));

  const directories = new Map<string, string>();
  for (const chain of chains.values()) {
    for (const directory of chain.directories) {
      if (!directories.has(directory)) directories.set(directory, await resolver.mark(directory));
    }
  }
  const [first = ''] = paths;
  const link = chains.get(first)?.swapLink;
  const target = link === undefined ? undefined : resolver.target(link);
  return {
    signature: [...chains.values()].map((chain) => chain.signature).join('\n'),
    chains,
    domainBundles,
    strayNames,
    directories,
    listed,
    swap: link === undefined || target === undefined ? undefined : { link, target },
  };
}

async function bundlesByName(
  plan: MountPlan,
  fs: MountFs,
): Promise<Pick<Observation, 'domainBundles' | 'strayNames' | 'listed'>> {
  const domainBundles = new Map<TrustDomain, string>();
  const strayNames: string[] = [];
  if (plan.bundleSuffixes.length === 0) return { domainBundles, strayNames, listed: true };
  let names: readonly string[];
  try {
    names = await fs.readdir(plan.directory);
  } catch {
    // What is wrong with the directory is said of the identity in it.
    return { domainBundles, strayNames, listed: false };
  }
  // Two dots in front are the writer's own: generations and links of kubelet, whole or left behind by a crash.
  const visible = names.filter((name) => !name.startsWith('..'));
  for (const suffix of plan.bundleSuffixes) {
    for (const name of visible.filter((candidate) => candidate.endsWith(suffix)).toSorted()) {
      const trustDomain = trustDomainOf(basename(name, suffix));
      if (trustDomain === undefined || domainBundles.has(trustDomain)) strayNames.push(name);
      else domainBundles.set(trustDomain, join(plan.directory, name));
    }
  }
  return { domainBundles, strayNames, listed: true };
}

/** FS-03: the name before the suffix has to be that of a trust domain (SPIFFE-ID 2.1). */
function trustDomainOf(name: string): TrustDomain | undefined {
  try {
    const trustDomain = TrustDomain.parse(name);
    return trustDomain.name === name ? trustDomain : undefined;
  } catch {
    return undefined;
  }
}
