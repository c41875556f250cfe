// The reference adapter: one JSON object per line in, one out. See docs/design/conformance-kit.md.
import { answer } from './answer.ts';
import { breakWith } from './mutants/break-with.ts';
import { closeAll } from './operations.ts';
import { options } from './options.ts';
import { type JsonObject } from './params.ts';
import { tell } from './tell.ts';
import { input } from './wire.ts';

if (options.mutant !== undefined) breakWith(options.mutant);
process.once('SIGTERM', () => process.exit(0));

// Not node:readline, which also ends lines at U+2028, and JSON may have that inside of a string.
let rest = Buffer.alloc(0);
for await (const chunk of input as AsyncIterable<Buffer>) {
  const lines = Buffer.concat([rest, chunk]).toString('latin1').split('\n');
  rest = Buffer.from(lines.pop() ?? '', 'latin1');
  for (const line of lines) void take(Buffer.from(line, 'latin1').toString('utf8'));
}
await closeAll();

async function take(line: string): Promise<void> {
  if (line.trim() === '') return;
  const call = JSON.parse(line) as JsonObject;
  tell({ id: call['id'], ...(await answer(call)) });
}
