import { SpiffeError, type TrustDomain } from '@svidkit/core';

/** The sequence numbers of the bundles in use (Trust Domain and Bundle 4.1.1): what is read has to be no older. */
export class BundleSequences {
  readonly #held = new Map<TrustDomain, bigint>();

  /** The number of the bundle in use; undefined when it has none. */
  get(trustDomain: TrustDomain): bigint | undefined {
    return this.#held.get(trustDomain);
  }

  /** Whether a bundle is older than the one in use. One without a number never is: then the latest is the newest. */
  isOlder(trustDomain: TrustDomain, sequence: bigint | undefined): boolean {
    const held = this.#held.get(trustDomain);
    return held !== undefined && sequence !== undefined && sequence < held;
  }

  /** A bundle with this number, or with none, came into use, or went out of it. */
  note(trustDomain: TrustDomain, sequence: bigint | undefined): void {
    if (sequence === undefined) this.#held.delete(trustDomain);
    else this.#held.set(trustDomain, sequence);
  }
}

/** A bundle of which an older version came. */
export interface OlderBundle {
  readonly trustDomain: TrustDomain;
  readonly got: bigint | undefined;
  /** The number of the one in use. */
  readonly held: bigint | undefined;
}

/** `ERR_BUNDLE_SEQUENCE`: what stays in use although a file has something else. */
export function olderBundles(file: string, older: readonly OlderBundle[]): SpiffeError {
  const list = (which: 'got' | 'held'): string =>
    older.map((one) => `${one[which]} of ${one.trustDomain.name}`).join(', ');
  return new SpiffeError(
    'ERR_BUNDLE_SEQUENCE',
    `want in ${file} at least sequence number ${list('held')}, got ${list('got')}`,
    {
      hint: 'The newer one stays in use. See whether an old copy was put back, or two writers write it.',
      file,
    },
  );
}

/** `ERR_BUNDLE_SEQUENCE`: that a bundle changed and its number did not. */
export function unnumberedChange(file: string, trustDomain: TrustDomain, sequence: bigint): SpiffeError {
  return new SpiffeError(
    'ERR_BUNDLE_SEQUENCE',
    `want another sequence number than ${sequence} for another bundle of ${trustDomain.name} in ${file}, got the same`,
    { hint: 'It is used. Let its publisher count up with each change.', file },
  );
}
