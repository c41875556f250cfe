import { isSpiffeError, SpiffeId, type TrustDomain } from '@svidkit/core';

import { badMessage } from './bad-message.ts';

/**
 * Reads a SPIFFE ID. Errors do not show it: with its fields mixed up, a message could have a key in its place.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function readId(text: string, part: string): SpiffeId {
  if (text === '') throw badMessage(`${part} has no spiffe_id`);
  try {
    return SpiffeId.parse(text);
  } catch (error) {
    const code = isSpiffeError(error) ? error.code : 'ERR_ID_INVALID';
    throw badMessage(`${part} has ${text.length} characters that are no SPIFFE ID`, code);
  }
}

/**
 * The trust domain that a bundle belongs to: maps are keyed by its SPIFFE ID, `spiffe://trust-domain`.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function readBundleKey(key: string): TrustDomain {
  const id = readId(key, 'the key of a bundle');
  if (id.path !== '') throw badMessage('the key of a bundle has a path');
  return id.trustDomain;
}
