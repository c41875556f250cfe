// axios, over the agent. `proxy: false` has it ask nobody else for the way.
import axios from 'axios';
import { authorizeId, workloadIdentity } from 'svidkit';

import { eachLine } from './each-line.mjs';

const [url = ''] = process.argv.slice(2);
const identity = await workloadIdentity();
const client = axios.create({
  baseURL: url,
  httpsAgent: identity.createHttpsAgent({ authorize: authorizeId('spiffe://prod.example/till') }),
  proxy: false,
});

await eachLine(identity, async (line) => (await client.get(`/${line}`)).data);
