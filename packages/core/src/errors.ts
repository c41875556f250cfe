/** Who must act: the code that called us, the other end of the connection, or the platform around us. */
export type Blame = 'caller' | 'peer' | 'environment';

/**
 * Every code a {@link SpiffeError} can carry, with who is usually to blame. `docs/errors.md` has one heading
 * for each; a test holds this table, the sources and that page against each other.
 */
export const ERROR_CODES = {
  // SPIFFE IDs and trust domains
  ERR_ID_INVALID: 'caller',
  ERR_ID_TOO_LONG: 'caller',
  // X.509 certificates
  ERR_CERTIFICATE_INVALID: 'caller',
  // X.509-SVIDs as documents
  ERR_SVID_CERTIFICATE_INVALID: 'environment',
  ERR_SVID_KEY_INVALID: 'environment',
  ERR_SVID_KEY_ENCRYPTED: 'environment',
  ERR_SVID_KEY_MISMATCH: 'environment',
  ERR_SVID_URI_SAN: 'environment',
  ERR_SVID_LEAF_PROFILE: 'environment',
  ERR_SVID_EXPIRED: 'environment',
  ERR_SVID_NOT_YET_VALID: 'environment',
  // Chains of peers
  ERR_CHAIN_MALFORMED: 'peer',
  ERR_CHAIN_TOO_LONG: 'peer',
  ERR_CHAIN_LEAF_PROFILE: 'peer',
  ERR_CHAIN_ID: 'peer',
  ERR_CHAIN_EXPIRED: 'peer',
  ERR_CHAIN_NOT_YET_VALID: 'peer',
  ERR_CHAIN_UNTRUSTED: 'peer',
  ERR_CHAIN_BUDGET: 'peer',
  // Trust bundles
  ERR_BUNDLE_INVALID: 'environment',
  ERR_BUNDLE_EMPTY: 'environment',
  ERR_BUNDLE_UNKNOWN: 'peer',
  ERR_BUNDLE_SEQUENCE: 'environment',
  // Bundles of other trust domains
  ERR_FEDERATION_UNREACHABLE: 'environment',
  ERR_FEDERATION_UNTRUSTED: 'peer',
  ERR_FEDERATION_RESPONSE: 'peer',
  ERR_FEDERATION_SEQUENCE: 'peer',
  ERR_FEDERATION_STORE: 'environment',
  // JWT-SVIDs
  ERR_JWT_MALFORMED: 'peer',
  ERR_JWT_TOO_LONG: 'peer',
  ERR_JWT_HEADER: 'peer',
  ERR_JWT_ALGORITHM: 'peer',
  ERR_JWT_CLAIM: 'peer',
  ERR_JWT_KEY: 'peer',
  ERR_JWT_SIGNATURE: 'peer',
  ERR_JWT_AUDIENCE: 'peer',
  ERR_JWT_EXPIRED: 'peer',
  ERR_JWT_NOT_YET_VALID: 'peer',
  ERR_JWT_MISSING: 'peer',
  ERR_JWT_UNAVAILABLE: 'environment',
  ERR_JWT_INSECURE: 'caller',
  // WIT-SVIDs
  ERR_WIT_PROOF: 'peer',
  ERR_WIT_REPLAY: 'peer',
  // Peers of a connection
  ERR_PEER_NO_CERTIFICATE: 'peer',
  ERR_PEER_UNAUTHORIZED: 'peer',
  ERR_PEER_UNVERIFIED: 'caller',
  ERR_PEER_EXPIRED: 'peer',
  ERR_PEER_HANDSHAKE: 'peer',
  ERR_PEER_HANDSHAKE_TIMEOUT: 'peer',
  ERR_PEER_RESUMED: 'peer',
  ERR_PEER_LIMIT: 'peer',
  ERR_PEER_DENIED: 'peer',
  ERR_PEER_LEGACY: 'caller',
  ERR_PEER_PROTOCOL: 'peer',
  ERR_PEER_CLOSED_AFTER_HANDSHAKE: 'peer',
  ERR_TARGET_UNKNOWN: 'caller',
  // Identities that a proxy forwards
  ERR_XFCC_INVALID: 'peer',
  ERR_PROXY_TUNNEL: 'environment',
  // Sources
  ERR_SOURCE_CLOSED: 'caller',
  ERR_SOURCE_EXPIRED: 'environment',
  ERR_SOURCE_EMPTY: 'environment',
  ERR_SOURCE_TIMEOUT: 'environment',
  // Mounts
  ERR_MOUNT_NOT_FOUND: 'environment',
  ERR_MOUNT_UNREADABLE: 'environment',
  ERR_MOUNT_PERMISSIONS: 'environment',
  ERR_MOUNT_FILE_TYPE: 'environment',
  ERR_MOUNT_TOO_LARGE: 'environment',
  ERR_MOUNT_TORN: 'environment',
  ERR_PEM_INVALID: 'environment',
  ERR_MOUNT_IDENTITY: 'environment',
  ERR_MOUNT_STALE: 'environment',
  // Workload API
  ERR_WORKLOAD_API_ADDRESS: 'caller',
  ERR_WORKLOAD_API_NOT_FOUND: 'environment',
  ERR_WORKLOAD_API_PERMISSIONS: 'environment',
  ERR_WORKLOAD_API_NOT_A_SOCKET: 'environment',
  ERR_WORKLOAD_API_UNREACHABLE: 'environment',
  ERR_WORKLOAD_API_UNAVAILABLE: 'environment',
  ERR_WORKLOAD_API_DENIED: 'environment',
  ERR_WORKLOAD_API_REFUSED: 'caller',
  ERR_WORKLOAD_API_UNIMPLEMENTED: 'environment',
  ERR_WORKLOAD_API_RESPONSE: 'environment',
  ERR_WORKLOAD_API_TIMEOUT: 'environment',
  ERR_WORKLOAD_API_CLOSED: 'caller',
  // Broker API
  ERR_BROKER_REFERENCE: 'caller',
  ERR_BROKER_UNAUTHENTICATED: 'environment',
  ERR_BROKER_DENIED: 'environment',
  ERR_BROKER_WORKLOAD_NOT_FOUND: 'environment',
  // Deny lists and migration policies
  ERR_POLICY_INVALID: 'environment',
  // Configuration
  ERR_CONFIG_OPTION: 'caller',
  ERR_CONFIG_TRUST_DOMAIN: 'caller',
  ERR_CONFIG_AUTHORIZER: 'caller',
  ERR_CONFIG_SERVER: 'caller',
  ERR_CONFIG_RUNTIME: 'environment',
  ERR_CONFIG_PACKAGE: 'caller',
  // Targets of clients
} as const;

/** The code of a {@link SpiffeError}. Branch on this, never on the message. */
export type SpiffeErrorCode = keyof typeof ERROR_CODES;

/** What an error carries beside its code and message. */
export interface SpiffeErrorOptions {
  /** Who must act. Default: the usual one for the code. */
  readonly blame?: Blame;
  /** The next step for whoever must act, as one sentence. */
  readonly hint?: string;
  /** What was caught. */
  readonly cause?: unknown;
  /** The file it is about, as an absolute path. */
  readonly file?: string;
  /** The SPIFFE ID of the peer it is about, as far as it is known (it may be unproven). */
  readonly peer?: string;
}

const BRAND: unique symbol = Symbol.for('@svidkit/error');

/**
 * The one error class of svidkit. Messages name what was wanted and what came, never a key, a token or a whole
 * certificate.
 */
export class SpiffeError extends Error {
  /** The stable code. */
  readonly code: SpiffeErrorCode;
  /** Who must act. */
  readonly blame: Blame;
  /** The next step, where one is known. */
  readonly hint: string | undefined;
  /** The file it is about, where there is one. */
  readonly file: string | undefined;
  /** The SPIFFE ID of the peer it is about, where it is known. It may be unproven. */
  readonly peer: string | undefined;
  /** @internal */
  readonly [BRAND] = true;

  constructor(code: SpiffeErrorCode, message: string, options: SpiffeErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'SpiffeError';
    this.code = code;
    this.blame = options.blame ?? ERROR_CODES[code];
    this.hint = options.hint;
    this.file = options.file;
    this.peer = options.peer;
  }

  /** Recognises errors of every copy of this package in the process. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isSpiffeError(value);
  }

  /** What a log needs: no stack, no cause. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, blame, hint, file, peer } = this;
    return { name, code, message, blame, hint, file, peer };
  }
}

/** Whether `value` is a {@link SpiffeError}, of this or of another copy of this package. */
export function isSpiffeError(value: unknown): value is SpiffeError {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
}
