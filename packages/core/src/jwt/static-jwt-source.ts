import { type Clock, systemClock } from '../clock.ts';
import { SpiffeError } from '../errors.ts';
import { JwtBundleSet } from './jwt-bundle-set.ts';
import { type JwtSource } from './jwt-source.ts';
import { type JwtSvid, parseJwtSvid } from './jwt-svid.ts';
import { pickJwtSvid } from './pick-jwt-svid.ts';
import { readRequest } from './read-request.ts';
import { validateJwtSvid } from './validate-jwt-svid.ts';

/** What a {@link staticJwtSource} holds. */
export interface StaticJwtContent {
  /** Tokens of our own. Default: none. */
  readonly svids?: Iterable<JwtSvid | string>;
  /** Whom to trust. Default: nobody. */
  readonly bundles?: JwtBundleSet;
}

/** Options of {@link staticJwtSource}. */
export interface StaticJwtSourceOptions extends StaticJwtContent {
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
}

/** A source whose content the caller provides, and replaces. */
export interface StaticJwtSource extends JwtSource {
  /**
   * Replaces tokens, bundles or both; what is left out stays.
   *
   * @throws {@link SpiffeError} as {@link parseJwtSvid}, and nothing is changed; `ERR_SOURCE_CLOSED`.
   */
  update(content: StaticJwtContent): void;
}

/**
 * A source over tokens and bundles that are at hand: for tests, for tools, for services that only validate. It renews
 * nothing; give it what is new with `update`.
 *
 * @throws {@link SpiffeError} as {@link parseJwtSvid}.
 */
export function staticJwtSource(options: StaticJwtSourceOptions = {}): StaticJwtSource {
  const { clock = systemClock } = options;
  const closing = new AbortController();
  let svids = readSvids(options.svids ?? []);
  let bundles = options.bundles ?? JwtBundleSet.empty;
  const source: StaticJwtSource = Object.freeze({
    get jwtBundles() {
      closing.signal.throwIfAborted();
      return bundles;
    },
    closed: closing.signal,
    async fetchJwtSvid(request) {
      closing.signal.throwIfAborted();
      request.signal?.throwIfAborted();
      return pickJwtSvid(svids, readRequest(request), clock.now());
    },
    validateJwtSvid: async (token, given) => validateJwtSvid(token, source.jwtBundles, { clock, ...given }),
    update(content) {
      closing.signal.throwIfAborted();
      svids = content.svids === undefined ? svids : readSvids(content.svids);
      bundles = content.bundles ?? bundles;
    },
    async close() {
      svids = [];
      if (closing.signal.aborted) return;
      closing.abort(new SpiffeError('ERR_SOURCE_CLOSED', 'the source is closed'));
    },
    [Symbol.asyncDispose]: () => source.close(),
  } satisfies StaticJwtSource);
  return source;
}

function readSvids(svids: Iterable<JwtSvid | string>): readonly JwtSvid[] {
  return Array.from(svids, (one) => (typeof one === 'string' ? parseJwtSvid(one) : one));
}
