import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createSecureContext, createServer, type SecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { type X509Context, type X509Source } from '@svidkit/core';
import { createTestCa, kubeletWriter, mountFiles, renameWriter, type TestCa } from '@svidkit/testkit';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { openMountedX509Source } from '../src/index.ts';
import { missing } from './capabilities.ts';
import { swapGeneration } from './swap-generation.ts';

const MODES = ['inotify', 'poll'] as const;
const CONDITIONS = ['--conditions=@svidkit/source'];
let ca: TestCa;

beforeAll(async () => {
  ca = await createTestCa({ trustDomain: 'prod.example' });
});

function program(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-mount-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function secret(path: string): Promise<Record<string, string>> {
  return mountFiles.secret(await ca.issue({ path }), ca);
}

async function opened(
  options: Parameters<typeof openMountedX509Source>[0],
): ReturnType<typeof openMountedX509Source> {
  const source = await openMountedX509Source({ env: {}, ...options });
  onTestFinished(() => source.close());
  return source;
}

const noNamespace = missing('user-namespace');
if (noNamespace !== undefined) process.stderr.write(`skipped: scenario 39 (real limit): ${noNamespace}\n`);
test.skipIf(noNamespace !== undefined)(
  'scenario 39 (inotify): polls when the limit of watches is used up, and watches again when it is raised',
  async () => {
    const args = ['--user', '--map-root-user', process.execPath, ...CONDITIONS, program('inotify-limit.ts')];
    const { stdout } = await promisify(execFile)('unshare', args);
    expect(stdout).toBe('done\n');
  },
);

for (const mode of MODES) {
  test(`scenario 43 (${mode}): a thousand rotations leave no descriptors, watches or listeners behind`, async () => {
    const directory = temporary();
    const payloads = [await secret('/even'), await secret('/odd')];
    const rotate = (index: number): void => swapGeneration(directory, payloads[index % 2] ?? {}, index);
    rotate(0);
    const source = await opened({ directory, watch: mode === 'inotify' });
    const rotateAndLook = async (from: number, to: number): Promise<void> => {
      for (let index = from; index < to; index++) {
        rotate(index);
        await source.check();
      }
      // Watches that were given up are closed by then.
      await new Promise((resolve) => setTimeout(resolve, 100));
    };
    await rotateAndLook(1, 50);
    const before = openResources();
    await rotateAndLook(50, 1_050);
    expect(source.current.generation).toBe(1_050);
    const after = openResources();
    expect(after.watches).toBe(before.watches);
    // Other parts of the test runner open and close some of their own.
    expect(Math.abs(after.descriptors - before.descriptors)).toBeLessThan(5);
    expect(process.listenerCount('exit')).toBeLessThan(20);
  });
}

function openResources(): { readonly descriptors: number; readonly watches: number } {
  const names = readdirSync('/proc/self/fd');
  const watches = names.flatMap((name) => {
    try {
      if (!readlinkSync(`/proc/self/fd/${name}`).includes('inotify')) return [];
      return readFileSync(`/proc/self/fdinfo/${name}`, 'utf8').match(/^inotify /gm) ?? [];
    } catch {
      return [];
    }
  });
  return { descriptors: names.length, watches: watches.length };
}

for (const mode of MODES) {
  test(`scenario 45 (${mode}): a child process, a cluster worker and a worker thread each follow the same mount`, async () => {
    const directory = temporary();
    const writer = kubeletWriter(directory, { fileMode: 0o440 });
    await writer.write(await secret('/0'));
    const file = program('report-identities.ts');
    const child = fork(file, [directory, mode], { execArgv: CONDITIONS });
    cluster.setupPrimary({ exec: file, args: [directory, mode], execArgv: CONDITIONS });
    const clusterWorker = cluster.fork();
    const thread = new Worker(file, { workerData: directory, argv: [mode], execArgv: CONDITIONS });
    const said = new Map<string, string[]>([
      ['child', []],
      ['cluster', []],
      ['thread', []],
    ]);
    const news = new EventEmitter();
    const listen = (name: string) => (id: unknown) => {
      said.get(name)?.push(String(id));
      news.emit('news');
    };
    child.on('message', listen('child'));
    clusterWorker.on('message', listen('cluster'));
    thread.on('message', listen('thread'));
    onTestFinished(async () => {
      await Promise.all([ended(child), ended(clusterWorker.process), thread.terminate()]);
    });
    for (const id of ['/0', '/1', '/2']) {
      if (id !== '/0') await writer.write(await secret(id));
      while ([...said.values()].some((ids) => ids.at(-1) !== id)) await once(news, 'news');
    }
    expect([...said.values()].map((ids) => ids.at(-1))).toEqual(['/2', '/2', '/2']);
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}

for (const mode of MODES) {
  test(`scenario 49 (${mode}): every handshake while the mount rotates uses a pair that belongs together`, async () => {
    const directory = temporary();
    const payloads = await Promise.all(Array.from({ length: 20 }, (_, index) => secret(`/${index}`)));
    swapGeneration(directory, payloads[0] ?? {}, 0);
    const source = await opened({ directory, watch: mode === 'inotify', pollIntervalMs: 20 });
    const server = createServer({
      requestCert: true,
      rejectUnauthorized: true,
      ...materials(source.current),
    });
    const serverErrors: unknown[] = [];
    server.on('tlsClientError', (error) => serverErrors.push(error));
    source.onUpdate((context) => {
      if (context !== undefined) server.setSecureContext(materials(context));
    });
    server.on('secureConnection', (socket) => socket.on('error', () => undefined).end('x'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;

    const rotation = { isGoingOn: true };
    const rotating = (async () => {
      for (let index = 1; index < 60; index++) {
        swapGeneration(directory, payloads[index % payloads.length] ?? {}, index);
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
      rotation.isGoingOn = false;
    })();
    const seen = new Set<string>();
    let count = 0;
    while (rotation.isGoingOn) {
      seen.add(await handshake(port, source));
      count++;
    }
    await rotating;
    expect(serverErrors).toEqual([]);
    expect(count).toBeGreaterThan(20);
    expect(seen.size).toBeGreaterThan(3);
  });
}

function materials({ svid, bundles }: X509Context): {
  cert: string;
  key: string;
  ca: string[];
  minVersion: 'TLSv1.3';
} {
  return {
    cert: svid.certificates.map((certificate) => certificate.toPem()).join(''),
    key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ca: bundles.require(svid.id.trustDomain).authorities.map((authority) => authority.toPem()),
    minVersion: 'TLSv1.3',
  };
}

/** Connects with what is current; gives the serial number of the server's certificate. */
async function handshake(port: number, source: X509Source): Promise<string> {
  const secureContext: SecureContext = createSecureContext(materials(source.current));
  const socket = connect({ port, host: '127.0.0.1', secureContext, checkServerIdentity: () => undefined });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.resume();
  await once(socket, 'close');
  return serialNumber;
}

for (const mode of MODES) {
  test(`scenario 42 (${mode}): goes on while the owner is set late, and takes the files when it is`, async () => {
    const directory = temporary();
    chmodSync(directory, 0o755);
    const mount = join(directory, 'mount');
    const nobody = process.geteuid?.() === 0 ? 65_534 : undefined;
    await renameWriter(mount, { fileMode: 0o644 }).write(await secret('/0'));
    const source = await opened({ directory: mount, watch: mode === 'inotify', pollIntervalMs: 50 });
    // Unreadable until the last step, as agents do that change owner and mode after the rename.
    const writer = renameWriter(mount, { fileMode: 0o000, lateMode: 0o644 });
    const rotation = writer.begin(await secret('/1'));
    await rotation.runTo('rename:tls.key');
    await asUser(nobody, () => source.check());
    expect(source.current.svid.id.path).toBe('/0');
    const { lastError } = source.health();
    expect(lastError).toMatchObject({ code: 'ERR_MOUNT_UNREADABLE', file: join(mount, 'tls.key') });
    expect(lastError?.hint).toContain('fsGroup');
    await rotation.finish();
    await asUser(nobody, () => source.check());
    expect(source.current.svid.id.path).toBe('/1');
  });
}

/** Does `act` as another user, where this process may change who it is. */
async function asUser<T>(user: number | undefined, act: () => Promise<T>): Promise<T> {
  if (user === undefined) return act();
  process.seteuid?.(user);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

/** Says whether chokidar is loaded: after the import, after opening without events, and with them. */
const WHEN_CHOKIDAR_LOADS = `
  import { registerHooks } from 'node:module';
  let isLoaded = false;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      isLoaded ||= specifier === 'chokidar';
      return nextResolve(specifier, context);
    },
  });
  const [directory] = process.argv.slice(1);
  const { openMountedX509Source } = await import(${JSON.stringify(program('../src/index.ts'))});
  const seen = [isLoaded];
  for (const watch of [false, true]) {
    await openMountedX509Source({ directory, env: {}, watch });
    seen.push(isLoaded);
  }
  console.log(seen.join());
`;

test('chokidar is loaded when a source first watches, and not before', async () => {
  const directory = temporary();
  await kubeletWriter(directory, { fileMode: 0o440 }).write(await secret('/0'));
  const args = [...CONDITIONS, '--input-type=module', '--eval', WHEN_CHOKIDAR_LOADS, directory];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe('false,false,true\n');
});

test('an open source does not keep the process alive', async () => {
  const directory = temporary();
  await kubeletWriter(directory, { fileMode: 0o440 }).write(await secret('/0'));
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...CONDITIONS,
    program('open-and-end.ts'),
    directory,
    '5000',
  ]);
  expect(stdout).toBe('/0\n');
});

test('scenario 47: a source that is being opened keeps the process alive until the time is over', async () => {
  const directory = temporary();
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...CONDITIONS,
    program('open-and-end.ts'),
    directory,
    '600',
  ]);
  expect(stdout).toBe('ERR_SOURCE_TIMEOUT true\n');
});

test('scenario 47: a source that is being opened ends with the first issuance', async () => {
  const directory = temporary();
  const child = spawn(process.execPath, [
    ...CONDITIONS,
    program('open-and-end.ts'),
    join(directory, 'late'),
    '60000',
  ]);
  const output = once(child.stdout, 'data');
  await once(child, 'spawn');
  mkdirSync(join(directory, 'late'));
  await kubeletWriter(join(directory, 'late'), { fileMode: 0o440 }).write(await secret('/late'));
  expect(String((await output)[0])).toBe('/late\n');
  await ended(child).catch(() => undefined);
});
