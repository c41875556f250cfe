const WINDOW_MS = 3_000;

/** How often something happens now. */
export class Rate {
  readonly #recent: { readonly at: number; readonly count: number }[] = [];

  add(count: number): void {
    this.#recent.push({ at: Date.now(), count });
  }

  /** Per second, over the last three. */
  get perSecond(): number {
    const since = Date.now() - WINDOW_MS;
    while (this.#recent[0] !== undefined && this.#recent[0].at < since) this.#recent.shift();
    return (this.#recent.reduce((total, { count }) => total + count, 0) * 1_000) / WINDOW_MS;
  }
}
