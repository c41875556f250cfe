import { type X509Source, type X509Svid } from '@svidkit/core';

/** A source over the Workload API. It keeps the process alive until it is closed, as its stream does. */
export interface WorkloadApiX509Source extends X509Source {
  /** The address of the Workload API. */
  readonly address: string;
  /** All identities of the last good message, the default one first; empty when there are none. */
  readonly svids: readonly X509Svid[];
  /** The certificate revocation lists of that message, as DER. Nothing in svidkit reads them. */
  readonly crls: readonly Uint8Array[];
}
