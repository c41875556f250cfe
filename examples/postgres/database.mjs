import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** PostgreSQL does not run as root: then it is nobody. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined;

/** The folder of the programs of PostgreSQL on this machine, or undefined. */
export function findPostgres() {
  const debian = '/usr/lib/postgresql';
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...(existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : []),
  ];
  return folders.find((folder) =>
    ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))),
  );
}

/**
 * Starts a new database that lets in nobody without a client certificate of our authority.
 *
 * @param {string} programs - see {@link findPostgres}.
 * @param {string} folder - for its data.
 * @param {{ certPem: string, keyPem: string }} svid - what it shows.
 * @param {string} bundlePem - the authorities that clients have to lead to.
 */
export async function startDatabase(programs, folder, svid, bundlePem) {
  await mkdir(folder, { mode: 0o700 });
  await own(folder);
  const data = join(folder, 'data');
  await run(join(programs, 'initdb'), ['-D', data, '-U', 'app', '--auth=trust', '--no-sync'], folder);
  /** @param {string} name @param {string} content */
  const file = async (name, content) => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    await own(path);
    return path;
  };
  const port = await freePort();
  const settings = {
    listen_addresses: 'localhost',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'off',
    hba_file: await file('hba.conf', 'hostssl all app localhost trust clientcert=verify-ca\n'),
    ssl: 'on',
    ssl_min_protocol_version: 'TLSv1.3',
    ssl_cert_file: await file('tls.crt', svid.certPem),
    ssl_key_file: await file('tls.key', svid.keyPem),
    ssl_ca_file: await file('ca.crt', bundlePem),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = join(folder, 'log');
  const child = start(join(programs, 'postgres'), ['-D', data, ...args], folder);
  const ended = once(child, 'exit');
  while (!readFileSync(log, 'utf8').includes('ready to accept connections')) {
    if (child.exitCode !== null) throw new Error(readFileSync(log, 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    port: String(port),
    async stop() {
      child.kill('SIGINT');
      await ended;
    },
  };
}

/** @param {string} path */
async function own(path) {
  await chmod(path, path.includes('.') ? 0o600 : 0o700);
  if (NOBODY !== undefined) await chown(path, NOBODY, NOBODY);
}

/** @param {string} command @param {string[]} args @param {string} folder */
async function run(command, args, folder) {
  const [code] = await once(start(command, args, folder), 'exit');
  if (code !== 0) throw new Error(readFileSync(join(folder, 'log'), 'utf8'));
}

/** @param {string} command @param {string[]} args @param {string} folder */
function start(command, args, folder) {
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    stdio: ['ignore', log, log],
    ...(NOBODY === undefined ? {} : { uid: NOBODY, gid: NOBODY }),
  });
  closeSync(log);
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}
