import { type KeyObject } from 'node:crypto';

import { quote } from '../quote.ts';
import { isKeyFor } from './jws-algorithms.ts';
import { type CompactJws } from './read-compact-jws.ts';
import { type TokenError } from './token-error.ts';
import { isSignedBy } from './verify-jws.ts';

/** How many keys are tried for a token that names none: each costs a verification, at the will of the sender. */
const MOST_CANDIDATES = 32;

/**
 * Proves that one of `authorities` signed it: the one it names, or any that fits when it names none.
 *
 * @param peer - whom it says to be of, for errors.
 * @param fail - makes the errors.
 * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_KEY`, `ERR_JWT_SIGNATURE`.
 */
export async function proveJws(
  jws: CompactJws,
  authorities: ReadonlyMap<string, KeyObject>,
  peer: string,
  fail: TokenError,
): Promise<void> {
  for (const key of keysFor(jws, authorities, peer, fail)) if (await isSignedBy(jws, key)) return;
  throw fail('ERR_JWT_SIGNATURE', 'the signature of an authority of its trust domain', 'another one', {
    peer,
  });
}

/** The keys that may have signed it. A key of another type is never asked (JWT-SVID 2.1, RFC 7518 3.1). */
function keysFor(
  { algorithm, keyId }: CompactJws,
  authorities: ReadonlyMap<string, KeyObject>,
  peer: string,
  fail: TokenError,
): readonly KeyObject[] {
  if (keyId !== undefined) {
    const key = authorities.get(keyId);
    if (key === undefined) {
      throw fail('ERR_JWT_KEY', 'the kid of an authority of its trust domain', quote(keyId), {
        peer,
        hint: 'The key may be newer than the bundle, or retired.',
      });
    }
    if (!isKeyFor(algorithm, key))
      throw fail('ERR_JWT_KEY', `a key for ${algorithm}`, 'another one', { peer });
    return [key];
  }
  const keys = [...authorities.values()].filter((key) => isKeyFor(algorithm, key));
  if (keys.length === 0) throw fail('ERR_JWT_KEY', `a key for ${algorithm}`, 'none', { peer });
  if (keys.length > MOST_CANDIDATES) {
    throw fail('ERR_JWT_KEY', `kid, or at most ${MOST_CANDIDATES} keys to try`, `${keys.length}`, {
      peer,
    });
  }
  return keys;
}
