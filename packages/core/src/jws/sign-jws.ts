import { type KeyObject } from 'node:crypto';

import { type JwtAlgorithm } from './jws-algorithms.ts';

/** A header and claims, as they are written down. */
interface UnsignedJws {
  readonly header: { readonly alg: JwtAlgorithm; readonly typ: string };
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * A token in compact serialization.
 *
 * @param key - the private key, which has to be one for the algorithm.
 */
export async function signJws({ header, claims }: UnsignedJws, key: KeyObject): Promise<string> {
  const { CompactSign } = await import('jose/jws/compact/sign');
  return new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader({ ...header }).sign(key);
}
