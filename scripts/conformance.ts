// `npm run conformance`: the kit's command from its sources. Without an adapter of its own, and without another command,
// it runs the cases against the reference adapter.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const node = [process.execPath, '--conditions=@svidkit/source'] as const;
const reference = [...node, join(root, 'interop/typescript/src/main.ts')];
const WITH_ADAPTER = ['run', 'doctor', 'flake', 'self-test', 'known'];

const given = process.argv.slice(2);
const [first = ''] = given;
const args = first === '' || (first.startsWith('-') && first !== '--help') ? ['run', ...given] : given;
const needsAdapter = WITH_ADAPTER.includes(args[0] ?? '') && !args.includes('--') && !args.includes('--help');

const [program, ...options] = node;
const { status, error } = spawnSync(
  program,
  [
    ...options,
    join(root, 'packages/conformance/src/bin.ts'),
    ...args,
    ...(needsAdapter ? ['--', ...reference] : []),
  ],
  { stdio: 'inherit' },
);
if (error) throw error;
process.exit(status ?? 4);
