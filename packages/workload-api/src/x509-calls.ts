import { type Calls } from './calls.ts';
import { SpiffeWorkloadAPI } from './gen/workload_pb.ts';
import { X509Reader } from './read-x509.ts';
import { type WorkloadApiClient } from './workload-api-client.ts';

const { fetchX509SVID, fetchX509Bundles } = SpiffeWorkloadAPI.method;
const SVIDS = 'the X.509-SVIDs of this process';
const BUNDLES = 'X.509 bundles';

/** The part of a client that is about X.509-SVIDs. */
export function x509Calls({
  fetch,
  follow,
}: Calls): Pick<
  WorkloadApiClient,
  | 'fetchX509Svid'
  | 'fetchX509Svids'
  | 'fetchX509Context'
  | 'fetchX509Bundles'
  | 'watchX509Context'
  | 'watchX509Bundles'
> {
  const fetchX509Context: WorkloadApiClient['fetchX509Context'] = async (options = {}) => {
    const reader = new X509Reader();
    const read = reader.readContext.bind(reader);
    return fetch({ method: fetchX509SVID, what: SVIDS, read }, options);
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
      return fetch({ method: fetchX509Bundles, what: BUNDLES, read }, options);
    },
    async watchX509Context(watcher, options = {}) {
      const reader = new X509Reader();
      const read = reader.readContext.bind(reader);
      return follow({ method: fetchX509SVID, what: SVIDS, read }, watcher, options);
    },
    async watchX509Bundles(watcher, options = {}) {
      const reader = new X509Reader();
      const read = reader.readBundles.bind(reader);
      return follow({ method: fetchX509Bundles, what: BUNDLES, read }, watcher, options);
    },
  };
}
