// A client that has both identities: it shows its SVID, and its legacy certificate to servers that show one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { authorizeId, legacyIdentity, workloadIdentity } from 'svidkit';

import { answerLines } from './ask.mjs';

const [, , port = '', directory = ''] = process.argv;
/** @param {string} name */
const file = (name) => readFileSync(join(directory, name), 'utf8');

const legacy = legacyIdentity({
  certificates: file('tls.crt'),
  privateKey: file('tls.key'),
  authorities: file('ca.crt'),
});
const identity = await workloadIdentity({ legacy, accept: 'permissive' });
const agent = identity.createHttpsAgent({
  authorize: authorizeId('spiffe://prod.example/server'),
  keepAlive: false,
});
console.log('ready');
await answerLines(Number(port), agent);
await identity.shutdown();
