// Packs every public package and checks the tarballs, not the work tree: publint, are-the-types-wrong, and one
// consumer that installs them, loads them by `import` and by `require`, and compiles against their types.
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const consumer = resolve('node_modules/.cache/test-packages');
const dependencies: Record<string, string> = {};
const overrides: Record<string, string> = {};
const entries: string[] = [];
const documents: string[] = [];
const commands: string[] = [];

rmSync(consumer, { recursive: true, force: true });
mkdirSync(consumer, { recursive: true });

for (const path of globSync('packages/*/package.json').toSorted()) {
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  const tarball = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
  run('pnpm', ['--dir', dirname(path), '--loglevel=warn', 'pack', '--pack-destination', consumer]);
  run('publint', ['--strict', join(consumer, tarball)]);
  run('attw', [join(consumer, tarball), '--profile=node16', '--ignore-rules=cjs-resolves-to-esm', '--quiet']);
  Object.assign(dependencies, manifest.peerDependencies);
  overrides[manifest.name] = `file:${tarball}`;
  for (const subpath of Object.keys(manifest.exports)) {
    if (subpath === './package.json') continue;
    (subpath.endsWith('.json') ? documents : entries).push(join(manifest.name, subpath));
  }
  commands.push(...Object.keys(manifest.bin ?? {}));
}
Object.assign(dependencies, overrides, { '@types/node': '*' });

write('package.json', { name: 'consumer', private: true, type: 'module', dependencies });
const allowBuilds = { protobufjs: false }; // Of @grpc/grpc-js; it works without.
write('pnpm-workspace.yaml', { packages: ['.'], overrides, allowBuilds, pmOnFail: 'ignore' });
write('tsconfig.json', {
  compilerOptions: {
    noEmit: true,
    strict: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
  },
});
write('esm.mts', entries.map((name, i) => `export * as package${i} from '${name}';`).join('\n'));
write('cjs.cts', entries.map((name, i) => `export import package${i} = require('${name}');`).join('\n'));

run('pnpm', ['--dir', consumer, 'install', '--prefer-offline', '--no-frozen-lockfile', '--loglevel=warn']);
for (const name of entries) {
  run(process.execPath, ['--input-type=module', '--eval', `await import('${name}')`], consumer);
  run(process.execPath, ['--input-type=commonjs', '--eval', `require('${name}')`], consumer);
}
for (const name of documents) {
  run(
    process.execPath,
    ['--eval', `JSON.parse(fs.readFileSync(require.resolve('${name}'), 'utf8'))`],
    consumer,
  );
}
for (const command of commands) run(join(consumer, 'node_modules/.bin', command), ['--help'], consumer);
run('tsc', ['--project', consumer]);
console.log(
  `${entries.length} entry points, ${documents.length} documents and ${commands.length} commands load and compile as published.`,
);

/** Writes `content` into the consumer: text as it is, anything else as JSON (which is YAML too). */
function write(file: string, content: unknown): void {
  writeFileSync(
    join(consumer, file),
    typeof content === 'string' ? content : JSON.stringify(content, null, 2),
  );
}

/** Runs a tool, showing what it prints; throws when it fails. */
function run(command: string, args: readonly string[], cwd: string = process.cwd()): void {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}
