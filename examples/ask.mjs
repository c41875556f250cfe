// Asks https://localhost:PORT for the path on each line that comes in; SERVER is the path of the server's SPIFFE ID.
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { authorizeId, isSpiffeError, workloadIdentity } from 'svidkit';

const [port, server] = process.argv.slice(2);
const identity = await workloadIdentity();
const agent = identity.createHttpsAgent({ authorize: authorizeId(`spiffe://prod.example${server}`) });
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

console.log(`ready as ${identity.id.toString()}`);
for await (const path of createInterface({ input: process.stdin })) {
  try {
    console.log(`${path}: ${await ask(path)}`);
  } catch (error) {
    console.log(`${path}: no answer, ${isSpiffeError(error) ? error.code : String(error)}`);
  }
}
await identity.shutdown();

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
function ask(path) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: 'localhost', port, path, agent }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
    });
    outgoing.on('error', reject).end();
  });
}
