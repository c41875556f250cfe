import { type SpiffeError, type TrustDomain, type X509Bundle } from '@svidkit/core';

import { type BundleFacts, type BundleFormat } from './parse-bundle-file.ts';

/** What one look says about the bundle of one trust domain. */
export interface BundleReading {
  readonly trustDomain: TrustDomain;
  /** The file; the preferred one when there is none. */
  readonly path: string;
  /** How the file is written; undefined when it was not read. */
  readonly format: BundleFormat | undefined;
  /** What it holds; undefined when it is not there, or `error` says why it is not known. */
  readonly bundle: X509Bundle | undefined;
  /** Why entries were left out. */
  readonly skipped: readonly string[];
  /** What a bundle document says beside; undefined for PEM, and when there is none. */
  readonly facts: BundleFacts | undefined;
  /** Why it could not be read. */
  readonly error: SpiffeError | undefined;
  /**
   * Whether what is read is what was meant: its writer swaps whole generations, or it is a document, which is none as
   * long as a part of it is missing.
   */
  readonly isWhole: boolean;
}

/** What became of the file that has the bundles of several trust domains. */
export interface BundleMapReading {
  readonly path: string;
  /** Why it is not known which trust domains it has. */
  readonly error: SpiffeError | undefined;
  /** Whether a trust domain that it does not have is really gone. */
  readonly isWhole: boolean;
}

/** All bundles of one look. */
export interface BundlesRead {
  readonly readings: readonly BundleReading[];
  /** Undefined when there is no such file. */
  readonly map: BundleMapReading | undefined;
  /** What is odd but no obstacle. */
  readonly warnings: readonly SpiffeError[];
  /** Whether a bundle that is not among the readings is really gone. */
  readonly isComplete: boolean;
  /** Whether the writer swaps whole generations. */
  readonly isAtomic: boolean;
}
