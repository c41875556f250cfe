import { type Call, type Calls } from './calls.ts';
import { SpiffeWorkloadAPI } from './gen/workload_pb.ts';
import { X509Reader } from './read-x509.ts';
import { type WorkloadApiClient } from './workload-api-client.ts';

/** What is asked for, without how the answer is read. */
export type Question = Pick<Call<unknown>, 'method' | 'request' | 'what'>;

/** How an API is asked about X.509-SVIDs. Its answers have the fields of those of the Workload API. */
export interface X509Questions {
  readonly svids: Question;
  readonly bundles: Question;
}

const WORKLOAD_API: X509Questions = {
  svids: { method: SpiffeWorkloadAPI.method.fetchX509SVID, what: 'the X.509-SVIDs of this process' },
  bundles: { method: SpiffeWorkloadAPI.method.fetchX509Bundles, what: 'X.509 bundles' },
};

/** The part of a client that is about X.509-SVIDs. */
export type X509Client = Pick<
  WorkloadApiClient,
  | 'fetchX509Svid'
  | 'fetchX509Svids'
  | 'fetchX509Context'
  | 'fetchX509Bundles'
  | 'watchX509Context'
  | 'watchX509Bundles'
>;

/** Asks for X.509-SVIDs and bundles. Each call has a reader of its own: none sees what another was given. */
export function x509Calls(
  { fetch, follow }: Calls,
  { svids, bundles }: X509Questions = WORKLOAD_API,
): X509Client {
  const fetchX509Context: WorkloadApiClient['fetchX509Context'] = async (options = {}) => {
    const reader = new X509Reader();
    const read = reader.readContext.bind(reader);
    return fetch({ ...svids, read }, options);
  };

  return {
    fetchX509Context,
    fetchX509Svids: async (options) => (await fetchX509Context(options)).svids,
    async fetchX509Svid(options) {
      const [svid] = (await fetchX509Context(options)).svids;
      if (svid === undefined) throw new Error('a context has at least one SVID');
      return svid;
    },
    async fetchX509Bundles(options = {}) {
      const reader = new X509Reader();
      const read = reader.readBundles.bind(reader);
      return fetch({ ...bundles, read }, options);
    },
    async watchX509Context(watcher, options = {}) {
      const reader = new X509Reader();
      const read = reader.readContext.bind(reader);
      return follow({ ...svids, read }, watcher, options);
    },
    async watchX509Bundles(watcher, options = {}) {
      const reader = new X509Reader();
      const read = reader.readBundles.bind(reader);
      return follow({ ...bundles, read }, watcher, options);
    },
  };
}
