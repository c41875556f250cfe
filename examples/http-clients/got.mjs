// got, over the agent. What is refused is not asked again: no repetition changes who the server is.
import got from 'got';
import { authorizeId, workloadIdentity } from 'svidkit';

import { eachLine } from './each-line.mjs';

const [url = ''] = process.argv.slice(2);
const identity = await workloadIdentity();
const client = got.extend({
  prefixUrl: url,
  agent: { https: identity.createHttpsAgent({ authorize: authorizeId('spiffe://prod.example/till') }) },
  retry: { limit: 0 },
});

await eachLine(identity, (line) => client.get(line).text());
