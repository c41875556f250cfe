import { createInterface } from 'node:readline';

import { isSpiffeError } from 'svidkit';

/**
 * Has a client ask for each line that comes in, and prints what it gets.
 *
 * @param {import('svidkit').WorkloadIdentity} identity
 * @param {(line: string) => Promise<string>} ask
 */
export async function eachLine(identity, ask) {
  identity.source.onUpdate((context) => {
    if (context !== undefined) console.log('identity renewed');
  });
  console.log(`ready as ${identity.id.toString()}`);
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      console.log(`${line}: ${await ask(line)}`);
    } catch (error) {
      console.log(`${line}: no answer, ${codeOf(error)}`);
    }
  }
  await identity.shutdown();
}

/** Libraries put the reason into the cause of their own errors. @param {unknown} error */
function codeOf(error) {
  for (let at = error; at instanceof Error; at = at.cause) if (isSpiffeError(at)) return at.code;
  return String(error);
}
