// Runs the shop and two clients, each a process with a mounted identity of its own, and renews the identities in
// between. Prints what happens; exits with 0 when it was what it should be.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createTestCa, kubeletWriter, mountFiles } from '@svidkit/testkit';

import { Program } from './program.mjs';

const folder = await mkdtemp(join(tmpdir(), 'svidkit-https-'));
/** @type {Program[]} */
const programs = [];
let surprises = 0;

try {
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  // A CA of the same name that nobody trusts.
  const otherCa = await createTestCa({ trustDomain: 'prod.example' });
  const shopMount = kubeletWriter(join(folder, 'shop'));
  const webMount = kubeletWriter(join(folder, 'web'));
  const strangerMount = kubeletWriter(join(folder, 'stranger'));
  // Whom to trust, everyone is told the same.
  await shopMount.write(mountFiles.secret(await ca.issue({ path: '/shop' }), ca));
  await webMount.write(mountFiles.secret(await ca.issue({ path: '/web' }), ca));
  await strangerMount.write(mountFiles.secret(await otherCa.issue({ path: '/web' }), ca));

  const shop = start('shop', 'server.mjs', shopMount.directory);
  const port = (await shop.line()).replace('listening on ', '');
  const web = start('web', 'client.mjs', webMount.directory, port);
  check(await web.line(), 'ready as spiffe://prod.example/web');
  const stranger = start('stranger', 'client.mjs', strangerMount.directory, port);
  check(await stranger.line(), 'ready as spiffe://prod.example/web');

  web.write('first order');
  check(await web.line(), 'first order: 200 order of spiffe://prod.example/web taken');
  stranger.write('forged order');
  check(await stranger.line(), /^forged order: no order, /);

  console.log('--- the platform renews both identities');
  await shopMount.write(mountFiles.secret(await ca.issue({ path: '/shop' }), ca));
  await webMount.write(mountFiles.secret(await ca.issue({ path: '/web' }), ca));
  check(await shop.line(), 'identity renewed');
  check(await web.line(), 'identity renewed');
  web.write('second order');
  check(await web.line(), 'second order: 200 order of spiffe://prod.example/web taken');

  console.log('--- the shop is told to end');
  shop.child.kill('SIGTERM');
  check(await shop.line(), 'every request was answered');
  web.child.stdin.end();
  stranger.child.stdin.end();
  for (const { name, ended } of programs) {
    const [code, signal] = await ended;
    check(`${name} ended with ${String(code ?? signal)}`, `${name} ended with 0`);
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
function start(name, script, directory, ...args) {
  const program = new Program(name, script, directory, args);
  programs.push(program);
  return program;
}

/**
 * @param {string} line
 * @param {string | RegExp} wanted
 */
function check(line, wanted) {
  if (typeof wanted === 'string' ? line === wanted : wanted.test(line)) return;
  surprises += 1;
  console.log(`!!! wanted ${wanted}, got ${line}`);
}
