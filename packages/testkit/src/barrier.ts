/** Counts steps, and lets others wait for them. */
export class Barrier {
  #steps = 0;
  readonly #waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();

  step(): void {
    this.#steps++;
    for (const one of this.#waiting) {
      if (one.count > this.#steps) continue;
      this.#waiting.delete(one);
      one.resolve();
    }
  }

  /** Resolves when there have been `count` steps. */
  async reached(count: number): Promise<void> {
    if (this.#steps >= count) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add({ count, resolve });
    await promise;
  }
}
