import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { createTestCa, kubeletWriter, mountFiles, type TestCa } from '@svidkit/testkit';
import { transform } from 'esbuild';
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { agentOf, ask, closeAll, closing } from './fixtures.ts';

afterEach(closeAll);

const packageDirectory = join(import.meta.dirname, '..');
const guide = readFileSync(join(packageDirectory, '../../docs/guides/http.md'), 'utf8');
const readme = readFileSync(join(packageDirectory, 'README.md'), 'utf8');

let ca: TestCa;
beforeAll(async () => {
  ca = await createTestCa({ trustDomain: 'prod.example' });
});

/** The programs in a section of the guide. */
function programs(heading: string): readonly { readonly code: string; readonly language: string }[] {
  const [, section = ''] = guide.split(`\n## ${heading}\n`);
  const [until = ''] = section.split('\n## ');
  return Array.from(until.matchAll(/^```(js|ts)\n(.*?)^```$/gms), ([, language = '', code = '']) => ({
    language,
    code,
  }));
}

/** Decorators have to be compiled away, as users of Nest do. */
async function toJavaScript({ code, language }: { code: string; language: string }): Promise<string> {
  if (language === 'js') return code;
  const compilerOptions = { experimentalDecorators: true };
  return (await transform(code, { loader: 'ts', tsconfigRaw: { compilerOptions } })).code;
}

async function mount(path: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await kubeletWriter(directory, { fileMode: 0o400 }).write(mountFiles.secret(await ca.issue({ path }), ca));
  return directory;
}

/** Tells us the port of the server once it listens: the programs have nothing to say about that. */
const TELL_PORT = `
  import { Server } from 'node:net';
  const { listen } = Server.prototype;
  Server.prototype.listen = function (...args) {
    this.once('listening', () => process.send(this.address().port));
    return listen.apply(this, args);
  };
`;

async function run(code: string, path: string, env: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@svidkit/source',
      `--import=data:text/javascript,${encodeURIComponent(TELL_PORT)}`,
      '--input-type=module',
      `--eval=${code}`,
    ],
    {
      cwd: packageDirectory,
      env: { SPIFFE_CREDENTIAL_FOLDER: await mount(path), PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function portOf(child: ChildProcess): Promise<number> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`it ended with ${code}`);
  });
  const [port] = (await Promise.race([once(child, 'message'), ended])) as [number];
  ended.catch(() => undefined);
  return port;
}

async function clientOf(path: string): Promise<ReturnType<typeof agentOf>> {
  return agentOf(closing(await ca.source({ path }), (source) => source.close()));
}

async function expectService(port: number): Promise<void> {
  const [billing, web] = [await clientOf('/billing'), await clientOf('/web')];
  expect(await ask(web, port, '/hello')).toMatchObject({
    status: 200,
    body: 'hello spiffe://prod.example/web\n',
  });
  expect(await ask(billing, port, '/refunds')).toMatchObject({
    status: 200,
    body: 'hello spiffe://prod.example/billing\n',
  });
  const refused = await ask(web, port, '/refunds');
  expect(refused.status).toBe(403);
  expect(JSON.parse(refused.body)).toMatchObject({ status: 403, code: 'ERR_PEER_UNAUTHORIZED' });
}

describe('the guide', () => {
  test('has as many programs as are run here', () => {
    expect(guide.match(/^```(?!sh\n)\w+$/gm)).toHaveLength(9);
  });

  test.each(['Express', 'Fastify', 'Koa', 'Hono', 'Nest'])('has a service on %s', async (framework) => {
    const [program] = programs(framework);
    const child = await run(await toJavaScript(program ?? { code: '', language: 'js' }), '/greeter');
    await expectService(await portOf(child));
  });

  test('has a service without a framework, which says whom it refused', async () => {
    const [program] = programs('Without a framework');
    const child = await run(program?.code ?? '', '/greeter');
    const said = child.stdout === null ? [] : once(child.stdout, 'data');
    await expectService(await portOf(child));
    expect(String((await said)[0])).toBe(
      'GET /refunds by spiffe://prod.example/web: ERR_PEER_UNAUTHORIZED\n',
    );
  });

  test('has WebSockets, and a client for them', async () => {
    const [server, client] = programs('WebSockets with ws');
    const port = await portOf(await run(server?.code ?? '', '/greeter'));
    const EVENTS = `wss://127.0.0.1:${port}`;
    const { stdout } = await run(client?.code ?? '', '/billing', { EVENTS });
    expect(stdout === null ? '' : await text(stdout)).toBe('hello spiffe://prod.example/billing\n\n');
  });

  test('has a service behind a proxy', async () => {
    const [program] = programs('Behind a proxy');
    const port = await portOf(await run(program?.code ?? '', '/greeter'));
    const headers = {
      'x-forwarded-client-cert': 'By=spiffe://prod.example/gateway;URI=spiffe://prod.example/web',
    };
    const gateway = await clientOf('/gateway');
    expect(await ask(gateway, port, '/', { headers })).toMatchObject({
      status: 200,
      body: 'hello spiffe://prod.example/web, by way of spiffe://prod.example/gateway\n',
    });
    expect(await ask(gateway, port, '/')).toMatchObject({ status: 401 });
  });
});

describe('the README', () => {
  const snippets = Array.from(readme.matchAll(/^```js\n(.*?)^```$/gms), ([, code = '']) => code);

  test('has as many programs as are run here', () => {
    expect(snippets).toHaveLength(2);
  });

  test('has a service', async () => {
    await expectService(await portOf(await run(snippets[0] ?? '', '/greeter')));
  });

  test('has WebSockets by token', async () => {
    const { stdout } = await run(snippets[1] ?? '', '/greeter');
    expect(stdout === null ? '' : await text(stdout)).toBe('hello spiffe://prod.example/web\n401 Bearer\n');
  });
});
