/** How long processes may take to do what they were asked for. */
const PATIENCE_MS = 20_000;

/** Waits for what processes tell. */
export class Waiting {
  /** Asked again after each message. */
  readonly #checks = new Set<() => void>();
  /** Set once a process ended: what is waited for will not come. */
  #hopeless = false;

  /** Something was told: whoever waits looks again. */
  wake(): void {
    for (const check of this.#checks) check();
  }

  /** From now on nobody waits. */
  giveUp(): void {
    this.#hopeless = true;
    this.wake();
  }

  /** Resolves when `done`; rejects, naming `what`, when that takes too long. */
  until(
    what: string,
    done: () => boolean,
    signal?: AbortSignal,
    patienceMs: number = PATIENCE_MS,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#checks.delete(check);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const check = (): void => {
        if (done()) end(resolve);
        else if (this.#hopeless) end(() => reject(new Error(`waited for ${what}, but a process ended`)));
      };
      const onAbort = (): void => end(() => reject(signal?.reason as Error));
      const timer = setTimeout(
        () => end(() => reject(new Error(`waited ${patienceMs / 1_000} s in vain for ${what}`))),
        patienceMs,
      );
      this.#checks.add(check);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
      else check();
    });
  }
}
