import { type SpiffeId } from '../spiffe-id.ts';
import { type JwtBundleSet } from './jwt-bundle-set.ts';
import { type JwtSvid, type VerifiedJwtSvid } from './jwt-svid.ts';
import { type ValidateJwtSvidOptions } from './validation-options.ts';

/** Which JWT-SVID is wanted. */
export interface JwtSvidRequest {
  /**
   * To whom it will be shown, at least one. One is best: whoever is shown a token can show it to all others it is for.
   *
   * @see JWT-SVID 3.2
   */
  readonly audience: string | readonly string[];
  /** Which of our own IDs it is to be for. Default: the issuer decides. */
  readonly subject?: SpiffeId | string;
  /** Ends the waiting of this caller, and nobody else's; the promise is then rejected with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Where JWT-SVIDs and the means to validate those of others come from. Code that takes a source never knows whether
 * files, a socket or a test are behind it.
 */
export interface JwtSource extends AsyncDisposable {
  /**
   * A token of our own for `audience`. Cheap when it was asked for before: sources keep tokens and renew them ahead of
   * time, so ask for each request anew and keep nothing. Never an expired one.
   *
   * @throws {@link SpiffeError} (as a rejection) `ERR_CONFIG_OPTION` without audience, `ERR_JWT_UNAVAILABLE`,
   * `ERR_SOURCE_EXPIRED`, `ERR_SOURCE_CLOSED`; the reason of `signal`.
   */
  fetchJwtSvid(request: JwtSvidRequest): Promise<JwtSvid>;
  /**
   * The JWT authorities of every trust domain we know, now.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_CLOSED`, `ERR_SOURCE_EMPTY`.
   */
  readonly jwtBundles: JwtBundleSet;
  /**
   * Validates the token of a peer, with {@link JwtSource.jwtBundles} unless the source says otherwise, see
   * {@link validateJwtSvid}.
   *
   * @throws {@link SpiffeError} (as a rejection) as {@link validateJwtSvid} and {@link JwtSource.jwtBundles}.
   */
  validateJwtSvid(token: string, options: ValidateJwtSvidOptions): Promise<VerifiedJwtSvid>;
  /** Aborts when the source is closed. */
  readonly closed: AbortSignal;
  /** Releases tokens, timers and whatever is behind it. Idempotent. */
  close(): Promise<void>;
}
