import { SpiffeError, SpiffeId, type TrustDomain, X509Bundle } from '@svidkit/core';

import { type MountPlan } from './detect.ts';
import { namingFile } from './load-identity.ts';
import { type ForeignAuthorities } from './mount-options.ts';
import { type Observation } from './observe.ts';
import { type GenerationReader } from './read-generation.ts';

/** What one look says about the bundle of one trust domain. */
export interface BundleReading {
  readonly trustDomain: TrustDomain;
  /** The file; the preferred one when there is none. */
  readonly path: string;
  /** What it holds; undefined when it is not there, or `error` says why it is not known. */
  readonly bundle: X509Bundle | undefined;
  /** Why it could not be read. */
  readonly error: SpiffeError | undefined;
  /** Whether its writer swaps whole generations: then what is read is what was meant. */
  readonly isAtomic: boolean;
}

/** All bundles of one look. */
export interface BundlesRead {
  readonly readings: readonly BundleReading[];
  /** What is odd but no obstacle. */
  readonly warnings: readonly SpiffeError[];
  /** Whether a bundle that is not among the readings is really gone. */
  readonly isComplete: boolean;
  /** Whether the writer swaps whole generations. */
  readonly isAtomic: boolean;
}

/** Where and how to read bundles. */
export interface BundleRequest {
  readonly plan: MountPlan;
  readonly observation: Observation;
  readonly reader: GenerationReader;
  /** The trust domain of the own identity, to which the one bundle file of most layouts belongs. */
  readonly own: TrustDomain;
  /** Whether that file is to be believed in this look. If not, nothing is said about what is in it. */
  readonly isOwnFileOurs: boolean;
  readonly foreignAuthorities: ForeignAuthorities;
}

/** Reads the bundle of each trust domain that has a file. Never throws on account of the files. */
export async function readBundles(request: BundleRequest): Promise<BundlesRead> {
  const { plan, observation, own, isOwnFileOurs } = request;
  const warnings: SpiffeError[] = [];
  const files = new Map<TrustDomain, string>([...observation.domainBundles, ...plan.bundles]);
  const hasOwnFile = !files.has(own);
  if (hasOwnFile && isOwnFileOurs) files.set(own, ownPath(request, warnings));

  const readings: BundleReading[] = [];
  for (const [trustDomain, path] of files) {
    const reading = await readOne(request, trustDomain, path, warnings);
    const parts = hasOwnFile && trustDomain === own ? withoutForeign(reading, request, warnings) : [reading];
    // A trust domain with a file of its own takes nothing from another one.
    readings.push(
      ...parts.filter((part) => part.trustDomain === trustDomain || !files.has(part.trustDomain)),
    );
  }
  for (const name of observation.strayNames) {
    warnings.push(
      new SpiffeError(
        'ERR_BUNDLE_INVALID',
        `want a trust domain, once, before the suffix of ${JSON.stringify(name)} in ${plan.directory}`,
        {
          hint: 'The file is left out. Name it after its trust domain, or remove it.',
          file: plan.directory,
        },
      ),
    );
  }
  return {
    readings,
    warnings,
    isComplete: observation.listed && (isOwnFileOurs || !hasOwnFile),
    isAtomic: observation.swap !== undefined,
  };
}

/** Writers can change the name of the bundle file from one rotation to the next. */
function ownPath({ plan, reader, own }: BundleRequest, warnings: SpiffeError[]): string {
  const [preferred] = plan.ownBundles;
  if (preferred === undefined) {
    const [suffix] = plan.bundleSuffixes;
    return suffix === undefined ? '' : `${plan.directory}/${own.name}${suffix}`;
  }
  const found = plan.ownBundles.find((path) => reader.exists(path));
  if (found === undefined || found === preferred) return preferred;
  if (plan.isCaNamed) {
    warnings.push(
      new SpiffeError(
        'ERR_MOUNT_NOT_FOUND',
        `want the trust bundle in ${preferred}, got it in ${found} instead`,
        {
          hint: 'It is used. Give the writer and option files.ca the same name.',
          file: preferred,
        },
      ),
    );
  }
  return found;
}

async function readOne(
  { reader, observation }: BundleRequest,
  trustDomain: TrustDomain,
  path: string,
  warnings: SpiffeError[],
): Promise<BundleReading> {
  const isAtomic = observation.chains.get(path)?.swapLink !== undefined;
  const reading = { trustDomain, path, bundle: undefined, error: undefined, isAtomic };
  if (!reader.exists(path)) return reading;
  try {
    const file = await reader.read(path, 'a trust bundle');
    const bundle = X509Bundle.fromPem(trustDomain, file.bytes, { file: path });
    if (bundle.skipped.length > 0) {
      warnings.push(
        new SpiffeError(
          'ERR_BUNDLE_INVALID',
          `want authorities alone in ${path}, got others: ${bundle.skipped.join('; ')}`,
          {
            hint: 'They are left out. Let the writer put CA certificates alone into the bundle.',
            file: path,
          },
        ),
      );
    }
    return { ...reading, bundle };
  } catch (error) {
    const named = namingFile(error, path);
    if (named instanceof SpiffeError) return { ...reading, error: named };
    throw error;
  }
}

/**
 * A bundle file merged of several trust domains would let each of them vouch for ours. Authorities that say that
 * they are of another one are told by their own SPIFFE ID (X509-SVID 3.2: a signing certificate should have one).
 */
function withoutForeign(
  reading: BundleReading,
  { own, foreignAuthorities }: BundleRequest,
  warnings: SpiffeError[],
): readonly BundleReading[] {
  if (reading.bundle === undefined || foreignAuthorities === 'keep') return [reading];
  const byDomain = Map.groupBy(reading.bundle.authorities, (authority) =>
    foreignDomain(authority.uriSans, own),
  );
  if (byDomain.size === 0 || (byDomain.size === 1 && byDomain.has(undefined))) return [reading];
  const names: string[] = [];
  const bundles: X509Bundle[] = [];
  for (const [trustDomain, authorities] of byDomain) {
    if (trustDomain !== undefined) names.push(trustDomain.name);
    bundles.push(
      X509Bundle.fromDer(
        trustDomain ?? own,
        authorities.map(({ der }) => der),
      ),
    );
  }
  if (!byDomain.has(undefined)) bundles.push(X509Bundle.fromDer(own, []));
  const kept = bundles.filter(({ trustDomain }) => foreignAuthorities === 'split' || trustDomain === own);
  if (foreignAuthorities === 'skip') {
    warnings.push(
      new SpiffeError(
        'ERR_BUNDLE_INVALID',
        `want authorities of ${own.name} alone in ${reading.path}, got some of ${names.join(', ')}`,
        {
          hint: 'They are left out. Mount one bundle file for each trust domain, or see option foreignAuthorities.',
          file: reading.path,
        },
      ),
    );
  }
  return kept.map((bundle) => ({ ...reading, trustDomain: bundle.trustDomain, bundle }));
}

/** The trust domain that an authority names and that is not `own`. */
function foreignDomain(uriSans: readonly string[], own: TrustDomain): TrustDomain | undefined {
  for (const uri of uriSans) {
    try {
      const { trustDomain } = SpiffeId.parse(uri);
      if (!trustDomain.equals(own)) return trustDomain;
    } catch {
      // No SPIFFE ID, so it says nothing about trust domains.
    }
  }
  return undefined;
}
