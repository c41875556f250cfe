import { type SpiffeId } from '@svidkit/core';
import {
  type CompactJws,
  type JsonObject,
  readCompactJws,
  readObject,
  readSubject,
  readTimes,
  type TokenTimes,
} from '@svidkit/core/jws';

import { readConfirmation, type WitConfirmation } from './wit-confirmation.ts';
import { witError } from './wit-error.ts';

/** What a WIT-SVID says. Nothing about it is proven. */
export interface WitReading extends TokenTimes {
  readonly jws: CompactJws;
  readonly keyId: string;
  readonly claims: JsonObject;
  readonly id: SpiffeId;
  readonly confirmation: WitConfirmation;
}

/** WIT-SVID 2.2: this text alone. A token of another kind is no WIT-SVID (ID-25). */
const TYPES: ReadonlySet<string | undefined> = new Set(['wit+jwt']);

/**
 * Takes a WIT-SVID apart, strictly, and checks everything that can be checked without keys and without a clock.
 * Headers and claims that nobody knows are passed over.
 *
 * @param token - in compact serialization, at most 16,384 characters.
 * @throws {@link SpiffeError} `ERR_JWT_MALFORMED`, `ERR_JWT_TOO_LONG`, `ERR_JWT_HEADER`, `ERR_JWT_ALGORITHM`,
 * `ERR_JWT_KEY`, `ERR_JWT_CLAIM`.
 * @see WIT-SVID 2, 3
 */
export function readWit(token: unknown): WitReading {
  const jws = readCompactJws(token, { types: TYPES, fail: witError, isStrict: false, needsKeyId: true });
  const { keyId = '' } = jws;
  const claims = readObject('payload', jws.payload, witError);
  const id = readSubject(claims, witError);
  const peer = id.toString();
  // WIT-SVID 3.8: not even an empty one. Whom it is for is said by the proof.
  if (claims.has('aud')) throw witError('ERR_JWT_CLAIM', 'no aud', 'one', { peer });
  const confirmation = readConfirmation(claims, peer);
  return { jws, keyId, claims, id, confirmation, ...readTimes(claims, peer, witError) };
}
