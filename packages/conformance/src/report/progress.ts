import { type CliIo } from '../cli/cli-io.ts';
import { type CaseResult, isBad } from '../run/result.ts';
import { harmless } from '../terminal-text.ts';

/** Shows how a run goes on: one line per suite, and failures as they come. */
export class Progress {
  readonly #io: CliIo;
  #suite = '';
  #done = 0;
  #failed = 0;
  #notAsked = 0;

  constructor(io: CliIo) {
    this.#io = io;
  }

  /** A case is done. */
  add(suite: string, result: CaseResult): void {
    if (suite !== this.#suite) this.#next(suite);
    this.#done++;
    if (result.status === 'unsupported') this.#notAsked++;
    if (!isBad(result.status)) return;
    this.#failed++;
    this.#io.stdout.write(`  ${result.status} ${result.case}: ${harmless(result.reason ?? '')}\n`);
  }

  /** All is done. */
  end(): void {
    this.#next('');
  }

  #next(suite: string): void {
    if (this.#suite !== '') {
      const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
      const notAsked = this.#notAsked === 0 ? '' : `, ${this.#notAsked} not asked`;
      this.#io.stdout.write(`${this.#suite}: ${this.#done} cases${failed}${notAsked}\n`);
    }
    this.#suite = suite;
    this.#done = 0;
    this.#failed = 0;
    this.#notAsked = 0;
  }
}
