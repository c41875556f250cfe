import { firstHealthy, type X509Source } from '@svidkit/core';
import { openMountedX509Source } from '@svidkit/mount';

import { type Delivery } from './commands.ts';

/** Opens where the identity comes from; of several, the first that has something to use counts. */
export async function openSource(from: readonly Delivery[]): Promise<X509Source> {
  const sources = await Promise.all(from.map(openOne));
  const [only] = sources;
  return only !== undefined && sources.length === 1 ? only : firstHealthy(sources);
}

async function openOne(delivery: Delivery): Promise<X509Source> {
  const { directory, bundles } = delivery;
  return openMountedX509Source({
    directory,
    wait: 60_000,
    // spiffe-helper appends the authorities of federated trust domains to the bundle of its own.
    foreignAuthorities: 'split',
    ...(bundles === undefined ? {} : { bundles }),
  });
}
