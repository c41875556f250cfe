// Runs where the environment of the process does without checks, or trusts the authority of web sites too, and prints
// which bundle endpoints were believed.
import { writeFileSync } from 'node:fs';

import { isSpiffeError } from '@svidkit/core';
import { type BundleEndpoint, fetchBundle } from '@svidkit/tls/federation';

import { bundleOf, ENDPOINT_ID, spiffeEndpoint, webEndpoint } from '../federation/endpoints.ts';
import { closeAll, world } from '../fixtures.ts';

const outcomeOf = (parameters: BundleEndpoint): Promise<string> =>
  fetchBundle(parameters).then(
    () => 'fetched',
    (error: unknown) => (isSpiffeError(error) ? error.code : String(error)),
  );

const { b } = await world();
const outcomes: Record<string, string> = {};
const web = await webEndpoint();
const { webRoots: _, ...withoutRoots } = web.parameters;
outcomes['https_web, by the roots of this machine'] = await outcomeOf(withoutRoots);
outcomes['https_web, by its own roots'] = await outcomeOf(web.parameters);
const honest = await spiffeEndpoint();
outcomes['https_spiffe'] = await outcomeOf(honest.parameters);
const impostor = await spiffeEndpoint({
  certificate: await b.issueLegacy({ dnsNames: ['localhost'] }),
  reply: { document: bundleOf(b) },
});
outcomes['https_spiffe, shown a certificate for its host'] = await outcomeOf(impostor.parameters);
const other = await spiffeEndpoint({ certificate: await b.issue({ id: `${ENDPOINT_ID}-2` }) });
outcomes['https_spiffe, shown another SPIFFE ID'] = await outcomeOf(other.parameters);
await closeAll();
writeFileSync(1, JSON.stringify(outcomes));
