import { isSpiffeError, publish, SpiffeError } from '@svidkit/core';
import {
  type JwtBundleSet,
  type JwtSvid,
  JwtSvidCache,
  type JwtSvidRequest,
  type JwtVerdict,
  validateJwtSvid,
  validateJwtSvidBy,
  type ValidateJwtSvidOptions,
  type VerifiedJwtSvid,
} from '@svidkit/core/jwt';

import { type JwtSourceSettings } from './jwt-source-options.ts';
import { Opening } from './opening.ts';
import { asSpiffeError } from './status-error.ts';
import { Troubles } from './troubles.ts';
import { withdraws } from './withdrawal.ts';
import { type WorkloadApiJwtHealth, type WorkloadApiJwtSource } from './workload-api-jwt-source.ts';

/** The follower of the JWT bundles of one Workload API, with the tokens that were asked for. */
export class JwtSourceOverWorkloadApi implements WorkloadApiJwtSource {
  readonly #settings: JwtSourceSettings;
  readonly #cache: JwtSvidCache;
  readonly #closing = new AbortController();
  readonly #troubles = new Troubles((error) =>
    publish('svidkit:source.error', () => ({ source: undefined, error })),
  );
  readonly #opening = new Opening();
  #bundles: JwtBundleSet | undefined;
  /** Why there are none. */
  #failure = new SpiffeError('ERR_SOURCE_EMPTY', 'the source has not loaded any JWT bundle yet');

  constructor(settings: JwtSourceSettings) {
    const { client, clock, random, maxTokens } = settings;
    this.#settings = settings;
    this.#cache = new JwtSvidCache({
      clock,
      random,
      maxEntries: maxTokens,
      fetch: async ({ audience, subject }, signal) =>
        client.fetchJwtSvid({ audience, signal, ...(subject === undefined ? {} : { subject }) }),
    });
  }

  /**
   * Waits for the first bundles.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_TIMEOUT`, `ERR_WORKLOAD_API_REFUSED`, `ERR_WORKLOAD_API_UNIMPLEMENTED`;
   * and the reason of the signal.
   */
  async open(): Promise<void> {
    const { clock, waitMs, signal } = this.#settings;
    const timeout = (): SpiffeError => this.#timeout();
    try {
      await this.#opening.wait({ clock, limitMs: waitMs, signal, timeout }, () => void this.#follow());
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get address(): string {
    return this.#settings.client.address;
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  get jwtBundles(): JwtBundleSet {
    this.closed.throwIfAborted();
    if (this.#bundles === undefined) throw this.#failure;
    return this.#bundles;
  }

  async fetchJwtSvid(request: JwtSvidRequest): Promise<JwtSvid> {
    return this.#cache.get(request);
  }

  async validateJwtSvid(token: string, options: ValidateJwtSvidOptions): Promise<VerifiedJwtSvid> {
    const { clock, validateRemotely } = this.#settings;
    if (validateRemotely === undefined) {
      return validateJwtSvid(token, this.jwtBundles, { clock, ...options });
    }
    this.closed.throwIfAborted();
    const ask = async (svid: JwtSvid, audience: string): Promise<JwtVerdict> => {
      try {
        return await validateRemotely(svid.token, { audience, signal: this.closed });
      } catch (error) {
        throw refusedToken(error, svid);
      }
    };
    return validateJwtSvidBy(ask, token, { clock, ...options });
  }

  health(): WorkloadApiJwtHealth {
    const isEmpty = this.#bundles === undefined;
    const problems = [isEmpty ? this.#failure.message : undefined, this.#troubles.text];
    return Object.freeze({
      ready: !isEmpty && !this.closed.aborted,
      lastError: this.#troubles.latest ?? (isEmpty ? this.#failure : undefined),
      problems: Object.freeze(problems.filter((one) => one !== undefined)),
    });
  }

  async close(): Promise<void> {
    if (this.closed.aborted) return;
    this.#bundles = undefined;
    this.#failure = new SpiffeError('ERR_SOURCE_CLOSED', 'the source is closed');
    this.#cache.close();
    this.#closing.abort(this.#failure);
    if (this.#settings.ownsClient) await this.#settings.client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Follows the stream of bundles. Never rejects. */
  async #follow(): Promise<void> {
    const { client } = this.#settings;
    let error: SpiffeError;
    try {
      await client.watchJwtBundles(
        { onUpdate: (bundles) => this.#take(bundles), onError: (trouble) => this.#onError(trouble) },
        { signal: this.closed },
      );
      error = new SpiffeError('ERR_WORKLOAD_API_CLOSED', 'the client was closed');
    } catch (cause) {
      error = asSpiffeError(cause);
    }
    if (this.closed.aborted) return;
    this.#troubles.add(error);
    this.#withdrawFor(error);
    this.#opening.reject(error);
  }

  #take(bundles: JwtBundleSet): void {
    this.#bundles = bundles;
    this.#troubles.clear();
    this.#opening.resolve();
  }

  #onError(error: SpiffeError): void {
    if (this.closed.aborted) return;
    this.#troubles.add(error);
    this.#withdrawFor(error);
  }

  #withdrawFor(error: SpiffeError): void {
    if (!withdraws(error, this.#settings.keepUntilExpiry)) return;
    this.#bundles = undefined;
    this.#cache.clear();
    this.#failure = new SpiffeError('ERR_SOURCE_EMPTY', error.message, { cause: error });
  }

  #timeout(): SpiffeError {
    const { latest } = this.#troubles;
    const saw = latest?.message ?? `the agent at ${this.address} took the call and has sent nothing`;
    return new SpiffeError(
      'ERR_SOURCE_TIMEOUT',
      `no JWT bundles within ${this.#settings.waitMs} ms: ${saw}`,
      {
        hint: latest?.hint ?? 'The agent is overloaded or hangs. Look at its log.',
        ...(latest === undefined ? {} : { cause: latest }),
      },
    );
  }
}

/** Workload API 6.2.3: a token that is refused is no failure of the agent. */
function refusedToken(error: unknown, { id }: JwtSvid): unknown {
  if (!isSpiffeError(error) || error.code !== 'ERR_WORKLOAD_API_REFUSED') return error;
  return new SpiffeError('ERR_JWT_SIGNATURE', error.message, {
    cause: error,
    peer: id.toString(),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
