// `npm run bench -- [--json FILE] [--batches N] [--rotations N] [--only cpu,rotation,imports]`
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { benchCpu } from './cpu.ts';
import { benchImports } from './imports.ts';
import { benchRotation } from './rotation.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    batches: { type: 'string', default: '31' },
    rotations: { type: 'string', default: '200' },
    runs: { type: 'string', default: '30' },
    only: { type: 'string', default: 'cpu,rotation,imports' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help === true) {
  console.log(`usage: npm run bench -- [--json FILE] [--only cpu,rotation,imports] [--batches N] [--rotations N] [--runs N]

Ratios are CPU of one process per operation against bare node:tls in the same run (same key type, group and context,
tickets off, verified by OpenSSL): medians of interleaved batches with their 95 % interval. A missed bar does not fail
the run: machines differ; the JSON says which were met.`);
  process.exit(0);
}
const only = new Set(values.only.split(','));
const report = (line: string): void => console.log(line);

console.log(`Node.js ${process.version}, ${process.platform} ${process.arch}`);
const results = {
  node: process.version,
  imports: only.has('imports') ? benchImports(Number(values.runs), report) : [],
  rotation: only.has('rotation') ? await benchRotation(Number(values.rotations), report) : [],
  cpu: only.has('cpu') ? await benchCpu(Number(values.batches), report) : [],
};
const all = [...results.imports, ...results.rotation, ...results.cpu];
console.log(`${all.filter(({ met }) => met).length} of ${all.length} bars met`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
