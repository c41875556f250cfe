// A fetch that is bound to the identity.
import { authorizeId, workloadIdentity } from 'svidkit';

import { eachLine } from './each-line.mjs';

const [url = ''] = process.argv.slice(2);
const identity = await workloadIdentity();
const fetch = identity.createFetch({ authorize: authorizeId('spiffe://prod.example/till') });

await eachLine(identity, async (line) => (await fetch(`${url}/${line}`)).text());
