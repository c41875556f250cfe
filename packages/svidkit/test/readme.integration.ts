import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import {
  createTestCa,
  createTestJwtAuthority,
  kubeletWriter,
  mountFiles,
  startFakeWorkloadApi,
  type TestCa,
} from '@svidkit/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';

import { type InspectReport } from '../src/index.ts';
import { temporaryDirectory } from './mounted-identity.ts';
import { runSvidkitHere } from './run-svidkit.ts';

const packageDirectory = join(import.meta.dirname, '..');
const readme = readFileSync(join(packageDirectory, 'README.md'), 'utf8');
const snippets = Array.from(readme.matchAll(/^```js\n(.*?)^```$/gms), (match) => match[1] ?? '');

async function mount(ca: TestCa, path: string): Promise<string> {
  const directory = temporaryDirectory();
  await kubeletWriter(directory, { fileMode: 0o400 }).write(mountFiles.secret(await ca.issue({ path }), ca));
  return directory;
}

/** Tells the parent the port of each server, once it listens: the snippets have nothing to say about that. */
const TELL_PORTS = `
  import { Server } from 'node:net';
  const { listen } = Server.prototype;
  Server.prototype.listen = function (...args) {
    this.once('listening', () => process.send(this.address().port));
    return listen.apply(this, args);
  };
`;

/** Runs a snippet as a program of its own. */
function run(index: number, env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@svidkit/source',
      `--import=data:text/javascript,${encodeURIComponent(TELL_PORTS)}`,
      '--input-type=module',
      `--eval=${snippets[index] ?? ''}`,
    ],
    { cwd: packageDirectory, env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function portOf(child: ChildProcess): Promise<number> {
  const abort = new AbortController();
  const { signal } = abort;
  const ended = once(child, 'exit', { signal }).then(([code]) =>
    Promise.reject(new Error(`it ended with ${code}`)),
  );
  try {
    const [port] = (await Promise.race([once(child, 'message', { signal }), ended])) as [number];
    return port;
  } finally {
    ended.catch(() => undefined);
    abort.abort();
  }
}

async function outputOf({ stdout }: ChildProcess): Promise<string> {
  return stdout === null ? '' : text(stdout);
}

describe('the README of svidkit', () => {
  test('has as many snippets as are run here', () => {
    expect(snippets).toHaveLength(5);
  });

  test('has a service and a client that greet each other, and a service that ends when told', async () => {
    const ca = await createTestCa({ trustDomain: 'prod.example' });
    const service = run(0, { SPIFFE_CREDENTIAL_FOLDER: await mount(ca, '/greeter'), PORT: '0' });
    const GREETER = `https://localhost:${await portOf(service)}`;
    const client = { SPIFFE_CREDENTIAL_FOLDER: await mount(ca, '/web'), GREETER };
    expect(await outputOf(run(1, client))).toBe(
      'hello spiffe://prod.example/web, I am spiffe://prod.example/greeter\n\n',
    );
    service.kill('SIGTERM');
    expect((await once(service, 'exit')) as unknown[]).toEqual([0, null]);
  });

  test('has options for drivers', async () => {
    const ca = await createTestCa({ trustDomain: 'prod.example' });
    expect(await outputOf(run(2, { SPIFFE_CREDENTIAL_FOLDER: await mount(ca, '/web') }))).toBe('true\n');
  });

  test('has tokens, of ours and of others', async () => {
    const authority = createTestJwtAuthority({ trustDomain: 'prod.example' });
    await using agent = await startFakeWorkloadApi();
    agent.fetchJwtBundles.send({ bundles: { 'spiffe://prod.example': Buffer.from(authority.jwks()) } });
    agent.fetchJwtSvid.send(({ audience }) => ({
      svids: [
        { spiffeId: 'spiffe://prod.example/web', svid: authority.issue({ subject: '/web', audience }) },
      ],
    }));
    const payments = createServer(({ headers }, response) => {
      response.end(String(headers.authorization?.startsWith('Bearer ')));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void payments.close());
    await once(payments, 'listening');
    const PAYMENTS = `http://127.0.0.1:${(payments.address() as AddressInfo).port}/`;
    expect(await outputOf(run(3, { SPIFFE_ENDPOINT_SOCKET: agent.address, PAYMENTS }))).toBe(
      'true\nspiffe://prod.example/web true\n',
    );
  });

  test('has a health check', async () => {
    const ca = await createTestCa({ trustDomain: 'prod.example' });
    const service = run(4, { SPIFFE_CREDENTIAL_FOLDER: await mount(ca, '/web'), HEALTH_PORT: '0' });
    const response = await fetch(`http://localhost:${await portOf(service)}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'fresh', problems: [] });
  });

  test('names every member of the JSON of inspect, and no other', async () => {
    const ca = await createTestCa({ trustDomain: 'prod.example' });
    const { stdout } = await runSvidkitHere(['inspect', '--json', await mount(ca, '/web')]);
    const report = JSON.parse(stdout) as InspectReport;
    const section = readme.slice(readme.indexOf('### The JSON'));
    const rows = new Map(
      Array.from(section.matchAll(/^\| (\S+) +\| (.*?) *\|$/gm), (row) => [row[1] ?? '', row[2] ?? '']),
    );
    const documented = (row: string): readonly string[] =>
      Array.from(
        (rows.get(row) ?? '').replaceAll(/\([^)]*\)|: .*/g, '').matchAll(/`(\w+)(?:\[\])?`/g),
        (match) => match[1] ?? '',
      );

    const top = [...rows.keys()]
      .filter((row) => row.startsWith('`'))
      .map((row) => row.replaceAll(/[`[\]]/g, ''));
    expect(top.toSorted()).toEqual(members(report));
    expect([...documented('certificates')].toSorted()).toEqual(members(report.identity?.chain[0]));
    expect([...documented('`identity`')].toSorted()).toEqual(members(report.identity));
    expect([...documented('`bundles[]`')].toSorted()).toEqual(members(report.bundles[0]));
    expect([...documented('`files[]`')].toSorted()).toEqual(members(report.files[0]));
    expect(members(report.layout)).toEqual(['name', 'updates', 'writer']);
    expect(members(report.searched[0])).toEqual(['directory', 'layout', 'problem']);
  });
});

function members(value: object | null | undefined): readonly string[] {
  return Object.keys(value ?? {}).toSorted();
}
