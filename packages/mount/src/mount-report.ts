import { type HealthStatus, type SpiffeErrorCode } from '@svidkit/core';

import { type LayoutName } from './layout.ts';

/** What {@link inspectMount} found: plain data for people and programs, without any secret. */
export interface MountReport {
  /** Whether a source could be opened now. */
  readonly usable: boolean;
  /** How the files are named; undefined when none were found. */
  readonly layout: LayoutName | undefined;
  /** The directory that they are in; undefined when none were found. */
  readonly directory: string | undefined;
  /** The places that were looked at, in order. */
  readonly candidates: readonly CandidateReport[];
  readonly files: readonly FileReport[];
  /** Our identity; undefined when it could not be read. */
  readonly identity: IdentityReport | undefined;
  readonly bundles: readonly BundleReport[];
  /** What is wrong, the most important first; empty when all is well. */
  readonly problems: readonly ProblemReport[];
}

/** One place that was looked at. */
export interface CandidateReport {
  readonly directory: string;
  /** The layout that was found there. */
  readonly layout: LayoutName | undefined;
  /** Why nothing was found there. */
  readonly problem: string | undefined;
}

/**
 * How a file gets its content, judged by its path: by `atomic-swap` of a `..data` link (kubelet and CSI drivers), by
 * way of other `link`s, through a `file-mount` of its own (which never sees a replacement), or `direct`ly.
 */
export type WriterKind = 'atomic-swap' | 'link' | 'file-mount' | 'direct';

/** One file that is or would be read. */
export interface FileReport {
  readonly role: 'certificate' | 'key' | 'credential-bundle' | 'bundle';
  /** The path as configured. */
  readonly path: string;
  /** Where its links lead. */
  readonly resolvedPath: string;
  readonly exists: boolean;
  /** Such as `a regular file`; undefined when there is none. */
  readonly type: string | undefined;
  /** Permission bits, such as `0440`. */
  readonly mode: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly sizeBytes: number | undefined;
  /** ISO 8601. */
  readonly modifiedAt: string | undefined;
  readonly writer: WriterKind;
}

/** One certificate. */
export interface CertificateReport {
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** ISO 8601. */
  readonly notBefore: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** Such as `EC P-256`. */
  readonly keyType: string;
  readonly isCa: boolean;
  readonly uriSans: readonly string[];
  /** SHA-256 over the DER, hexadecimal. */
  readonly fingerprint256: string;
}

/** Our identity. */
export interface IdentityReport {
  /** The SPIFFE ID. */
  readonly id: string;
  readonly trustDomain: string;
  /** ISO 8601; of the leaf. */
  readonly notBefore: string;
  /** ISO 8601; of the leaf. */
  readonly notAfter: string;
  /** ISO 8601; when the first link of the chain ends. */
  readonly expiresAt: string;
  /** Milliseconds until then; negative when it has passed. */
  readonly expiresInMs: number;
  readonly health: HealthStatus;
  readonly keyType: string;
  /** The leaf first. */
  readonly chain: readonly CertificateReport[];
  /** Whether the chain leads to the bundle of its trust domain. */
  readonly chainVerified: boolean;
}

/** The bundle of one trust domain. */
export interface BundleReport {
  readonly trustDomain: string;
  readonly path: string;
  /** How the file is written: PEM, a SPIFFE bundle document, or a SPIFFE bundle map. */
  readonly format: 'pem' | 'spiffe-bundle' | 'bundle-map';
  /** The sequence number of a document, in decimal digits; undefined when it has none. */
  readonly sequence: string | undefined;
  readonly authorities: readonly CertificateReport[];
  /** The key IDs of the authorities for JWT-SVIDs in a document, which are no matter of this source. */
  readonly jwtKeyIds: readonly string[];
  /** Why entries of the file were left out. */
  readonly skipped: readonly string[];
}

/** Something that is wrong. */
export interface ProblemReport {
  /** `error`: keeps the files from being used, or peers from accepting them. */
  readonly severity: 'error' | 'warning';
  readonly code: SpiffeErrorCode;
  readonly message: string;
  /** The next step. */
  readonly hint: string | undefined;
  readonly file: string | undefined;
}
