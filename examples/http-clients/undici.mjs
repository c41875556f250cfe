// undici over HTTP/2, and whatever else takes a dispatcher.
import { createDispatcher } from '@svidkit/undici';
import { authorizeId, workloadIdentity } from 'svidkit';
import { request } from 'undici';

import { eachLine } from './each-line.mjs';

const [url = ''] = process.argv.slice(2);
const identity = await workloadIdentity();
const dispatcher = createDispatcher(identity.source, {
  authorize: authorizeId('spiffe://prod.example/till'),
  allowH2: true,
});

await eachLine(identity, async (line) => (await request(`${url}/${line}`, { dispatcher })).body.text());
await dispatcher.close();
