import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from '../drivers/server.ts';
import { SPIRE_SERVER } from './pins.ts';
import { type Program } from './program.ts';
import { type Stage } from './stage.ts';

const run = promisify(execFile);

/** Options of {@link SpireServer.start}. */
export interface SpireServerOptions {
  /** @default 'interop.test' */
  readonly trustDomain?: string;
  /** What its bundle endpoint is like: inside of `bundle_endpoint { }`. Default: none. */
  readonly bundleEndpoint?: string;
  /** More configuration inside of `plugins { }`. */
  readonly plugins?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A registration entry. */
export interface Entry {
  /** The path of its SPIFFE ID. */
  readonly path: string;
  /** The agent. */
  readonly parentId: string;
  /** The local user whose processes get it. */
  readonly uid: number;
  /** Their group. Default: any. */
  readonly gid?: number;
  /** Seconds. @default 20 */
  readonly ttl?: number;
  /** Names of trust domains whose bundles it gets too. */
  readonly federatesWith?: readonly string[];
  /** @default none */
  readonly hint?: string;
  /** Its number, by whose order agents order identities. Default: the server makes one. */
  readonly entryId?: string;
}

interface Place {
  readonly name: string;
  readonly binary: string;
  readonly trustDomain: string;
  readonly port: number;
  readonly bundlePort: number;
  readonly socket: string;
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A SPIRE server on the loopback, whose state survives a restart. */
export class SpireServer {
  readonly trustDomain: string;
  readonly port: number;
  /** Where its bundle endpoint listens, if it has one. */
  readonly bundlePort: number;
  readonly stage: Stage;
  readonly #binary: string;
  readonly #name: string;
  readonly #socket: string;
  readonly #config: string;
  readonly #env: Readonly<Record<string, string>>;
  #program: Program | undefined;

  private constructor(stage: Stage, where: Place) {
    this.stage = stage;
    this.trustDomain = where.trustDomain;
    this.port = where.port;
    this.bundlePort = where.bundlePort;
    this.#name = where.name;
    this.#binary = where.binary;
    this.#socket = where.socket;
    this.#config = where.config;
    this.#env = where.env;
  }

  /** Starts one and waits until it is ready. */
  static async start(stage: Stage, options: SpireServerOptions = {}): Promise<SpireServer> {
    const { trustDomain = 'interop.test', bundleEndpoint, plugins = '', env = {} } = options;
    const binary = await stage.program(SPIRE_SERVER);
    const name = stage.name('server');
    const folder = await stage.makeFolder(name);
    const [port, bundlePort] = [await freePort(), await freePort()];
    const [socket, config] = [join(folder, 'api.sock'), join(folder, 'server.conf')];
    const endpoint =
      bundleEndpoint === undefined
        ? ''
        : `  federation {
    bundle_endpoint { address = "127.0.0.1" port = ${bundlePort}
      ${bundleEndpoint}
    }
  }`;
    await writeFile(
      config,
      `server {
  trust_domain = "${trustDomain}"
  bind_address = "127.0.0.1"
  bind_port = "${port}"
  socket_path = "${socket}"
  data_dir = "${folder}"
  log_level = "DEBUG"
  default_x509_svid_ttl = "1h"
  ratelimit { attestation = false signing = false }
  experimental { cache_reload_interval = "1s" }
${endpoint}
}
plugins {
  DataStore "sql" {
    plugin_data { database_type = "sqlite3" connection_string = "${join(folder, 'data.sqlite3')}" }
  }
  KeyManager "disk" { plugin_data { keys_path = "${join(folder, 'keys.json')}" } }
  NodeAttestor "join_token" { plugin_data {} }
${plugins}
}
`,
    );
    const made = new SpireServer(stage, { name, binary, trustDomain, port, bundlePort, socket, config, env });
    await made.restart();
    return made;
  }

  /** Starts it again with the state it had. */
  async restart(): Promise<void> {
    this.#program = this.stage.start({
      name: this.#name,
      command: this.#binary,
      args: ['run', '-config', this.#config],
      env: this.#env,
    });
    await this.#program.ready(`the SPIRE server of ${this.trustDomain} is ready`, () =>
      this.command(['healthcheck']).then(
        () => true,
        () => false,
      ),
    );
  }

  /** Stops it; its state stays. */
  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  /** Runs one of its commands and gives what that says. */
  async command(args: readonly string[]): Promise<string> {
    const { stdout } = await run(this.#binary, [...args, '-socketPath', this.#socket]);
    return stdout;
  }

  /** Runs one of its commands and gives the JSON that it says. */
  async ask(args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.command([...args, '-output', 'json'])) as unknown;
  }

  /** Its bundle: PEM, or as a SPIFFE bundle document. */
  async bundle(format: 'pem' | 'spiffe' = 'pem'): Promise<string> {
    return this.command(['bundle', 'show', '-format', format]);
  }

  /** Makes a registration entry and gives its number. */
  async createEntry(entry: Entry): Promise<string> {
    return this.#writeEntry('create', entry, entry.entryId);
  }

  /** Replaces a registration entry, whole. */
  async updateEntry(id: string, entry: Entry): Promise<void> {
    await this.#writeEntry('update', entry, id);
  }

  async #writeEntry(how: 'create' | 'update', entry: Entry, entryId: string | undefined): Promise<string> {
    const { path, parentId, uid, gid, ttl = 20, federatesWith = [], hint } = entry;
    const answer = (await this.ask([
      'entry',
      how,
      `-spiffeID=${this.id(path)}`,
      `-parentID=${parentId}`,
      `-selector=unix:uid:${uid}`,
      ...(gid === undefined ? [] : [`-selector=unix:gid:${gid}`]),
      `-x509SVIDTTL=${ttl}`,
      `-jwtSVIDTTL=${ttl}`,
      ...federatesWith.map((name) => `-federatesWith=spiffe://${name}`),
      ...(hint === undefined ? [] : [`-hint=${hint}`]),
      ...(entryId === undefined ? [] : [`-entryID=${entryId}`]),
    ])) as { readonly results: readonly { readonly entry?: { readonly id: string } }[] };
    const id = answer.results[0]?.entry?.id;
    if (id === undefined) throw new Error(`no entry came of ${how}: ${JSON.stringify(answer)}`);
    return id;
  }

  /** Removes a registration entry. */
  async deleteEntry(id: string): Promise<void> {
    await this.command(['entry', 'delete', '-entryID', id]);
  }

  /** Does something with its authorities and gives what it says. */
  authorities(args: readonly string[], kind: 'x509' | 'jwt' = 'x509'): Promise<unknown> {
    return this.ask(['localauthority', kind, ...args]);
  }

  /** The number of one of its authorities. */
  async authorityId(which: 'active' | 'prepared' | 'old', kind: 'x509' | 'jwt' = 'x509'): Promise<string> {
    const states = (await this.authorities(['show'], kind)) as Record<
      string,
      { authority_id?: string } | undefined
    >;
    const id = states[which]?.authority_id;
    if (id === undefined) throw new Error(`no ${which} authority: ${JSON.stringify(states)}`);
    return id;
  }

  /** A SPIFFE ID of its trust domain. */
  id(path: string): string {
    return `spiffe://${this.trustDomain}${path}`;
  }
}
