import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { expect, onTestFinished, test } from 'vitest';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');

test('the generated messages are what the generator makes of the protocol', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'svidkit-gen-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const template = (await readFile(join(root, 'proto/buf.gen.yaml'), 'utf8'))
    .replace('directory: proto', `directory: ${join(root, 'proto')}`)
    .replace('local: protoc-gen-es', `local: ${join(root, 'node_modules/.bin/protoc-gen-es')}`)
    .replace('out: src/gen', `out: ${folder}`);
  await writeFile(join(folder, 'buf.gen.yaml'), template);
  await run(join(root, 'node_modules/.bin/buf'), ['generate', '--template', join(folder, 'buf.gen.yaml')], {
    cwd: folder,
  });
  const committed = join(root, 'src/gen');
  const files = ['broker_pb.ts', 'rpc-status_pb.ts', 'workload_pb.ts'];
  expect((await readdir(committed)).toSorted()).toEqual(files);
  for (const file of files) {
    expect(await readFile(join(committed, file), 'utf8')).toBe(await readFile(join(folder, file), 'utf8'));
  }
});
