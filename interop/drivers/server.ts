import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

import { type Preface } from './preface.ts';
import { type Identity } from './tap.ts';

/** What a server is started with. */
export interface ServerSetting {
  /** A folder of its own. */
  readonly folder: string;
  /** Where the server is to listen. */
  readonly port: number;
  /** Where the tap in front of it is: a server that tells its clients where it is needs to know. */
  readonly tapPort: number;
  /** Its SVID. */
  readonly identity: Identity;
  /** PEM of the authorities that client certificates must lead to. */
  readonly authorities: string;
  /** The SPIFFE ID of its one client. */
  readonly clientId: string;
}

/** How to have one kind of server. */
export interface ServerKind {
  readonly name: string;
  /** As pinned. */
  readonly version: string;
  readonly preface: Preface;
  /** How it was told to require certificates of clients. */
  readonly configured: string;
  /** Starts it, ready for {@link USER} and {@link PASSWORD}. */
  start(setting: ServerSetting): Promise<RunningServer>;
}

/** A server that runs. */
export interface RunningServer {
  /** Where a tap reaches it. Default: where all do. */
  readonly portForTap?: number;
  stop(): Promise<void>;
}

export const USER = 'app';
export const PASSWORD = 'correct-horse-battery';

/** Servers run as nobody where this process is root: some refuse to be root. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined;
const START_TIMEOUT_MS = 60_000;

/** How {@link runServer} runs a server. */
export interface RunOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it will listen. Absent: it is a tool that ends by itself. */
  readonly port?: number;
  readonly input?: string;
}

/** Makes a folder that the server may write. */
export async function serverFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o700);
  if (NOBODY !== undefined) await chown(path, NOBODY, NOBODY);
  return path;
}

/** Writes a file that the server alone may read. */
export async function serverFile(path: string, content: string): Promise<string> {
  await writeFile(path, content, { mode: 0o600 });
  if (NOBODY !== undefined) await chown(path, NOBODY, NOBODY);
  return path;
}

/** Writes what a server shows and whom it trusts. Gives the paths. */
export async function tlsFiles(
  folder: string,
  { identity, authorities }: Pick<ServerSetting, 'identity' | 'authorities'>,
): Promise<{ readonly cert: string; readonly key: string; readonly ca: string }> {
  return {
    cert: await serverFile(join(folder, 'tls.crt'), identity.certPem),
    key: await serverFile(join(folder, 'tls.key'), identity.keyPem),
    ca: await serverFile(join(folder, 'ca.crt'), authorities),
  };
}

/** Starts a server and waits until it listens; it ends with this process. */
export async function runServer(options: RunOptions & { readonly port: number }): Promise<RunningServer> {
  const child = start(options);
  const exited = once(child, 'exit');
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await listens(options.port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${options.command} did not start:\n${tail(options.folder)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Runs a tool of a server to its end. */
export async function runTool(options: RunOptions): Promise<void> {
  const child = start(options);
  child.stdin?.end(options.input ?? '');
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${options.command} ended with ${code}:\n${tail(options.folder)}`);
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function start({ command, args, folder, env = {} }: RunOptions): ChildProcess {
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, LC_ALL: 'C.UTF-8', ...env },
    stdio: ['pipe', log, log],
    ...(NOBODY === undefined ? {} : { uid: NOBODY, gid: NOBODY }),
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  child.on('error', () => {});
  return child;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function tail(folder: string): string {
  return readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(-15).join('\n');
}
