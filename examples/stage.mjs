// What the examples are played on: an authority, mounts as kubelet writes them, and programs that use them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { createTestCa, kubeletWriter, mountFiles } from '@svidkit/testkit';

import { Program } from './https/program.mjs';

/**
 * Runs an example, and sets the exit code: 0 when everything was what it should be.
 *
 * @param {string} folder - of the example.
 * @param {(stage: Stage) => Promise<void>} act
 */
export async function play(folder, act) {
  const root = await mkdtemp(join(tmpdir(), 'svidkit-example-'));
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  // An authority of the same name that nobody trusts.
  const forger = await createTestCa({ trustDomain: 'prod.example' });
  const stage = new Stage(folder, root, ca, forger);
  try {
    await act(stage);
  } finally {
    stage.kill();
    await rm(root, { recursive: true });
  }
  console.log(stage.surprises === 0 ? 'It worked.' : `${stage.surprises} surprises.`);
  process.exitCode = stage.surprises === 0 ? 0 : 1;
}

/** An identity in a folder, as a platform mounts it. */
class Mount {
  #writer;
  #issue;

  /**
   * @param {string} directory
   * @param {() => Promise<Parameters<typeof mountFiles.secret>[0]>} issue
   * @param {Parameters<typeof mountFiles.secret>[1]} bundle
   */
  constructor(directory, issue, bundle) {
    this.directory = directory;
    this.#writer = kubeletWriter(directory);
    this.#issue = issue;
    this.bundle = bundle;
  }

  /** Writes the next SVID. */
  async renew() {
    await this.#writer.write(mountFiles.secret(await this.#issue(), this.bundle));
  }
}

/** See {@link play}. */
export class Stage {
  #folder;
  #root;
  #forger;
  /** @type {Program[]} */
  #programs = [];
  surprises = 0;

  /**
   * @param {string} folder
   * @param {string} root
   * @param {Awaited<ReturnType<typeof createTestCa>>} ca
   * @param {Awaited<ReturnType<typeof createTestCa>>} forger
   */
  constructor(folder, root, ca, forger) {
    this.#folder = folder;
    this.#root = root;
    this.#forger = forger;
    this.ca = ca;
  }

  /** A folder for what an example needs besides mounts. */
  get root() {
    return this.#root;
  }

  /**
   * Mounts an identity of prod.example.
   *
   * @param {string} name - of the folder.
   * @param {string} path - of the SPIFFE ID.
   */
  async mount(name, path = `/${name}`) {
    const mount = new Mount(join(this.#root, name), () => this.ca.issue({ path }), this.ca);
    await mount.renew();
    return mount;
  }

  /**
   * Mounts a forged identity: of the same name, from the other authority.
   *
   * @param {string} path - of the SPIFFE ID.
   */
  async mountForged(path) {
    const mount = new Mount(join(this.#root, 'stranger'), () => this.#forger.issue({ path }), this.ca);
    await mount.renew();
    return mount;
  }

  /**
   * Starts a program.
   *
   * @param {string} name - in front of each of its lines.
   * @param {string} script - relative to the folder of the example.
   * @param {Mount} mount - its identity.
   * @param {string[]} args
   */
  start(name, script, mount, ...args) {
    const program = new Program(name, resolve(this.#folder, script), mount.directory, args);
    this.#programs.push(program);
    return program;
  }

  /**
   * Starts a server, and waits for its port.
   *
   * @param {Parameters<Stage['start']>} args
   * @returns {Promise<[server: Program, port: string]>}
   */
  async startServer(...args) {
    const server = this.start(...args);
    const line = await server.line();
    this.check(line, /^listening on \d+$/);
    return [server, line.replace('listening on ', '')];
  }

  /**
   * Has a client do something, and looks at what it prints.
   *
   * @param {Program} client
   * @param {string} input - a line.
   * @param {string | RegExp} wanted
   */
  async say(client, input, wanted) {
    client.write(input);
    this.check(await client.line(), wanted);
  }

  /**
   * Renews identities, and waits until their programs have noticed.
   *
   * @param {(readonly [Mount, Program])[]} all
   */
  async renew(...all) {
    console.log('--- the platform renews the identities');
    for (const [mount, program] of all) {
      await mount.renew();
      this.check(await program.line(), 'identity renewed');
    }
  }

  /** Ends all programs: clients by the end of their input, servers by SIGTERM. @param {Program[]} servers */
  async end(...servers) {
    console.log('--- the end');
    const clients = this.#programs.filter((program) => !servers.includes(program));
    for (const { child } of clients) child.stdin.end();
    for (const { name, ended } of clients) this.#checkEnd(name, await ended);
    for (const { child, name, ended } of servers) {
      child.kill('SIGTERM');
      this.#checkEnd(name, await ended);
    }
  }

  /**
   * @param {string} line
   * @param {string | RegExp} wanted
   */
  check(line, wanted) {
    if (typeof wanted === 'string' ? line === wanted : wanted.test(line)) return;
    this.surprises += 1;
    console.log(`!!! wanted ${wanted}, got ${line}`);
  }

  kill() {
    for (const { child } of this.#programs) child.kill('SIGKILL');
  }

  /**
   * @param {string} name
   * @param {unknown[]} how
   */
  #checkEnd(name, [code, signal]) {
    this.check(`${name} ended with ${String(code ?? signal)}`, `${name} ended with 0`);
  }
}
