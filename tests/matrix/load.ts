import { type X509Source } from '@svidkit/core';

import { closing } from '../../packages/tls/test/fixtures.ts';
import { type Answer, type Client } from './transport.ts';

/** How many other answers show that the wanted ones will not come. */
const TOO_MANY = 5_000;

/** Several who ask one after the other, as long as it goes on. */
export class Load {
  readonly failures: unknown[] = [];
  answers = 0;
  readonly #client: Client;
  readonly #source: X509Source;
  readonly #generations = new Map<string, number>();
  readonly #askers: Promise<void>[];
  #stopped = false;
  #watchers: ((answer: Answer | undefined) => void)[] = [];

  constructor(client: Client, source: X509Source, width = 8) {
    this.#client = client;
    this.#source = source;
    this.#note();
    const following = source.onUpdate(() => this.#note());
    this.#askers = Array.from({ length: width }, () => this.#askOn());
    closing(this, (load) => {
      following[Symbol.dispose]();
      return load.stop();
    });
  }

  /**
   * Waits until so many answers came that are as wanted.
   *
   * @throws the first failure of any asker.
   */
  async more(count: number, isWanted: (answer: Answer) => boolean = () => true): Promise<void> {
    let missing = count;
    let others = 0;
    while (missing > 0) {
      if (this.failures.length > 0) throw this.failures[0];
      const answer = await new Promise<Answer | undefined>((resolve) => {
        this.#watchers.push(resolve);
      });
      if (answer === undefined || !isWanted(answer)) others += 1;
      else missing -= 1;
      if (others > TOO_MANY) throw new Error(`still not as wanted: ${JSON.stringify(answer)}`);
    }
  }

  /** Waits for the answers on their way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#askers);
  }

  async #askOn(): Promise<void> {
    while (!this.#stopped) {
      const since = this.#source.current.generation;
      let answer: Answer | undefined;
      try {
        answer = await this.#client.ask();
        this.answers += 1;
        const shown = this.#generations.get(answer.client);
        // What is asked after a rotation is asked under the new identity.
        if (shown === undefined || shown < since) {
          this.failures.push(new Error(`asked in generation ${since}, and was seen with ${String(shown)}`));
        }
      } catch (error) {
        this.failures.push(error);
      }
      // One that is answered at once must not keep the event loop to itself.
      await new Promise(setImmediate);
      for (const tell of this.#watchers.splice(0)) tell(answer);
    }
  }

  #note(): void {
    const { generation, svid } = this.#source.current;
    this.#generations.set(svid.leaf.serialNumber, generation);
  }
}
