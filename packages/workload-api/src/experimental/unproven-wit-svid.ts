import { createHash } from 'node:crypto';

import { type SpiffeId } from '@svidkit/core';
import { freezeClaims, INSPECT, type Inspect, type JwtClaims } from '@svidkit/core/jws';

import { type WitReading } from './read-wit.ts';
import { type WitConfirmation } from './wit-confirmation.ts';

/** What a proof has to go with. */
interface Bond {
  readonly confirmation: WitConfirmation;
  /** The hash of the token, as proofs name it. */
  readonly hash: string;
}

/**
 * A WIT-SVID that a trust domain vouches for, of whoever holds the key in it. Whether that is who showed it is **not
 * known**: it has no `id`, and nothing that authorizes takes it. {@link verifyWitProof} makes a {@link WitPeer} of it.
 * Immutable. Nothing that prints it shows the token.
 *
 * Experimental: the standard has WIT-SVIDs as incubating.
 *
 * @see WIT-SVID 4, 7.1
 */
export class UnprovenWitSvid {
  /** Whom the token was made for. */
  readonly claimedId: SpiffeId;
  /** Which key of its trust domain signed it. */
  readonly keyId: string;
  /** When it expires, in milliseconds since the Unix epoch. */
  readonly expiry: number;
  /** Before which instant it must not be accepted, in milliseconds since the Unix epoch. */
  readonly notBefore: number | undefined;
  /** When its issuer says to have made it, in milliseconds since the Unix epoch. Decides nothing. */
  readonly issuedAt: number | undefined;
  /** The claim `jti`, for logs: several instances of a workload can have the same (WIT-SVID 3.3). */
  readonly jwtId: string | undefined;
  /** All claims. */
  readonly claims: JwtClaims;
  readonly #bond: Bond;

  /** @internal */
  constructor(reading: WitReading) {
    const { id, keyId, expiry, notBefore, issuedAt, jwtId, claims, confirmation, jws } = reading;
    this.claimedId = id;
    this.keyId = keyId;
    this.expiry = expiry;
    this.notBefore = notBefore;
    this.issuedAt = issuedAt;
    this.jwtId = jwtId;
    this.claims = freezeClaims(claims);
    this.#bond = { confirmation, hash: hashOf(jws.token) };
    Object.freeze(this);
  }

  /** @internal */
  static bondOf(svid: UnprovenWitSvid): Bond {
    return svid.#bond;
  }

  /** What a log needs, and never the token. */
  toJSON(): Record<string, unknown> {
    const { claimedId, keyId, expiry } = this;
    return { claimedId: claimedId.toString(), keyId, expiry: new Date(expiry).toISOString() };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, show: Inspect): string {
    return `UnprovenWitSvid ${show(this.toJSON())}`;
  }
}

/** The hash of a token, as a proof of possession names it (WIMSE Workload Proof Token 2: `wth`, `ath`, `tth`, `oth`). */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
