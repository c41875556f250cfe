import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/**
 * Asks the server once for each line of the standard input, and prints how it called us.
 *
 * @param {number} port
 * @param {import('node:https').Agent} agent
 */
export async function answerLines(port, agent) {
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      console.log(`${line}: served as ${await ask(port, agent)}`);
    } catch {
      // What Node.js calls the end of a connection depends on when it comes.
      console.log(`${line}: refused`);
    }
  }
}

/**
 * @param {number} port
 * @param {import('node:https').Agent} agent
 * @returns {Promise<string>}
 */
function ask(port, agent) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: 'localhost', family: 4, port, agent }, (response) => {
      text(response).then(resolve, reject);
    });
    outgoing.on('error', reject).end();
  });
}
