import { type EndpointName, type Ports, type ServiceName, type WorkloadName } from './topology.ts';

/** What a child process is told when it starts, as JSON in its first argument. */
export interface ChildConfig {
  readonly name: WorkloadName | 'intruder';
  /** Its mount; empty for the intruder, who has none. */
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

/** From the demo to a child process. */
export type ToChild =
  | { readonly type: 'start'; readonly ports: Ports }
  /** Call an address that claims to be the ledger. */
  | { readonly type: 'dial'; readonly mark: string; readonly port: number; readonly via: 'https' | 'tls' }
  | { readonly type: 'dialled'; readonly mark: string; readonly reason: string | undefined }
  | { readonly type: 'kit'; readonly kit: IntruderKit }
  /** The root before that of the current kit is gone from all bundles. */
  | { readonly type: 'root-removed' }
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
      readonly notAfter: number;
      /** When it took over; milliseconds since the Unix epoch. */
      readonly loadedAt: number;
      /** SHA-256 of the authorities of our own trust domain in use. */
      readonly authorities: readonly string[];
      readonly watchMode: string;
    }
  | { readonly type: 'identity-lost'; readonly reason: string }
  | {
      readonly type: 'tally';
      readonly requests: number;
      readonly served: number;
      readonly failed: number;
      readonly failures: readonly Failure[];
      /** Milliseconds each. */
      readonly latencies: readonly number[];
    }
  | { readonly type: 'reached'; readonly mark: string }
  | { readonly type: 'rejected'; readonly remotePort: number | undefined; readonly code: string }
  | { readonly type: 'dialled'; readonly mark: string; readonly reason: string | undefined }
  | { readonly type: 'lure'; readonly mark: string; readonly port: number; readonly via: 'https' | 'tls' }
  | { readonly type: 'attempt'; readonly attempt: Attempt }
  | { readonly type: 'kit-in-use'; readonly root: number }
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
