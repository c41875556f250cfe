import { createInterface } from 'node:readline';

import { PEER } from './pins.ts';
import { type Program } from './program.ts';
import { type SpireAgent } from './spire-agent.ts';
import { type Stage } from './stage.ts';

/** A program of go-spiffe as a workload of one local user. */
export class GoPeer {
  readonly #stage: Stage;
  readonly #command: string;
  readonly #agent: SpireAgent;
  readonly #uid: number;

  private constructor(stage: Stage, command: string, agent: SpireAgent, uid: number) {
    this.#stage = stage;
    this.#command = command;
    this.#agent = agent;
    this.#uid = uid;
  }

  static async of(stage: Stage, agent: SpireAgent, uid: number): Promise<GoPeer> {
    return new GoPeer(stage, await stage.programForAll(PEER), agent, uid);
  }

  /** Starts a server and gives `host:port`. */
  async serve(kind: 'serve-https' | 'serve-grpc', authorize: string): Promise<string> {
    const said = await this.#firstLine(this.#start([kind, '-authorize', authorize]));
    const { listening } = said;
    if (typeof listening !== 'string') throw new Error(`go-spiffe: ${JSON.stringify(said)}`);
    return listening;
  }

  /** Runs one command to its end and gives what it says: `error`, when it failed. */
  async run(args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    return this.#firstLine(this.#start(args));
  }

  #start(args: readonly string[]): Program {
    return this.#stage.start({
      name: this.#stage.name('peer'),
      command: this.#command,
      args,
      env: { SPIFFE_ENDPOINT_SOCKET: `unix://${this.#agent.socket}` },
      uid: this.#uid,
      piped: true,
    });
  }

  async #firstLine(program: Program): Promise<Readonly<Record<string, unknown>>> {
    for await (const line of createInterface(program.output)) {
      return JSON.parse(line) as Record<string, unknown>;
    }
    throw new Error('a program of go-spiffe ended and said nothing');
  }
}
