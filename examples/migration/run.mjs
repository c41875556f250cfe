// Moves a server and two clients from legacy certificates to SPIFFE and back, by nothing but the policy file that the
// server has mounted. Prints what happens; exits with 0 when it was what it should be.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createTestCa, kubeletWriter, mountFiles } from '@svidkit/testkit';

import { Program } from '../https/program.mjs';

const folder = await mkdtemp(join(tmpdir(), 'svidkit-migration-'));
/** @type {Program[]} */
const programs = [];
let surprises = 0;

try {
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  const legacyCa = await createTestCa({ trustDomain: 'corp.example', id: '' });
  // The DNS name is for the old client: it finds the server by its name, whatever the server shows.
  const serverSvid = await ca.issue({ path: '/server', extraNames: [{ type: 'dns', value: 'localhost' }] });
  const serverMount = kubeletWriter(join(folder, 'server'));
  const newMount = kubeletWriter(join(folder, 'new'));
  await serverMount.write(mountFiles.secret(serverSvid, ca));
  await newMount.write(mountFiles.secret(await ca.issue({ path: '/new' }), ca));
  const policyMount = kubeletWriter(join(folder, 'policy'));
  /** @param {object} values */
  const writePolicy = (values) =>
    policyMount.write({ 'policy.json': JSON.stringify({ version: 1, ...values }) });

  await writePolicy({ mode: 'permissive', prefer: 'legacy' });
  const server = start('server', 'server.mjs', serverMount.directory, [
    await legacyFiles('legacy-server', 'localhost'),
    join(policyMount.directory, 'policy.json'),
  ]);
  const port = (await server.line()).replace('listening on ', '');
  const old = start('old', 'old-client.mjs', folder, [
    port,
    await legacyFiles('legacy-old', 'old.corp.example'),
  ]);
  const modern = start('new', 'new-client.mjs', newMount.directory, [
    port,
    await legacyFiles('legacy-new', 'new.corp.example'),
  ]);
  check(await old.line(), 'ready');
  check(await modern.line(), 'ready');

  console.log('--- 1. as before: the server shows its legacy certificate, and knows both clients by theirs');
  await ask(old, ...asOld('old', 'legacy'));
  await ask(modern, ...asOld('new', 'legacy'));

  console.log('--- 2. the server shows its SVID: who has one, too, is known by it at once');
  await writePolicy({ mode: 'permissive', prefer: 'spiffe' });
  check(await server.line(), 'policy: permissive, spiffe first');
  await ask(old, ...asOld('old', 'spiffe'));
  await ask(modern, ...asModern('permissive'));

  console.log('--- 3. strict: whoever has not moved is out, at once');
  await writePolicy({ mode: 'strict' });
  check(await server.line(), 'policy: strict, spiffe first');
  await ask(old, 'refused', 'strict, showing spiffe: legacy client ? rejected');
  await ask(modern, ...asModern('strict'));

  console.log('--- a policy with a typing error changes nothing');
  await writePolicy({ mode: 'permisive' });
  check(await server.line(), 'ERR_POLICY_INVALID: the last good policy stays');
  await ask(old, 'refused', 'strict, showing spiffe: legacy client ? rejected');

  console.log('--- 4. and back, without a restart');
  await writePolicy({ mode: 'permissive', prefer: 'spiffe' });
  check(await server.line(), 'policy: permissive, spiffe first');
  await ask(old, ...asOld('old', 'spiffe'));
  await ask(modern, ...asModern('permissive'));

  server.child.kill('SIGTERM');
  old.child.stdin.end();
  modern.child.stdin.end();
  for (const { name, ended } of programs) {
    const [code, signal] = await ended;
    check(`${name} ended with ${String(code ?? signal)}`, `${name} ended with 0`);
  }

  /**
   * Has a client ask, and checks its answer and what the server says about the connection.
   *
   * @param {Program} client
   * @param {string} answer
   * @param {string} decision
   */
  async function ask(client, answer, decision) {
    client.write('question');
    check(await client.line(), `question: ${answer}`);
    check(await server.line(), decision);
  }

  /**
   * What a service had before SPIFFE: certificate, key and authority as files; and the authority of SPIFFE.
   *
   * @param {string} name
   * @param {string} host
   */
  async function legacyFiles(name, host) {
    const directory = join(folder, name);
    const { certPem, keyPem } = await legacyCa.issueLegacy({ dnsNames: [host] });
    await mkdir(directory);
    await Promise.all([
      writeFile(join(directory, 'tls.crt'), certPem),
      writeFile(join(directory, 'tls.key'), keyPem, { mode: 0o400 }),
      writeFile(join(directory, 'ca.crt'), legacyCa.bundlePem),
      writeFile(join(directory, 'spiffe-ca.crt'), ca.bundlePem),
    ]);
    return directory;
  }
} finally {
  for (const { child } of programs) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
}
console.log(surprises === 0 ? 'It worked.' : `${surprises} surprises.`);
process.exitCode = surprises === 0 ? 0 : 1;

/**
 * @param {string} name
 * @param {string} script
 * @param {string} directory
 * @param {string[]} args
 */
function start(name, script, directory, args) {
  const program = new Program(name, join('../migration', script), directory, args);
  programs.push(program);
  return program;
}

/**
 * @param {string} line
 * @param {string} wanted
 */
function check(line, wanted) {
  if (line === wanted) return;
  surprises += 1;
  console.log(`!!! wanted ${wanted}, got ${line}`);
}

/**
 * @param {string} name
 * @param {string} shown - what the server shows.
 * @returns {[string, string]}
 */
function asOld(name, shown) {
  const host = `${name}.corp.example`;
  return [`served as the old ${host}`, `permissive, showing ${shown}: legacy client ${host} accepted`];
}

/**
 * @param {string} mode
 * @returns {[string, string]}
 */
function asModern(mode) {
  const id = 'spiffe://prod.example/new';
  return [`served as ${id}`, `${mode}, showing spiffe: spiffe client ${id} accepted`];
}
