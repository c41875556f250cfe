import { type KeyObject } from 'node:crypto';

import {
  isJsonObject,
  isJwtAlgorithm,
  type JsonObject,
  type JwtAlgorithm,
  kindOfJson,
  quote,
  readJwtKey,
} from '@svidkit/core/jws';

import { witError } from './wit-error.ts';

/** The key that proofs of possession of a WIT-SVID are made with. */
export interface WitConfirmation {
  readonly key: KeyObject;
  /** The one algorithm that it signs with. */
  readonly algorithm: JwtAlgorithm;
}

/** RFC 7518 6.2.2, 6.3.2, 6.4: what only the holder of a key knows. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** RFC 7800 3.1: a confirmation is one key, and these would be another one. */
const OTHER_KEYS = ['jwe', 'jku'];

/**
 * Reads the claim `cnf`: a public key, with the algorithm that it is for.
 *
 * @param peer - whom the token says to be of, for errors.
 * @throws {@link SpiffeError} `ERR_JWT_CLAIM`.
 * @see WIT-SVID 3.2, RFC 7800 3
 */
export function readConfirmation(claims: JsonObject, peer: string): WitConfirmation {
  const cnf = claims.get('cnf');
  const jwk = isJsonObject(cnf) ? cnf.get('jwk') : undefined;
  if (!isJsonObject(cnf) || !isJsonObject(jwk)) {
    const got = isJsonObject(cnf) ? 'one without it' : cnf === undefined ? 'none' : kindOfJson(cnf);
    throw witError('ERR_JWT_CLAIM', 'cnf with a jwk', got, { peer });
  }
  const algorithm = jwk.get('alg');
  if (!isJwtAlgorithm(algorithm)) {
    const got = typeof algorithm === 'string' ? quote(algorithm) : kindOfJson(algorithm);
    throw witError('ERR_JWT_CLAIM', 'RS, PS or ES with 256, 384 or 512 as cnf.jwk.alg', got, { peer });
  }
  const problem = notOneKey(cnf) ?? notPublic(jwk);
  const reading = problem === undefined ? readJwtKey(jwk) : { problem };
  if ('problem' in reading)
    throw witError('ERR_JWT_CLAIM', 'a public key as cnf.jwk', reading.problem, { peer });
  return { key: reading.key, algorithm };
}

function notOneKey(cnf: JsonObject): string | undefined {
  return OTHER_KEYS.some((name) => cnf.has(name)) ? 'more than one' : undefined;
}

function notPublic(jwk: JsonObject): string | undefined {
  if (PRIVATE_MEMBERS.some((name) => jwk.has(name))) return 'one with private members';
  const use = jwk.get('use');
  // RFC 7517 4.2: a key that says what it is for is used for nothing else.
  return use === undefined || use === 'sig' ? undefined : 'one that is not for signatures';
}
