import { firstHealthy, type X509Source } from '@svidkit/core';
import { openMountedX509Source } from '@svidkit/mount';
import { openWorkloadApiX509Source } from '@svidkit/workload-api';

import { type Delivery } from './commands.ts';

/** An entry reaches an agent within a second or two. */
const WAIT_MS = 60_000;

/** Opens where the identity comes from; of several, the first that has something to use counts. */
export async function openSource(from: readonly Delivery[]): Promise<X509Source> {
  const sources = await Promise.all(from.map(openOne));
  const [only] = sources;
  return only !== undefined && sources.length === 1 ? only : firstHealthy(sources);
}

async function openOne(delivery: Delivery): Promise<X509Source> {
  if (delivery.kind === 'workload-api') {
    return openWorkloadApiX509Source({ address: delivery.address, wait: WAIT_MS });
  }
  // spiffe-helper appends the authorities of federated trust domains to the bundle of its own.
  return openMountedX509Source({
    directory: delivery.directory,
    wait: WAIT_MS,
    foreignAuthorities: 'split',
  });
}
