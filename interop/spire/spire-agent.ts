import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { SPIRE_AGENT } from './pins.ts';
import { listens, type Program, tail } from './program.ts';
import { type SpireServer } from './spire-server.ts';

/** How an agent shows which node it is on. */
export interface NodeAttestation {
  /** What comes into `plugins { }`. */
  readonly plugin: string;
  /** More arguments of its first start. */
  readonly args?: readonly string[];
  /** The SPIFFE ID that the agent gets. */
  readonly agentId: string;
}

/** Options of {@link SpireAgent.start}. */
export interface SpireAgentOptions {
  /** Whether it tries again for a minute while its server is away, as is the default of SPIRE. @default false */
  readonly patient?: boolean;
}

/** A SPIRE agent, whose state survives a restart. */
export class SpireAgent {
  /** Its SPIFFE ID: the parent of entries. */
  readonly id: string;
  /** The path of the Workload API. */
  readonly socket: string;
  readonly #server: SpireServer;
  readonly #name: string;
  readonly #binary: string;
  readonly #args: readonly string[];
  #program: Program | undefined;

  private constructor(
    server: SpireServer,
    where: { name: string; binary: string; socket: string; id: string; args: readonly string[] },
  ) {
    this.#server = server;
    this.#name = where.name;
    this.#binary = where.binary;
    this.#args = where.args;
    this.id = where.id;
    this.socket = where.socket;
  }

  /** Starts one with a join token, or as it is told, and waits until it serves the Workload API. */
  static async start(
    server: SpireServer,
    attestation?: NodeAttestation,
    options?: SpireAgentOptions,
  ): Promise<SpireAgent> {
    const agent = await SpireAgent.prepare(server, attestation, options);
    await agent.restart();
    return agent;
  }

  /** Prepares one that is not started yet. */
  static async prepare(
    server: SpireServer,
    given?: NodeAttestation,
    { patient = false }: SpireAgentOptions = {},
  ): Promise<SpireAgent> {
    const { stage } = server;
    const attestation = given ?? (await joinToken(server));
    const binary = await stage.program(SPIRE_AGENT);
    const name = stage.name('agent');
    const folder = await stage.makeFolder(name);
    const [socket, config] = [join(folder, 'api.sock'), join(folder, 'agent.conf')];
    const bundle = join(folder, 'bootstrap.pem');
    await writeFile(bundle, await server.bundle());
    await writeFile(
      config,
      `agent {
  trust_domain = "${server.trustDomain}"
  server_address = "127.0.0.1"
  server_port = "${server.port}"
  trust_bundle_path = "${bundle}"
  socket_path = "${socket}"
  data_dir = "${folder}"
  log_level = "DEBUG"
${patient ? '' : '  retry_bootstrap = false'}
  experimental { sync_interval = "1s" }
}
plugins {
  KeyManager "disk" { plugin_data { directory = "${folder}" } }
  WorkloadAttestor "unix" { plugin_data {} }
${attestation.plugin}
}
`,
    );
    const args = ['run', '-config', config, ...(attestation.args ?? [])];
    return new SpireAgent(server, { name, binary, socket, id: attestation.agentId, args });
  }

  /** Starts it again with the state it had. */
  async restart(limitMs?: number): Promise<void> {
    this.launch();
    await this.ready(limitMs);
  }

  /** Starts it, again or for the first time, and waits for nothing. */
  launch(): void {
    this.#program = this.#server.stage.start({ name: this.#name, command: this.#binary, args: this.#args });
  }

  /** Waits until it serves. */
  async ready(limitMs?: number): Promise<void> {
    await this.#program?.ready(
      'the SPIRE agent serves the Workload API',
      () => listens(this.socket),
      limitMs,
    );
  }

  /** Whether it serves. */
  serves(): Promise<boolean> {
    return listens(this.socket);
  }

  /** Halts it: it takes connections, by way of the operating system, and says nothing. */
  freeze(): void {
    this.#program?.freeze();
  }

  thaw(): void {
    this.#program?.thaw();
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  /** The last that it said. */
  log(lines?: number): Promise<string> {
    return tail(join(this.#server.stage.folder, `${this.#name}.log`), lines);
  }
}

/** A token of the server, good once. */
async function joinToken(server: SpireServer): Promise<NodeAttestation> {
  const { value } = (await server.ask(['token', 'generate'])) as { readonly value: string };
  return {
    plugin: '  NodeAttestor "join_token" { plugin_data {} }',
    args: ['-joinToken', value],
    agentId: server.id(`/spire/agent/join_token/${value}`),
  };
}
