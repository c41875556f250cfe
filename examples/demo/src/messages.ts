import { type SeasonalKind } from './intruder/kinds.ts';
import {
  type EndpointName,
  type HopName,
  type Ports,
  type ServiceName,
  type WorkloadName,
} from './topology.ts';

/** What a child process is told when it starts, as JSON in its first argument. */
export interface ChildConfig {
  readonly name: WorkloadName | 'intruder';
  /** What is mounted into it (see `mounts.ts`); empty for the intruder, who has nothing. */
  readonly directory: string;
}

/** A certificate chain and its key. Only the demo's own CA makes these, for seconds or minutes. */
export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** What may happen at the other end of an attempt, as the one who attempts it sees it. */
export interface Attempt {
  readonly kind: string;
  /** Whether it was the positive control: the same code with a good identity. */
  readonly control: boolean;
  /** Unique, and part of the request: whoever handles the request reports it. */
  readonly mark: string;
  readonly target: EndpointName | 'impostor';
  /** Our port of the connection, which the service's own reports of rejections name. */
  readonly localPort: number | undefined;
  /** Whether the connection ended by itself, not by our giving up. */
  readonly closed: boolean;
  /** Application bytes that came through: from the service, or, at an impostor, from the client. */
  readonly applicationBytes: number;
  /** Whether the expected answer came. */
  readonly answered: boolean;
  /** The HTTP status of what came instead. */
  readonly status?: number | undefined;
  /** Why our client refused an impostor; attempts on services leave it to the service's reports. */
  readonly reason?: string | undefined;
}

/** One failed request. Nothing is ever tried again. */
export interface Failure {
  readonly at: string;
  readonly from: string;
  readonly what: string;
  readonly code: string;
  readonly message: string;
}

/** What became of the requests of one hop since the last report. */
export interface HopTally {
  requests: number;
  failed: number;
  /** Milliseconds each, of those that succeeded. */
  readonly latencies: number[];
}

/** What the intruder is given: identities that are wrong in one way each, and good ones for its controls. */
export interface IntruderKit {
  /** Counts the roots: 1 for the first. */
  readonly root: number;
  /** By target: what the target admits. */
  readonly good: Readonly<Record<string, Pem>>;
  /** By kind, then by target. */
  readonly bad: Readonly<Record<string, Readonly<Record<string, Pem>>>>;
  /** What the impostors present, by kind; `good` is the real ledger's ID. */
  readonly impostors: Readonly<Record<string, Pem>>;
}

/** What an identity is at the moment that is let in at some times and not at others. */
export type Season = 'let-in' | 'undecided' | 'turned-away';

/** From the demo to a child process. */
export type ToChild =
  | { readonly type: 'start'; readonly ports: Ports }
  /** Call an address that claims to be the ledger. */
  | { readonly type: 'dial'; readonly mark: string; readonly port: number; readonly via: 'https' | 'tls' }
  | { readonly type: 'dialled'; readonly mark: string; readonly reason: string | undefined }
  | { readonly type: 'kit'; readonly kit: IntruderKit }
  /** The root before that of the current kit is gone from all bundles. */
  | { readonly type: 'root-removed' }
  /** Answered by `season-begun`. With `let-in` comes the identity. */
  | {
      readonly type: 'season';
      readonly kind: SeasonalKind;
      readonly season: Season;
      readonly identity?: Pem;
    }
  /** Make no more calls; answer `quiet` once those in flight are done. */
  | { readonly type: 'quiesce' }
  | { readonly type: 'stop' };

/** From a child process to the demo. */
export type FromChild =
  | { readonly type: 'listening'; readonly ports: Readonly<Partial<Record<EndpointName, number>>> }
  | {
      readonly type: 'identity';
      readonly generation: number;
      readonly id: string;
      readonly serial: string;
      readonly fingerprint: string;
      readonly notBefore: number;
      readonly notAfter: number;
      /** When it took over; milliseconds since the Unix epoch. */
      readonly loadedAt: number;
      /** SHA-256 of the authorities of our own trust domain in use. */
      readonly authorities: readonly string[];
      readonly watchMode: string;
    }
  | { readonly type: 'identity-lost'; readonly reason: string }
  /** A deny list was read anew. */
  | { readonly type: 'deny-list' }
  | {
      readonly type: 'migration-policy';
      readonly mode: 'permissive' | 'strict';
      readonly prefer: 'spiffe' | 'legacy';
    }
  /** The archive answered the importer, which it took for this. */
  | { readonly type: 'delivered'; readonly as: 'legacy' | 'spiffe' }
  | {
      readonly type: 'tally';
      readonly served: number;
      readonly hops: Readonly<Partial<Record<HopName, HopTally>>>;
      readonly failed: number;
      readonly failures: readonly Failure[];
    }
  | { readonly type: 'reached'; readonly mark: string }
  | { readonly type: 'rejected'; readonly remotePort: number | undefined; readonly code: string }
  /** A request on an admitted connection was refused; its mark is part of its path. */
  | { readonly type: 'request-rejected'; readonly mark: string; readonly code: string }
  /** A live connection was ended because its peer is not welcome any more. */
  | { readonly type: 'evicted'; readonly reason: 'denied' | 'legacy-refused' }
  | { readonly type: 'dialled'; readonly mark: string; readonly reason: string | undefined }
  | { readonly type: 'lure'; readonly mark: string; readonly port: number; readonly via: 'https' | 'tls' }
  | { readonly type: 'attempt'; readonly attempt: Attempt }
  | { readonly type: 'kit-in-use'; readonly root: number }
  | { readonly type: 'season-begun'; readonly kind: SeasonalKind; readonly season: Season }
  /** The intruder lost a connection that it had kept, and gets no other. */
  | {
      readonly type: 'thrown-out';
      readonly kind: SeasonalKind;
      readonly target: EndpointName;
      /** When the connection ended, in milliseconds since the Unix epoch. */
      readonly at: number;
    }
  | {
      readonly type: 'seen';
      readonly service: ServiceName;
      readonly fingerprint: string;
      readonly notAfter: number;
      /** When the connection was begun, and when its handshake was done; milliseconds since the Unix epoch. */
      readonly begunAt: number;
      readonly seenAt: number;
    }
  | { readonly type: 'quiet' }
  | { readonly type: 'stopped' };
