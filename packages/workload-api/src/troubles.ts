import { type SpiffeError, type SpiffeErrorCode } from '@svidkit/core';

/** What is wrong since the last good message; each kind is told once for as long as it lasts. */
export class Troubles {
  readonly #tell: (error: SpiffeError) => void;
  readonly #told = new Set<SpiffeErrorCode>();
  #latest: SpiffeError | undefined;

  /** @param tell - takes what is new. */
  constructor(tell: (error: SpiffeError) => void) {
    this.#tell = tell;
  }

  /** The latest of them. */
  get latest(): SpiffeError | undefined {
    return this.#latest;
  }

  /** It in words, with the next step. */
  get text(): string | undefined {
    const error = this.#latest;
    if (error === undefined) return undefined;
    return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  }

  add(error: SpiffeError): void {
    this.#latest = error;
    if (this.#told.has(error.code)) return;
    this.#told.add(error.code);
    this.#tell(error);
  }

  clear(): void {
    this.#latest = undefined;
    this.#told.clear();
  }
}
