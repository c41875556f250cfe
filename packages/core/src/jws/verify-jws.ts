import { type KeyObject } from 'node:crypto';

// With `type` inside of the braces an import without names would stay, and load it.
import type { compactVerify } from 'jose/jws/compact/verify';

import { type CompactJws } from './read-compact-jws.ts';

/** The library, loaded with the first token: whoever only imports this package does without. */
let library: Promise<{ readonly compactVerify: typeof compactVerify }> | undefined;

/**
 * Whether `key` signed it. The one place that knows the library. The key has to be one for the algorithm: that is
 * checked before.
 */
export async function isSignedBy(jws: CompactJws, key: KeyObject): Promise<boolean> {
  library ??= import('jose/jws/compact/verify');
  const { compactVerify: verify } = await library;
  try {
    await verify(jws.token, key, { algorithms: [jws.algorithm] });
    return true;
  } catch {
    // Whatever it was, it was no proof. What the library says is not kept: it has seen the token.
    return false;
  }
}
