import { AwakeTime } from './awake-time.ts';
import { type Credential } from './dial.ts';
import { observed, wantSame } from './ended.ts';
import { type ServerUnderTest } from './server-under-test.ts';

/** One connection under load. */
interface Attempt {
  /** Milliseconds, see {@link AwakeTime}. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** Which of the leaves was presented, counted in the order in which they were published; -1 for none of them. */
  readonly index: number;
  /** Why it was not let in; undefined when it was. */
  readonly failure: string | undefined;
}

/** Loops of new connections to a server while its identity changes. */
export class Load {
  readonly attempts: Attempt[] = [];
  readonly #server: ServerUnderTest;
  readonly #time = new AwakeTime();
  readonly #leaves: string[];
  readonly #publishedAt: number[] = [];
  readonly #loops: Promise<void>[];
  #isOver = false;

  /** @param leaves - the fingerprints of all leaves, in the order in which they will be published. */
  constructor(server: ServerUnderTest, client: Credential, leaves: readonly string[], loops = 4) {
    this.#server = server;
    this.#leaves = [...leaves];
    this.#loops = Array.from({ length: loops }, () => this.#loop(client));
  }

  /** The leaf with this index is whole in the mount now. */
  published(index: number): void {
    this.#publishedAt[index] = this.#time.ms;
  }

  /** Ends the load. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    this.#time.end();
  }

  /**
   * Wants every connection to have been let in, the leaf to have never gone back, and none to be older than the bound.
   *
   * @param boundMs - how long a leaf may be shown after the next one was whole.
   */
  judge(boundMs: number): void {
    const failed = this.attempts.filter(({ failure }) => failure !== undefined);
    wantSame(
      `of ${this.attempts.length} connections, those that failed`,
      failed.map(({ failure }) => failure),
      [],
    );
    let latest = -1;
    // An attempt that began after another one had ended shows the same leaf or a later one.
    const byEnd = this.attempts.toSorted((a, b) => a.endedAt - b.endedAt);
    let ended = 0;
    for (const { beganAt, index } of this.attempts.toSorted((a, b) => a.beganAt - b.beganAt)) {
      for (let one = byEnd[ended]; one !== undefined && one.endedAt < beganAt; one = byEnd[++ended]) {
        latest = Math.max(latest, one.index);
      }
      if (index < latest) throw observed(`leaf ${index} was presented after leaf ${latest} had been`);
      const due = this.#publishedAt.findLastIndex((at) => at !== undefined && at + boundMs < beganAt);
      if (index < due) {
        throw observed(`leaf ${index} was presented more than ${boundMs} ms after leaf ${due} was published`);
      }
    }
  }

  async #loop(client: Credential): Promise<void> {
    while (!this.#isOver) {
      const beganAt = this.#time.ms;
      const dialled = await this.#server.dial(client, { quiet: true });
      const endedAt = this.#time.ms;
      if (dialled.kind === 'admitted') {
        dialled.socket.destroy();
        const index = this.#leaves.indexOf(dialled.chain[0] ?? '');
        const failure = index === -1 ? 'it presented a leaf that nobody published' : undefined;
        this.attempts.push({ beganAt, endedAt, index, failure });
      } else {
        const failure = dialled.kind === 'silent' ? 'no word came' : dialled.detail;
        this.attempts.push({ beganAt, endedAt, index: -1, failure });
        // One that fails at once would fill the memory.
        if (this.attempts.length > 100_000) return;
      }
    }
  }
}
