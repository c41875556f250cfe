// Orders at https://localhost:PORT for each line that comes in, and from nobody but the shop.
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { authorizeId, isSpiffeError, workloadIdentity } from 'svidkit';

const port = Number(process.argv[2]);
const identity = await workloadIdentity();
const agent = identity.createHttpsAgent({ authorize: authorizeId('spiffe://prod.example/shop') });
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

console.log(`ready as ${identity.id.toString()}`);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(`${line}: ${await order()}`);
  } catch (error) {
    console.log(`${line}: no order, ${isSpiffeError(error) ? error.code : String(error)}`);
  }
}
await identity.shutdown();

/** @returns {Promise<string>} */
function order() {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: 'localhost', port, method: 'POST', agent }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
    });
    outgoing.on('error', reject).end();
  });
}
