import { once } from 'node:events';
import { type AddressInfo } from 'node:net';

import { SpiffeBundle, type X509Source } from '@svidkit/core';
import { createBundleHandler, createBundleServer } from '@svidkit/tls/federation';

/** A bundle endpoint of the profile `https_spiffe`, with the bundle of the own trust domain as it is. */
export async function serveBundle(
  source: X509Source,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  let sequence = 0n;
  let before: unknown;
  const handler = createBundleHandler(() => {
    const { svid, bundles } = source.current;
    const { trustDomain } = svid.id;
    const x509 = bundles.require(trustDomain);
    if (x509 !== before) sequence += 1n;
    before = x509;
    return SpiffeBundle.of(trustDomain, { x509, sequence, refreshHint: 60 });
  });
  const server = createBundleServer(source, handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
