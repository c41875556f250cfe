import { firstHealthy, parseBundleDocument, TrustDomain, type X509Source } from '@svidkit/core';
import { openMountedX509Source } from '@svidkit/mount';
import { type FederatedBundle, watchBundle, withFederatedBundles } from '@svidkit/tls/federation';
import { openWorkloadApiX509Source } from '@svidkit/workload-api';

import { type Delivery, type Federate, type WorkloadSpec } from './commands.ts';

/** An entry reaches an agent within a second or two. */
const WAIT_MS = 60_000;

/** Opens where the identity comes from; of several, the first that has something to use counts. */
export async function openSource(
  { from, federate = [] }: WorkloadSpec,
  waitMs: number = WAIT_MS,
): Promise<X509Source> {
  const sources = await Promise.all(from.map((delivery) => openOne(delivery, waitMs)));
  const [only] = sources;
  const source = only !== undefined && sources.length === 1 ? only : firstHealthy(sources);
  return federate.length === 0
    ? source
    : withFederatedBundles(source, await Promise.all(federate.map(followEndpoint)));
}

async function openOne(delivery: Delivery, wait: number): Promise<X509Source> {
  if (delivery.kind === 'workload-api') {
    const { address, pick } = delivery;
    return openWorkloadApiX509Source({ address, wait, ...(pick === undefined ? {} : { pick }) });
  }
  // spiffe-helper appends the authorities of federated trust domains to the bundle of its own.
  return openMountedX509Source({
    directory: delivery.directory,
    wait,
    foreignAuthorities: 'split',
  });
}

async function followEndpoint({ trustDomain, url, webRoots, endpoint }: Federate): Promise<FederatedBundle> {
  // As often as agents look for changes.
  const often = { minRefreshMs: 1_000, maxRefreshMs: 1_000 };
  if (endpoint === undefined) {
    const web = { trustDomain, url, profile: 'https_web' } as const;
    return watchBundle(webRoots === undefined ? web : { ...web, webRoots }, often);
  }
  const { id, document } = endpoint;
  const endpointBundle = parseBundleDocument(document, TrustDomain.parse(trustDomain));
  return watchBundle({ trustDomain, url, profile: 'https_spiffe', endpointId: id, endpointBundle }, often);
}
