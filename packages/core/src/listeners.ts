interface Subscription<T> {
  readonly listener: (value: T) => void;
}

interface Notice<T> {
  readonly value: T;
  readonly to: readonly Subscription<T>[];
}

/** Those who want to know of each change of a value. They are told synchronously, in order, one by one. */
export class Listeners<T> {
  readonly #what: string;
  readonly #subscriptions = new Set<Subscription<T>>();
  readonly #notices: Notice<T>[] = [];
  #telling = false;

  /** @param what - whose listeners these are, for warnings: `a source`. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Adds a listener; one that is added twice is told twice. Dispose to stop. */
  add(listener: (value: T) => void): Disposable {
    const subscription: Subscription<T> = { listener };
    this.#subscriptions.add(subscription);
    return { [Symbol.dispose]: () => void this.#subscriptions.delete(subscription) };
  }

  /**
   * Tells all that are listening now. A listener that throws is isolated. A change made by a listener is told to all
   * after the one they are being told of.
   */
  tell(value: T): void {
    this.#notices.push({ value, to: [...this.#subscriptions] });
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let notice = this.#notices.shift(); notice !== undefined; notice = this.#notices.shift()) {
        for (const subscription of notice.to) this.#tellOne(subscription, notice.value);
      }
    } finally {
      this.#telling = false;
    }
  }

  #tellOne(subscription: Subscription<T>, value: T): void {
    // One that was told before may have disposed of this one.
    if (!this.#subscriptions.has(subscription)) return;
    try {
      subscription.listener(value);
    } catch (cause) {
      const warning = new Error(`a listener of ${this.#what} threw: ${String(cause)}`, { cause });
      warning.name = 'SvidkitListenerWarning';
      process.emitWarning(warning);
    }
  }
}
