import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { createTestCa, kubeletWriter, mountFiles, type TestCa } from '@svidkit/testkit';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import {
  anyPeerOf,
  authorizeMemberOf,
  legacyDnsName,
  legacyIdentity,
  workloadIdentity,
  type WorkloadIdentityOptions,
} from '../src/index.ts';
import { temporaryDirectory } from './mounted-identity.ts';

const root = join(import.meta.dirname, '../../..');
const guide = readFileSync(join(root, 'docs/guides/migration.md'), 'utf8');
const [service = ''] = Array.from(guide.matchAll(/^```js\n(.*?)^```$/gms), (match) => match[1] ?? '');

let ca: TestCa;
let oldCa: TestCa;
beforeAll(async () => {
  ca = await createTestCa({ trustDomain: 'prod.example' });
  oldCa = await createTestCa({ trustDomain: 'corp.example', id: '' });
});

/** A mounted policy, written as kubelet does. */
function policyVolume(): { file: string; write: (policy: object) => Promise<unknown> } {
  const volume = kubeletWriter(join(temporaryDirectory(), 'policy'));
  return {
    file: join(volume.directory, 'policy.json'),
    write: (policy) => volume.write({ 'policy.json': JSON.stringify({ version: 1, ...policy }) }),
  };
}

async function mountOf(path: string): Promise<string> {
  const directory = join(temporaryDirectory(), 'mount');
  await kubeletWriter(directory, { fileMode: 0o400 }).write(mountFiles.secret(await ca.issue({ path }), ca));
  return directory;
}

async function identityOf(path: string, host: string, options: WorkloadIdentityOptions = {}) {
  const { certPem, keyPem } = await oldCa.issueLegacy({ dnsNames: [host] });
  const legacy = legacyIdentity({
    certificates: certPem,
    privateKey: keyPem,
    authorities: oldCa.bundlePem,
    clients: legacyDnsName('*.corp.example'),
  });
  const identity = await workloadIdentity({ directory: await mountOf(path), legacy, ...options });
  onTestFinished(() => identity.close());
  return identity;
}

/** An agent from before SPIFFE that takes whatever the server shows. */
async function legacyAgent(host: string): Promise<Agent> {
  const { certPem: cert, keyPem: key } = await oldCa.issueLegacy({ dnsNames: [host] });
  const agent = new Agent({ keepAlive: true, cert, key, rejectUnauthorized: false });
  onTestFinished(() => agent.destroy());
  return agent;
}

async function ask(port: number, agent: RequestOptions['agent']): Promise<string> {
  const asked = request({ host: 'localhost', family: 4, port, agent }).end();
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
  return text(response);
}

test('the service of docs/guides/migration.md greets both kinds of clients, and strangers of neither', async () => {
  const policy = policyVolume();
  await policy.write({ mode: 'permissive', prefer: 'legacy' });
  const directory = temporaryDirectory();
  const old = join(directory, 'tls');
  mkdirSync(old);
  const { certPem, keyPem } = await oldCa.issueLegacy({ dnsNames: ['localhost'] });
  writeFileSync(join(old, 'tls.crt'), certPem);
  writeFileSync(join(old, 'tls.key'), keyPem, { mode: 0o400 });
  writeFileSync(join(old, 'ca.crt'), oldCa.bundlePem);
  const code = service
    .replace('/etc/tls', old)
    .replace('/etc/policy/policy.json', policy.file)
    .replace('listen(8443)', "listen(0, '127.0.0.1', () => console.log(server.address().port))");
  const child = spawn(
    process.execPath,
    ['--conditions=@svidkit/source', '--input-type=module', `--eval=${code}`],
    {
      cwd: join(root, 'packages/svidkit'),
      env: { SPIFFE_CREDENTIAL_FOLDER: await mountOf('/server') },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const port = Number(line);
  const modern = await identityOf('/web', 'web.corp.example', { accept: 'permissive' });
  const agent = modern.createHttpsAgent({ authorize: authorizeMemberOf('prod.example') });

  expect(await ask(port, await legacyAgent('web.corp.example'))).toBe(
    'hello web.corp.example, please move\n',
  );
  expect(await ask(port, await legacyAgent('night.batch.corp.example'))).toBe(
    'hello night.batch.corp.example, please move\n',
  );
  expect(await ask(port, agent)).toBe('hello web.corp.example, please move\n');
  await expect(ask(port, await legacyAgent('other.corp.example'))).rejects.toThrow(/ECONNRESET|hang up/);

  await policy.write({ mode: 'permissive', prefer: 'spiffe' });
  let answer = await ask(port, agent);
  while (answer.includes('please move')) answer = await ask(port, agent);
  expect(answer).toBe('hello spiffe://prod.example/web\n');
});

test('a mounted policy goes to strict and back under load, and no request of an allowed client fails', async () => {
  const policy = policyVolume();
  await policy.write({ mode: 'permissive', prefer: 'legacy' });
  const shop = await identityOf('/shop', 'localhost', { policyFile: policy.file });
  const clientPolicy = policyVolume();
  await clientPolicy.write({ mode: 'permissive' });
  const web = await identityOf('/web', 'web.corp.example', { policyFile: clientPolicy.file });
  const server = shop.createHttpsServer(
    { authorize: authorizeMemberOf('prod.example'), maxFailuresPerAddress: 0 },
    (incoming, response) => response.end(anyPeerOf(incoming).kind),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const agent = web.createHttpsAgent({ authorize: authorizeMemberOf('prod.example') });
  const old = await legacyAgent('web.corp.example');

  const stop = new AbortController();
  const failures: unknown[] = [];
  let served = 0;
  const hooks = new Set<() => void>();
  const worker = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await ask(port, agent).catch((error: unknown) => failures.push(error));
      served += 1;
      for (const hook of hooks) hook();
    }
  };
  const workers = Promise.all(Array.from({ length: 4 }, worker));
  const more = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const until = served + count;
      const hook = (): void => {
        if (served < until) return;
        hooks.delete(hook);
        resolve();
      };
      hooks.add(hook);
    });
  /** Writes a policy, waits until it is in use, and lets the load go on. */
  const step = async (one: typeof policy, of: typeof shop, values: object): Promise<void> => {
    const changed = Promise.withResolvers<void>();
    const subscription = of.policy?.onUpdate(() => changed.resolve());
    await one.write(values);
    await changed.promise;
    subscription?.[Symbol.dispose]();
    await more(100);
  };

  await more(100);
  expect(await ask(port, old)).toBe('legacy');
  await step(policy, shop, { mode: 'permissive', prefer: 'spiffe' });
  await step(policy, shop, { mode: 'permissive', prefer: 'spiffe', dryRun: true });
  await step(policy, shop, { mode: 'strict' });
  await expect(ask(port, old)).rejects.toThrow(/ECONNRESET|hang up|EPIPE/);
  await step(clientPolicy, web, { mode: 'strict' });

  // What is broken changes nothing.
  const shopPolicy = shop.policy?.current;
  await policy.write({ mode: 'permissive', colour: 'red' });
  await more(100);
  expect(shop.policy?.current).toBe(shopPolicy);
  await expect(ask(port, old)).rejects.toThrow(/ECONNRESET|hang up|EPIPE/);

  await step(clientPolicy, web, { mode: 'permissive' });
  await step(policy, shop, { mode: 'permissive', prefer: 'spiffe' });
  expect(await ask(port, old)).toBe('legacy');
  await step(clientPolicy, web, { mode: 'permissive', prefer: 'legacy' });
  await step(policy, shop, { mode: 'permissive', prefer: 'legacy' });
  expect(await ask(port, old)).toBe('legacy');
  stop.abort();
  await workers;
  expect(failures).toEqual([]);
  expect(served).toBeGreaterThan(800);
});
