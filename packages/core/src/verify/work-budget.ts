import { SpiffeError } from '../errors.ts';

// A signature costs 50 to 500 microseconds; a comparison of names a tenth of one.
const SIGNATURES = 32;
const COMPARISONS = 20_000;

/**
 * What verifying one chain may cost. Whoever connects chooses the chain, so the work it can cause is bounded
 * whatever is in it.
 */
export class WorkBudget {
  #signatures = SIGNATURES;
  #comparisons = COMPARISONS;

  /** How many signatures may still be verified. */
  get signaturesLeft(): number {
    return this.#signatures;
  }

  /**
   * Pays for one verification of a signature.
   *
   * @throws {@link SpiffeError} `ERR_CHAIN_BUDGET`.
   */
  spendSignature(): void {
    // rule: budget.signatures
    if (this.#signatures === 0) throw exhausted(`${SIGNATURES} signatures`);
    this.#signatures--;
  }

  /**
   * Pays for comparing names with name constraints.
   *
   * @throws {@link SpiffeError} `ERR_CHAIN_BUDGET`.
   */
  spendComparisons(count: number): void {
    this.#comparisons -= count;
    // rule: budget.comparisons
    if (this.#comparisons < 0) throw exhausted(`${COMPARISONS} comparisons of names`);
  }
}

function exhausted(what: string): SpiffeError {
  return new SpiffeError('ERR_CHAIN_BUDGET', `the chain needs more than ${what} to verify`, {
    hint: 'Send the leaf and the intermediates that lead to its root, each once.',
  });
}
