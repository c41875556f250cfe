/** Where a workload gets its identity. */
export type Delivery =
  | { readonly kind: 'mount'; readonly directory: string }
  | {
      readonly kind: 'workload-api';
      readonly address: string;
      /** Which identity, where there are several. Default: the first. */
      readonly pick?: PickIdentity;
    };

/** Which of several identities to use. */
export type PickIdentity =
  | { readonly hint: string; readonly otherwise?: 'none' | 'first' }
  | { readonly id: string };

/** What a workload process is started with. */
export interface WorkloadSpec {
  /** The local user, and group of the same number, that it becomes before it asks for an identity. */
  readonly uid: number;
  /** Where its identity comes from: the first of these that has something to use. */
  readonly from: readonly Delivery[];
  /** Bundle endpoints of other trust domains, which it follows itself. @default none */
  readonly federate?: readonly Federate[];
  /** Where its JWT-SVIDs come from. @default nowhere */
  readonly jwt?: JwtFiles | { readonly address: string };
}

/** A bundle endpoint. */
export interface Federate {
  readonly trustDomain: string;
  readonly url: string;
  /** For `https_web`: PEM of the authorities of the web. */
  readonly webRoots?: string;
  /** For `https_spiffe`: who the endpoint is, and the first bundle, as a document. */
  readonly endpoint?: { readonly id: string; readonly document: string };
}

/** JWT-SVIDs and bundles as spiffe-helper writes them. */
export interface JwtFiles {
  readonly directory: string;
  readonly svids: readonly string[];
  readonly bundle: string;
}

/** The identity that a workload uses. */
export interface IdentityReport {
  readonly id: string;
  /** SHA-256 of the leaf, in lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** How many certificates its chain has. */
  readonly chainLength: number;
  readonly hint: string | undefined;
  /** SHA-256 of each authority likewise, by trust domain. */
  readonly authorities: Readonly<Record<string, readonly string[]>>;
}

/** What a workload has seen of its own identity. */
interface History {
  /** Serials in the order of their coming; undefined where nothing was left to use. */
  readonly serials: readonly (string | undefined)[];
  /** Every SPIFFE ID that it ever had. */
  readonly ids: readonly string[];
  readonly health: string;
  readonly problems: readonly string[];
}

/** Whom to let in: one SPIFFE ID. */
export interface Serve {
  readonly authorize: string;
}

/** Whom to call. */
export interface Call {
  /** A URL, or `host:port` of a gRPC server. */
  readonly target: string;
  /** The SPIFFE ID that it must have. */
  readonly authorize: string;
}

/** Why something failed. */
export interface Failure {
  readonly ok: false;
  readonly code: string | undefined;
  readonly message: string;
  /** The code of the cause, where that has one. */
  readonly reason?: string | undefined;
  readonly blame?: string | undefined;
}

/** What came of something that may fail. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | Failure;

/** What came of a call. */
export type CallReport = { readonly ok: true; readonly answer: string; readonly server: string } | Failure;

/** A token of a workload. */
interface TokenReport {
  readonly id: string;
  readonly token: string;
}

/** A token of somebody. */
export interface Validate {
  readonly token: string;
  readonly audience: string;
  /** How far clocks may differ, here. The agent has its own. @default 30000 */
  readonly leewayMs?: number;
}

/** What came of validating a token. */
export type ValidationReport = { readonly ok: true; readonly id: string } | Failure;

/** An identity and what its operator calls it. */
export interface Named {
  readonly id: string;
  readonly hint: string | undefined;
}

/** What an agent says of a token. */
export interface RemoteReport {
  readonly id: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What the streams of the own client have told. */
export interface StreamReport {
  readonly updates: number;
  readonly errors: readonly string[];
}

/** Where a relay cuts one connection. */
export interface Cut {
  /** Of the first burst of bytes from the agent, or of the next one after a pause: another message. */
  readonly of: 'start' | 'later';
  /** How many bytes of it still pass. */
  readonly bytes: number;
}

/** What a relay has done. */
interface RelayReport {
  readonly connections: number;
  /** How many bytes passed of each cut burst, and how many it had. */
  readonly cuts: readonly { readonly passed: number; readonly had: number }[];
}

/** What a server has seen. */
interface ServerReport {
  readonly requests: number;
  /** The serials of the clients that were admitted. */
  readonly clientSerials: readonly string[];
  /** The codes of the errors that clients were turned away with. */
  readonly rejections: readonly string[];
}

/** What a load has done so far. */
export interface LoadReport {
  readonly requests: number;
  readonly failed: number;
  /** The first failures. */
  readonly failures: readonly string[];
  /** The serials of the servers that answered. */
  readonly serverSerials: readonly string[];
}

/** What a workload process does when it is told to. */
export interface Commands {
  /** Waits for an identity. */
  open(): Promise<IdentityReport>;
  /** Whether there is an identity within so many milliseconds, and if not, why. Keeps nothing open. */
  attempt(waitMs: number): Promise<Outcome<string>>;
  /** The codes of what sources have told of on `svidkit:source.error`. */
  troubles(): Promise<readonly string[]>;
  identity(): Promise<IdentityReport>;
  history(): Promise<History>;
  serveHttps(options: Serve): Promise<number>;
  serveGrpc(options: Serve): Promise<number>;
  /** Serves the bundle of its own trust domain by `https_spiffe`. Gives the port. */
  serveBundle(): Promise<number>;
  served(): Promise<ServerReport>;
  callHttps(options: Call): Promise<CallReport>;
  callGrpc(options: Call): Promise<CallReport>;
  startLoad(options: Call): Promise<void>;
  load(): Promise<LoadReport>;
  /** Ends the load and tells of all of it. */
  stopLoad(): Promise<LoadReport>;
  fetchJwt(audience: string): Promise<TokenReport>;
  validateJwt(options: Validate): Promise<ValidationReport>;
  /** Asks the Workload API for all X.509-SVIDs. */
  listSvids(): Promise<Outcome<readonly Named[]>>;
  /** Asks it for the JWT-SVIDs of all identities, or of one. */
  listTokens(audience: string, subject?: string): Promise<Outcome<readonly Named[]>>;
  /** Has the agent judge a token. */
  askAboutJwt(options: Validate): Promise<Outcome<RemoteReport>>;
  /** Follows X.509 and JWT by the client that {@link Commands.askAboutJwt} asks by. */
  follow(): Promise<void>;
  followed(): Promise<StreamReport>;
  /** Passes connections on from one path to another, and cuts those it is told to. */
  relay(from: string, to: string): Promise<void>;
  /** Cuts the next connections, in place of what it was told before. */
  cut(cuts: readonly Cut[]): Promise<void>;
  relayed(): Promise<RelayReport>;
  close(): Promise<void>;
}

/** One command on its way to the process, and the answer. */
export interface CommandMessage {
  readonly number: number;
  readonly name: keyof Commands;
  readonly args: readonly unknown[];
}
export interface AnswerMessage {
  readonly number: number;
  readonly result?: unknown;
  readonly error?: string;
}
