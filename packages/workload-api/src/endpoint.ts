import { type ChannelCredentials, type StatusObject } from '@grpc/grpc-js';
import { type SpiffeError, type SpiffeErrorCode } from '@svidkit/core';

import { type EndpointAddress } from './address.ts';

/** The status that a call ended with. */
export type CallStatus = Pick<StatusObject, 'code' | 'details' | 'metadata'>;

/** What a failure means. */
export interface Meaning {
  readonly code: SpiffeErrorCode;
  /** What came in place of what was wanted. */
  readonly got: string;
  readonly hint: string;
}

/** What calls go to: a Workload API, or a broker. */
export interface Endpoint {
  /** For messages: `the Workload API`. */
  readonly name: string;
  readonly address: EndpointAddress;
  /** The metadata key that every request carries, with the value `true`. */
  readonly securityHeader: string;
  /** Of its connections. */
  readonly credentials: ChannelCredentials;
  /** What a status means here, where it differs from the Workload API. */
  readonly meaningOf: (status: CallStatus) => Meaning | undefined;
  /** Whether trying again cannot help. */
  readonly isFinal: (error: SpiffeError) => boolean;
  /**
   * Called before a call that may be tried again. What it gives resolves when what the error asks for has changed, or
   * the signal aborts.
   */
  readonly beginCall?: () => (error: SpiffeError, signal: AbortSignal) => Promise<void>;
}
