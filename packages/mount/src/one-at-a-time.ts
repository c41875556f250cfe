/** Runs one thing again and again, never twice at the same time. */
export class OneAtATime {
  readonly #run: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param run - never rejects. */
  constructor(run: () => Promise<void>) {
    this.#run = run;
  }

  /** Whether it runs now. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when a run that began after the call is over. */
  ask(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    // What runs may have looked already, so there has to be another run after it; one for all who ask.
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.ask();
    });
    return this.#next;
  }
}
