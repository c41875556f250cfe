/** The verdict on a mount: `warning` when it works and something should be done all the same. */
export type Verdict = 'ok' | 'warning' | 'error';

/**
 * What `svidkit inspect --json` prints: one JSON object of this shape, every member present. Times are ISO 8601 in
 * UTC. While `schema` stays, members may be added, and those that are here keep name and meaning.
 */
export interface InspectReport {
  readonly schema: 'svidkit.inspect/1';
  readonly svidkit: string;
  /** When it was looked at. */
  readonly inspectedAt: string;
  readonly verdict: Verdict;
  /** The mounted directory, as an absolute path; null when none was found. */
  readonly directory: string | null;
  /** Where it was looked, in order. */
  readonly searched: readonly InspectedPlace[];
  /** How the files are named and who writes them so; null when none were found. */
  readonly layout: InspectedLayout | null;
  /** Who the mount says that we are; null when that could not be read. */
  readonly identity: InspectedIdentity | null;
  /** The trust bundles that could be read, our own first. */
  readonly bundles: readonly InspectedBundle[];
  readonly files: readonly InspectedFile[];
  /** What the Workload API gives this process; null when a service here would use a mount. */
  readonly workloadApi: InspectedWorkloadApi | null;
  /** What is wrong, errors first. */
  readonly problems: readonly InspectedProblem[];
}

/** A Workload API, and what it gives this process. */
export interface InspectedWorkloadApi {
  readonly address: string;
  /** The default one first; none when it could not be asked, or refused. */
  readonly identities: readonly {
    readonly spiffeId: string;
    /** What its operator calls it; null when it has no name. */
    readonly hint: string | null;
    readonly notBefore: string;
    readonly expiresAt: string;
  }[];
  /** Of which it gives bundles. */
  readonly trustDomains: readonly string[];
}

/** A directory that was looked at. */
export interface InspectedPlace {
  readonly directory: string;
  /** The layout that was found there; null when there was none. */
  readonly layout: string | null;
  /** Why nothing was found there; null when something was. */
  readonly problem: string | null;
}

/** How a mount is laid out. */
export interface InspectedLayout {
  readonly name: string;
  /** Who probably writes it. */
  readonly writer: string;
  /** How its changes arrive. */
  readonly updates: 'atomic-swap' | 'link' | 'file-mount' | 'direct';
}

/** The X.509-SVID of a mount. */
export interface InspectedIdentity {
  readonly spiffeId: string;
  readonly trustDomain: string;
  readonly state: 'valid' | 'expired' | 'not-yet-valid';
  /** How a service with it would fare: `fresh`, `overdue`, `critical`, `expired`. */
  readonly health: string;
  /** Of the leaf. */
  readonly notBefore: string;
  /** When the first certificate of the chain ends. */
  readonly expiresAt: string;
  /** Milliseconds from `inspectedAt` until then; negative when it is over. */
  readonly expiresInMs: number;
  readonly keyType: string;
  /** Whether the chain leads to the bundle of its own trust domain. */
  readonly chainVerified: boolean;
  /** Leaf first. */
  readonly chain: readonly InspectedCertificate[];
}

/** One certificate. */
export interface InspectedCertificate {
  /** Its URI names. */
  readonly uriSans: readonly string[];
  /** In hexadecimal digits. */
  readonly serialNumber: string;
  /** SHA-256 over the DER, in hexadecimal digits. */
  readonly fingerprint256: string;
  readonly keyType: string;
  readonly isCa: boolean;
  readonly notBefore: string;
  readonly notAfter: string;
}

/** The authorities of one trust domain. */
export interface InspectedBundle {
  readonly trustDomain: string;
  /** Whether it is the trust domain of the identity. */
  readonly own: boolean;
  readonly path: string;
  /** How the file is written: PEM, a SPIFFE bundle document, or a SPIFFE bundle map. */
  readonly format: 'pem' | 'spiffe-bundle' | 'bundle-map';
  /** The sequence number of a document, in decimal digits; null when it has none. */
  readonly sequence: string | null;
  readonly authorities: readonly InspectedCertificate[];
  /** The key IDs of the authorities for JWT-SVIDs in a document. */
  readonly jwtKeyIds: readonly string[];
  /** Why entries of the file do not count as authorities. */
  readonly skipped: readonly string[];
}

/** A file of a mount. */
export interface InspectedFile {
  readonly role: 'certificate' | 'key' | 'credential-bundle' | 'bundle';
  readonly path: string;
  /** Where links lead. */
  readonly resolvedPath: string;
  readonly exists: boolean;
  /** Such as `a regular file`; null, as all that follows, when there is none. */
  readonly type: string | null;
  /** Four octal digits. */
  readonly mode: string | null;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly sizeBytes: number | null;
  readonly modifiedAt: string | null;
}

/** Something that is wrong with a mount. */
export interface InspectedProblem {
  readonly severity: 'error' | 'warning';
  /** The code of the error: a heading of docs/errors.md. */
  readonly code: string;
  readonly message: string;
  /** What to do; null when that is not known. */
  readonly hint: string | null;
  /** The file it is about; null when it is about more. */
  readonly file: string | null;
}
