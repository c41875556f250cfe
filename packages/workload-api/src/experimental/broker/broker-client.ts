import { type JwtClient } from '../../jwt-calls.ts';
import { type X509Client } from '../../x509-calls.ts';
import { type WorkloadReference } from './workload-reference.ts';

/**
 * What a broker gives for one workload, by the names that the client of the Workload API has, and nothing of any other
 * workload (Broker API 4.2). It goes wherever a source takes a `client`: `openWorkloadApiX509Source({ client })`.
 *
 * A watch ends for good with `ERR_BROKER_WORKLOAD_NOT_FOUND` when the workload is gone: drop then what it gave, also from
 * files (Broker API 4.9). `ERR_WORKLOAD_API_DENIED` withdraws what was given, of this workload alone, and is tried again.
 */
export interface BrokeredWorkload extends X509Client, JwtClient, AsyncDisposable {
  /** Whose. */
  readonly reference: WorkloadReference;
  /** The address of the broker endpoint, as it was given. */
  readonly address: string;
  /** Aborts when it, or the client that made it, is closed. */
  readonly closed: AbortSignal;
  /** Ends all calls for this workload. Idempotent. */
  close(): Promise<void>;
}

/**
 * A client of the SPIFFE Broker API: fetches identities on behalf of other processes and objects, over mutual TLS.
 *
 * Experimental: The standard has it as incubating: it can change with every release.
 */
export interface BrokerClient extends AsyncDisposable {
  /** The address, as it was given. */
  readonly address: string;
  /** Aborts when the client is closed. */
  readonly closed: AbortSignal;
  /**
   * What can be asked for one workload. Checks the reference and asks nothing. Each call makes another one, which has to be
   * closed when the workload ends.
   *
   * @throws {@link SpiffeError} `ERR_BROKER_REFERENCE` for a reference that breaks the standard, or for the ID of a process
   * where the server may be on another machine; `ERR_WORKLOAD_API_CLOSED`.
   */
  workload(reference: WorkloadReference): BrokeredWorkload;
  /** Ends all calls of all workloads. Idempotent. */
  close(): Promise<void>;
}
