// A client from before SPIFFE: node:https with files. It asks https://localhost:PORT for each line that comes in.
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';

import { answerLines } from './ask.mjs';

const [, , port = '', directory = ''] = process.argv;
/** @param {string} name */
const file = (name) => readFileSync(join(directory, name), 'utf8');

const agent = new Agent({
  keepAlive: false,
  cert: file('tls.crt'),
  key: file('tls.key'),
  // The authority from before, and beside it the one of SPIFFE: so it takes whatever the server shows.
  ca: [file('ca.crt'), file('spiffe-ca.crt')],
});
console.log('ready');
await answerLines(Number(port), agent);
agent.destroy();
