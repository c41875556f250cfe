import { type AuthorizedSubject, SpiffeError, type SpiffeId } from '@svidkit/core';
import { INSPECT, type Inspect, type JwtClaims } from '@svidkit/core/jws';

import { type UnprovenWitSvid } from './unproven-wit-svid.ts';

/**
 * A peer that has shown a WIT-SVID and proven that it holds the key in it. Immutable.
 *
 * Experimental: the standard has WIT-SVIDs as incubating.
 */
export class WitPeer {
  /** When its WIT-SVID expires, in milliseconds since the Unix epoch. */
  readonly expiry: number;
  /** All claims of its WIT-SVID. */
  readonly claims: JwtClaims;
  /**
   * The headers, in lower case, whose values the proof covers: `authorization`, `txn-token` and what else it names. What
   * a request says about users in any other header is not from this peer for certain.
   */
  readonly boundHeaders: readonly string[];
  // Private, so that what only looks like one is none.
  readonly #id: SpiffeId;

  /** @internal */
  constructor({ claimedId, expiry, claims }: UnprovenWitSvid, boundHeaders: readonly string[]) {
    this.#id = claimedId;
    this.expiry = expiry;
    this.claims = claims;
    this.boundHeaders = Object.freeze([...boundHeaders]);
    Object.freeze(this);
  }

  /** Whether `value` is one of these. */
  static isPeer(value: unknown): value is WitPeer {
    return typeof value === 'object' && value !== null && #id in value;
  }

  /** Who it is. */
  get id(): SpiffeId {
    return this.#id;
  }

  /** Its ID as text. */
  toString(): string {
    return this.id.toString();
  }

  /** What a log needs. */
  toJSON(): Record<string, unknown> {
    const { id, expiry, boundHeaders } = this;
    return { id: id.toString(), expiry: new Date(expiry).toISOString(), boundHeaders };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, show: Inspect): string {
    return `WitPeer ${show(this.toJSON())}`;
  }
}

/**
 * The peer for an authorizer. There is no certificate: an authorizer that wants to see one fails, and so refuses.
 *
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED` for anything but a {@link WitPeer}, a token without its proof above
 * all.
 */
export function witSubject(peer: WitPeer): AuthorizedSubject {
  if (!WitPeer.isPeer(peer)) {
    throw new SpiffeError(
      'ERR_PEER_UNVERIFIED',
      'want a peer that has proven its WIT-SVID, got something else',
    );
  }
  return {
    id: peer.id,
    get leaf(): never {
      throw new SpiffeError('ERR_PEER_UNVERIFIED', 'there is no certificate: this peer is proven by a token');
    },
  };
}
