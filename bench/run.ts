// `npm run bench -- [--json FILE] [--only NAME,...] [--batches N] [--rotations N] [--runs N] [--sources N]`
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { benchCpu, CPU_KEYS } from './cpu.ts';
import { benchImports } from './imports.ts';
import { benchRotation } from './rotation.ts';
import { benchSources } from './sources.ts';

/** What runs when nothing is chosen. */
const USUAL: readonly string[] = ['imports', 'rotation', ...CPU_KEYS];
const NAMES: readonly string[] = [...USUAL, 'cpu', 'sources'];

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    batches: { type: 'string', default: '151' },
    rotations: { type: 'string', default: '200' },
    runs: { type: 'string', default: '30' },
    sources: { type: 'string', default: '10000' },
    only: { type: 'string', default: USUAL.join(',') },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help === true) {
  console.log(`usage: npm run bench -- [--json FILE] [--only NAME,...] [--batches N] [--rotations N] [--runs N] [--sources N]

  --only       ${NAMES.join(', ')}
               (cpu: ${CPU_KEYS.join(', ')};
               sources takes some minutes, and runs only when it is named)
  --batches    of each CPU comparison (151)
  --rotations  to time (200)
  --runs       processes of each import (30)
  --sources    mounted in one process (10000)

Ratios are CPU of one process per operation against bare node:tls in the same run (same key type, group and context,
tickets off, verified by OpenSSL): medians of interleaved batches with their 95 % interval. A missed bar does not fail
the run: machines differ; the JSON says which were met.`);
  process.exit(0);
}
const only = new Set(values.only.split(',').flatMap((name) => (name === 'cpu' ? CPU_KEYS : [name])));
const unknown = [...only].filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; want ${NAMES.join(', ')}`);
  process.exit(2);
}
const report = (line: string): void => console.log(line);

console.log(`Node.js ${process.version}, ${process.platform} ${process.arch}`);
const results = {
  node: process.version,
  imports: only.has('imports') ? benchImports(Number(values.runs), report) : [],
  rotation: only.has('rotation') ? await benchRotation(Number(values.rotations), report) : [],
  cpu: await benchCpu(only, Number(values.batches), report),
  sources: only.has('sources') ? await benchSources(Number(values.sources), report) : [],
};
const all = [...results.imports, ...results.rotation, ...results.cpu, ...results.sources];
console.log(`${all.filter(({ met }) => met).length} of ${all.length} bars met`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
