import { SpiffeId, type TrustDomain } from '@svidkit/core';

import { badMessage, badPart } from './bad-message.ts';

/** @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`. */
export function readId(text: string, part: string): SpiffeId {
  if (text === '') throw badMessage(`${part} has no spiffe_id`);
  try {
    return SpiffeId.parse(text);
  } catch (error) {
    throw badPart(part, error);
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
