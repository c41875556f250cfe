import {
  type Authorizer,
  checkAuthorized,
  type DenyList,
  requireAuthorizer,
  SpiffeError,
} from '@svidkit/core';
import { timeSettings } from '@svidkit/core/jws';

import { checkWitSvid, type CheckWitSvidOptions, requireCheckOptions } from './check-wit-svid.ts';
import { originsOf, targetOf } from './proof-audience.ts';
import { createReplayCache, type ReplayCache } from './replay-cache.ts';
import { headerValues, type RequestLike } from './request-headers.ts';
import { maxProofMsOf, type ProofOptions, verifyWitProof } from './verify-wit-proof.ts';
import { type WitBundles } from './wit-bundle-set.ts';
import { proofError } from './wit-error.ts';
import { readWitHeaders } from './wit-headers.ts';
import { type WitPeer, witSubject } from './wit-peer.ts';

/** Options of {@link createWitVerifier}. */
export interface WitVerifierOptions extends CheckWitSvidOptions, ProofOptions {
  /** Whom to trust. Asked for each request, so that it can follow a watch. */
  readonly bundles: WitBundles;
  /** How callers call this server, one or more: `https://payments.example`. What requests say is not believed. */
  readonly origin: string | readonly string[];
  /** Who may make requests. */
  readonly authorize: Authorizer;
  /** Who is turned away whatever `authorize` says, by ID. Asked for each request. */
  readonly deny?: DenyList;
  /** What remembers which proofs were used; false: nothing does. Default: a {@link createReplayCache} of its own. */
  readonly replays?: ReplayCache | false;
}

/** A request of node:http, or of `fetch`. */
export interface WitRequest extends RequestLike {
  /** The path with its query, or the whole URL. */
  readonly url?: string | undefined;
}

/** Tells who makes requests. */
export interface WitVerifier {
  /**
   * Who makes this request, by its WIT-SVID and its proof of possession; whether they may is decided too.
   *
   * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_MISSING`, what {@link checkWitSvid} and {@link verifyWitProof}
   * throw, `ERR_PEER_DENIED`, `ERR_PEER_UNAUTHORIZED`.
   */
  verifyRequest(request: WitRequest): Promise<WitPeer>;
}

/**
 * Makes what a server asks about each request, once for all of them: it remembers which proofs were used. TLS has to end
 * here, or between here and the caller on ways that are as safe.
 *
 * Experimental: the standard has WIT-SVIDs as incubating.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createWitVerifier(options: WitVerifierOptions): WitVerifier {
  const { bundles, authorize, deny } = options;
  requireAuthorizer(authorize, 'createWitVerifier');
  requireCheckOptions(options);
  maxProofMsOf(options);
  const origins = originsOf(options.origin);
  const { clock } = timeSettings(options);
  const replays = options.replays ?? createReplayCache({ clock });
  return Object.freeze<WitVerifier>({
    async verifyRequest(request) {
      const { token, proof } = readWitHeaders(request);
      // WIT-SVID 5, 7.1: whoever has it there has told it to whoever looks there.
      if (headerValues(request, 'authorization').some((value) => value.includes(token))) {
        throw proofError('ERR_WIT_PROOF', 'a WIT-SVID in its own header alone', 'one in authorization too');
      }
      const unproven = await checkWitSvid(token, bundles, options);
      const audience = origins.flatMap((origin) => targetOf(origin, request.url ?? '/') ?? []);
      if (audience.length === 0) {
        throw proofError('ERR_JWT_AUDIENCE', 'a path in normal form', 'another one', {
          peer: unproven.claimedId.toString(),
        });
      }
      const peer = await verifyWitProof(unproven, proof, { ...options, audience, replays, request });
      requireNotDenied(deny, peer);
      checkAuthorized(authorize, witSubject(peer));
      return peer;
    },
  });
}

function requireNotDenied(deny: DenyList | undefined, { id }: WitPeer): void {
  const reason = deny?.reason({ id, leaf: undefined });
  if (reason === undefined) return;
  const peer = id.toString();
  throw new SpiffeError('ERR_PEER_DENIED', `peer ${peer} is denied: ${reason}`, { peer });
}
