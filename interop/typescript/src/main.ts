// The reference adapter: one JSON object per line in, one out. See docs/design/conformance-kit.md.
import { answer } from './answer.ts';
import { type JsonObject } from './params.ts';

process.once('SIGTERM', () => process.exit(0));

// Not node:readline, which also ends lines at U+2028, and JSON may have that inside of a string.
let rest = Buffer.alloc(0);
for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
  const lines = Buffer.concat([rest, chunk]).toString('latin1').split('\n');
  rest = Buffer.from(lines.pop() ?? '', 'latin1');
  for (const line of lines) take(Buffer.from(line, 'latin1').toString('utf8'));
}

function take(line: string): void {
  if (line.trim() === '') return;
  const call = JSON.parse(line) as JsonObject;
  process.stdout.write(`${JSON.stringify({ id: call['id'], ...answer(call) })}\n`);
}
