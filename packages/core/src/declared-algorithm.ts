import { type KeyObject } from 'node:crypto';

/** What the JWK of a key said that it is for. Beside the key, because `KeyObject` has no place for it. */
const declared = new WeakMap<KeyObject, string>();

/** Remembers the `alg` of a JWK with its key. */
export function declareAlgorithm(key: KeyObject, algorithm: string): void {
  declared.set(key, algorithm);
}

/** The one algorithm that a key may be used with (RFC 7517 4.4); undefined when its JWK left that open. */
export function declaredAlgorithm(key: KeyObject): string | undefined {
  return declared.get(key);
}
