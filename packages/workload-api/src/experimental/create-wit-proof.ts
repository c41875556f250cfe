import { randomBytes } from 'node:crypto';

import { type Clock, systemClock } from '@svidkit/core';
import { badTokenOption, millisecondsOf, signJws } from '@svidkit/core/jws';

import { type TokenHashes } from './bound-tokens.ts';
import { normalAudience } from './proof-audience.ts';
import { hashOf } from './unproven-wit-svid.ts';
import { witError } from './wit-error.ts';
import { type WitSvid } from './wit-svid.ts';

/** How long a proof lives. */
export interface ProofLifeOptions {
  /** In milliseconds, 1,000 to 300,000. Never longer than the WIT-SVID. @default 10_000 */
  readonly lifetimeMs?: number;
  /** Decides what time it is. @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
}

/** What a proof of possession is for. */
export interface CreateWitProofOptions extends ProofLifeOptions {
  /** For whom: the URL of the request, or what was agreed on. Query and fragment of a URL are left out. */
  readonly audience: string;
  /** The hashes of other tokens beside it. Default: none. */
  readonly hashes?: TokenHashes;
}

const MOST_LIFE_MS = 300_000;
const LEAST_LIFE_MS = 1_000;
/** WIMSE Workload Proof Token 2: `jti` is as good as unique. */
const JTI_BYTES = 16;

/**
 * Proves to somebody, once and for seconds, that we hold the key of one of our WIT-SVIDs: a WIMSE Workload Proof Token.
 * For requests over HTTP {@link witFetch} and {@link presentWit} do that.
 *
 * @returns the proof, to be sent beside the token over a secure channel.
 * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_EXPIRED` when the WIT-SVID is over; `ERR_CONFIG_OPTION`.
 * @see WIT-SVID 7.2
 */
export async function createWitProof(svid: WitSvid, options: CreateWitProofOptions): Promise<string> {
  const { audience, hashes = {}, lifetimeMs = 10_000, clock = systemClock } = options;
  if (typeof audience !== 'string' || audience === '') throw badTokenOption('audience', 'a text', 'none');
  if (millisecondsOf('lifetimeMs', lifetimeMs, MOST_LIFE_MS) < LEAST_LIFE_MS) {
    throw badTokenOption('lifetimeMs', `${LEAST_LIFE_MS} to ${MOST_LIFE_MS}`, `${lifetimeMs}`);
  }
  const now = clock.now();
  // The key must not be used any more then (WIMSE Workload Proof Token 3).
  if (!(now < svid.expiry)) {
    const until = new Date(svid.expiry).toISOString();
    throw witError('ERR_JWT_EXPIRED', 'a WIT-SVID that is valid now', `one until ${until}`, {
      blame: 'environment',
      hint: 'Use the latest of the watch; see whether the agent renews it.',
    });
  }
  const claims = {
    aud: normalAudience(audience),
    exp: Math.floor(Math.min(now + lifetimeMs, svid.expiry) / 1_000),
    jti: randomBytes(JTI_BYTES).toString('base64url'),
    wth: hashOf(svid.marshal()),
    ...hashes,
  };
  return signJws({ header: { alg: svid.algorithm, typ: 'wpt+jwt' }, claims }, svid.privateKey);
}
