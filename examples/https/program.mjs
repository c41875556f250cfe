import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** One of the programs of this folder, as a process whose lines can be read. */
export class Program {
  /** @type {AsyncIterator<string, undefined>} */
  #lines;

  /**
   * @param {string} name - in front of each of its lines.
   * @param {string} script - its file.
   * @param {string} directory - where its identity is mounted.
   * @param {string[]} args
   */
  constructor(name, script, directory, args = []) {
    this.name = name;
    this.child = spawn(
      process.execPath,
      [...process.execArgv, resolve(import.meta.dirname, script), ...args],
      {
        env: { ...process.env, SPIFFE_CREDENTIAL_FOLDER: directory },
        stdio: ['pipe', 'pipe', 'inherit'],
        timeout: 50_000,
      },
    );
    /** @type {Promise<unknown[]>} */
    this.ended = once(this.child, 'exit');
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Shows and gives its next line. */
  async line() {
    const value = await this.#next();
    if (value === undefined) throw new Error(`${this.name} ended early`);
    return value;
  }

  /** Shows and gives its lines until it ends. */
  async rest() {
    const lines = [];
    for (let line = await this.#next(); line !== undefined; line = await this.#next()) lines.push(line);
    return lines;
  }

  async #next() {
    const { value } = await this.#lines.next();
    if (value !== undefined) console.log(`${this.name}: ${value}`);
    return value;
  }

  /** @param {string} line */
  write(line) {
    this.child.stdin.write(`${line}\n`);
  }
}
