import { firstReasons, SpiffeError, TrustDomain } from '@svidkit/core';

import { type BundleMapReading, type BundleReading, type BundlesRead } from './bundle-reading.ts';
import { type MountPlan } from './detect.ts';
import { namingFile } from './load-identity.ts';
import { type ForeignAuthorities } from './mount-options.ts';
import { type Observation } from './observe.ts';
import { type BundleFile, parseBundleFile } from './parse-bundle-file.ts';
import { permissionProblems } from './permissions.ts';
import { type GenerationReader } from './read-generation.ts';
import { withoutForeign } from './without-foreign.ts';

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
  /** The user that this process runs as; undefined where there are none. */
  readonly uid: number | undefined;
  /** Whether a bundle file with loose permissions counts as one that cannot be read. */
  readonly strictPermissions: boolean;
}

/** Reads the bundle of each trust domain that has a file, or a place in the bundle map. Never throws on account of the files. */
export async function readBundles(request: BundleRequest): Promise<BundlesRead> {
  return new BundleLoader(request).read();
}

/** One file, as read or not. */
type FileRead = Pick<BundleReading, 'error' | 'isWhole'> & {
  /** Undefined when it is not there, or `error` says why it is not known. */
  readonly content: BundleFile | undefined;
};

class BundleLoader {
  readonly #request: BundleRequest;
  readonly #warnings: SpiffeError[] = [];
  readonly #readings: BundleReading[] = [];
  /** The bundle maps that were read, by their paths: one can be there for several trust domains. */
  readonly #maps = new Map<string, FileRead>();

  constructor(request: BundleRequest) {
    this.#request = request;
  }

  async read(): Promise<BundlesRead> {
    const { plan, observation, reader, own, isOwnFileOurs } = this.#request;
    const files = new Map<TrustDomain, string>([...observation.domainBundles, ...plan.bundles]);
    const hasOwnFile = !files.has(own);
    const ownFile = this.#ownPath();
    // Without a file of its own, ours comes from the bundle map as that of any other trust domain does.
    const isOwnInMap = hasOwnFile && plan.bundleMap !== undefined && !reader.exists(ownFile);
    if (hasOwnFile && isOwnFileOurs && !isOwnInMap) files.set(own, ownFile);

    for (const [trustDomain, path] of files) {
      await this.#readFile(trustDomain, path, files, hasOwnFile && trustDomain === own);
    }
    const map = await this.#readMap(files, isOwnInMap);
    this.#warnOfStrayNames();
    return {
      readings: this.#readings,
      map,
      warnings: this.#warnings,
      isComplete: observation.listed && (isOwnFileOurs || !hasOwnFile || isOwnInMap),
      isAtomic: observation.swap !== undefined,
    };
  }

  /** Writers can change the name of the bundle file from one rotation to the next. */
  #ownPath(): string {
    const { plan, reader, own } = this.#request;
    const [preferred] = plan.ownBundles;
    if (preferred === undefined) {
      const [suffix] = plan.bundleSuffixes;
      return suffix === undefined ? '' : `${plan.directory}/${own.name}${suffix}`;
    }
    const found = plan.ownBundles.find((path) => reader.exists(path));
    return found ?? preferred;
  }

  #warnOfOtherName(path: string): void {
    const { plan } = this.#request;
    const [preferred] = plan.ownBundles;
    if (!plan.isCaNamed || preferred === undefined || path === preferred) return;
    this.#warn('ERR_MOUNT_NOT_FOUND', `want the trust bundle in ${preferred}, got it in ${path} instead`, {
      hint: 'It is used. Give the writer and option files.ca the same name.',
      file: preferred,
    });
  }

  /** Adds what a file says of the trust domain that it is for. */
  async #readFile(
    trustDomain: TrustDomain,
    path: string,
    files: ReadonlyMap<TrustDomain, string>,
    isOwnFile: boolean,
  ): Promise<void> {
    const { own, foreignAuthorities } = this.#request;
    if (isOwnFile) this.#warnOfOtherName(path);
    const { content, error, isWhole } = await this.#open(path, trustDomain);
    const reading = this.#readingOf(trustDomain, path, content, { error, isWhole });
    if (!isOwnFile || content === undefined) {
      this.#readings.push(reading);
      return;
    }
    // A trust domain with a file of its own takes nothing from another one.
    const isFree = (other: TrustDomain): boolean => other === own || !files.has(other);
    if (content.format === 'bundle-map') {
      this.#readings.push(reading, ...this.#othersInOwnMap(path, content, isWhole, isFree));
    } else {
      const parts = withoutForeign(reading, own, foreignAuthorities, this.#warnings);
      this.#readings.push(...parts.filter((part) => isFree(part.trustDomain)));
    }
  }

  /** A bundle map in the place of our own bundle speaks for others only when it is asked to. */
  #othersInOwnMap(
    path: string,
    content: BundleFile,
    isWhole: boolean,
    isFree: (trustDomain: TrustDomain) => boolean,
  ): readonly BundleReading[] {
    const { own, foreignAuthorities, plan } = this.#request;
    const names = [...content.bundles.keys()].filter((name) => name !== own.name);
    const others = names.map((name) => TrustDomain.parse(name)).filter(isFree);
    if (foreignAuthorities === 'split') {
      return others.map((other) => this.#readingOf(other, path, content, { error: undefined, isWhole }));
    }
    if (others.length > 0 && plan.bundleMap === undefined) {
      const got = others.map(({ name }) => name).join(', ');
      this.#warn(
        'ERR_BUNDLE_INVALID',
        `want the bundle of ${own.name} alone in ${path}, got those of ${got} beside it`,
        {
          hint: 'They are left out. To federate with them, name the file with option bundles.',
          file: path,
        },
      );
    }
    return [];
  }

  /** Adds what the bundle map says of each trust domain that has no file of its own. */
  async #readMap(
    files: ReadonlyMap<TrustDomain, string>,
    isOwnInMap: boolean,
  ): Promise<BundleMapReading | undefined> {
    const { plan, own } = this.#request;
    const path = plan.bundleMap;
    if (path === undefined) return undefined;
    const { content, error, isWhole } = await this.#open(path, undefined);
    const inMap = [...(content?.bundles.keys() ?? [])].map((name) => TrustDomain.parse(name));
    for (const trustDomain of new Set(isOwnInMap ? [own, ...inMap] : inMap)) {
      // Ours has a file of its own, which may not be believed in this look.
      const isTaken = files.has(trustDomain) || (trustDomain === own && !isOwnInMap);
      if (!isTaken) this.#readings.push(this.#readingOf(trustDomain, path, content, { error, isWhole }));
    }
    if (content === undefined && error === undefined && !isOwnInMap) {
      this.#warn('ERR_MOUNT_NOT_FOUND', `want a bundle map in ${path}, got nothing there`, {
        hint: 'Let the writer provide it, or correct option bundles.',
        file: path,
      });
    }
    return { path, error, isWhole };
  }

  async #open(path: string, trustDomain: TrustDomain | undefined): Promise<FileRead> {
    const { reader, observation, uid, strictPermissions } = this.#request;
    const known = this.#maps.get(path);
    if (known !== undefined) return known;
    const isWhole = observation.chains.get(path)?.swapLink !== undefined;
    if (!reader.exists(path)) return { content: undefined, error: undefined, isWhole };
    try {
      const purpose = trustDomain === undefined ? 'a bundle map' : 'a trust bundle';
      const { bytes, stats } = await reader.read(path, purpose);
      const loose = permissionProblems([{ path, stats, kind: 'file' }], uid, 'whom we trust');
      const [first] = loose;
      if (strictPermissions && first !== undefined) throw first;
      this.#warnings.push(...loose);
      const content = parseBundleFile(bytes, trustDomain, path);
      const read: FileRead = { content, error: undefined, isWhole: isWhole || content.format !== 'pem' };
      if (content.format === 'bundle-map') this.#maps.set(path, read);
      return read;
    } catch (error) {
      const named = namingFile(error, path);
      if (named instanceof SpiffeError) return { content: undefined, error: named, isWhole };
      throw error;
    }
  }

  /** What a file says of one trust domain; warns of what it has that is no authority. */
  #readingOf(
    trustDomain: TrustDomain,
    path: string,
    content: BundleFile | undefined,
    { error, isWhole }: Pick<FileRead, 'error' | 'isWhole'>,
  ): BundleReading {
    const found = content?.bundles.get(trustDomain.name);
    const skipped = found?.skipped ?? [];
    const isUnusable = found?.facts?.revokes === false && found.bundle.isEmpty;
    if (skipped.length > 0 && !isUnusable) {
      const whose = content?.format === 'bundle-map' ? ` for ${trustDomain.name}` : '';
      this.#warn(
        'ERR_BUNDLE_INVALID',
        `want authorities alone in ${path}${whose}, got others: ${firstReasons(skipped)}`,
        {
          hint: 'They are left out. Let the writer put CA certificates alone into the bundle.',
          file: path,
        },
      );
    }
    return {
      trustDomain,
      path,
      format: content?.format,
      bundle: found?.bundle,
      skipped,
      facts: found?.facts,
      error: isUnusable ? unusable(trustDomain, path, skipped) : error,
      isWhole,
    };
  }

  #warnOfStrayNames(): void {
    const { plan, observation } = this.#request;
    for (const name of observation.strayNames) {
      this.#warn(
        'ERR_BUNDLE_INVALID',
        `want a trust domain, once, before the suffix of ${JSON.stringify(name)} in ${plan.directory}`,
        { hint: 'The file is left out. Name it after its trust domain, or remove it.', file: plan.directory },
      );
    }
  }

  #warn(
    code: 'ERR_BUNDLE_INVALID' | 'ERR_MOUNT_NOT_FOUND',
    message: string,
    options: { readonly hint: string; readonly file: string },
  ): void {
    this.#warnings.push(new SpiffeError(code, message, options));
  }
}

/** Of a document whose entries for X.509-SVIDs are all left out: it counts as damaged, and not as one that revokes. */
function unusable(trustDomain: TrustDomain, file: string, skipped: readonly string[]): SpiffeError {
  return new SpiffeError(
    'ERR_BUNDLE_EMPTY',
    `want authorities of ${trustDomain.name} for X.509-SVIDs in ${file}, got none that counts: ${firstReasons(skipped)}`,
    { hint: 'Perhaps it is another JWK Set. Write the SPIFFE bundle of the trust domain there.', file },
  );
}
