import { SpiffeError } from '@svidkit/core';

import { tokenHashes } from './bound-tokens.ts';
import { createWitProof, type ProofLifeOptions } from './create-wit-proof.ts';
import { headerValues, type HeadersLike } from './request-headers.ts';
import { witError } from './wit-error.ts';
import { PROOF_HEADER, TOKEN_HEADER } from './wit-headers.ts';
import { type WitSvid } from './wit-svid.ts';

/** How a WIT-SVID is shown. */
export interface PresentWitOptions extends ProofLifeOptions {
  /**
   * Further headers that the proof covers where the request has them, such as one with a token of a user.
   * `authorization` with an access token and `txn-token` are always covered.
   */
  readonly bind?: readonly string[];
}

/** A request before it is sent. Its other headers are set already. */
export interface UnsentRequest {
  readonly url: string | URL;
  readonly headers: HeadersLike & {
    get(name: string): string | null;
    set(name: string, value: string): void;
  };
}

/**
 * Puts a WIT-SVID of ours, and a new proof of possession for this one request, on its headers
 * `workload-identity-token` and `workload-proof-token`. Do it last: the proof covers what else is in the headers.
 *
 * @throws {@link SpiffeError} (as a rejection), and nothing is set then: `ERR_JWT_INSECURE` for a URL without `https:`,
 * `ERR_JWT_EXPIRED`, `ERR_CONFIG_OPTION`, also for a request that has these headers already, or the WIT-SVID in another.
 * @see WIT-SVID 5, 7.3
 */
export async function presentWit(
  svid: WitSvid,
  { url, headers }: UnsentRequest,
  options: PresentWitOptions = {},
): Promise<void> {
  const target = new URL(url);
  if (target.protocol !== 'https:') {
    throw witError('ERR_JWT_INSECURE', 'a URL with https:', `${target.protocol} to ${target.hostname}`);
  }
  const request = { headers };
  requireFree(request, svid);
  const hashes = tokenHashes(request, options.bind ?? []);
  const proof = await createWitProof(svid, { ...options, audience: target.href, hashes });
  headers.set(TOKEN_HEADER, svid.marshal());
  headers.set(PROOF_HEADER, proof);
}

/** WIT-SVID 5, 7.1: one place for it, which is not `authorization`. */
function requireFree(request: { readonly headers: HeadersLike }, svid: WitSvid): void {
  const taken = [TOKEN_HEADER, PROOF_HEADER].find((name) => headerValues(request, name).length > 0);
  const isBearer = headerValues(request, 'authorization').some((value) => value.includes(svid.marshal()));
  if (taken === undefined && !isBearer) return;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    taken === undefined
      ? 'want a request without a WIT-SVID in header authorization, got one with it'
      : `want a request without header ${taken}, got one with it`,
  );
}
