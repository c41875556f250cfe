import { createHash } from 'node:crypto';

import { isSpiffeError, SpiffeError } from '@svidkit/core';
import {
  badTokenOption,
  checkTokenTime,
  isSignedBy,
  type JsonObject,
  kindOf,
  millisecondsOf,
  readCompactJws,
  readObject,
  readTimes,
  timeSettings,
  type TimeSettings,
  type TokenTimeOptions,
} from '@svidkit/core/jws';

import { checkTokens } from './bound-tokens.ts';
import { normalAudience } from './proof-audience.ts';
import { type ReplayCache } from './replay-cache.ts';
import { type RequestLike } from './request-headers.ts';
import { UnprovenWitSvid } from './unproven-wit-svid.ts';
import { proofError, witError } from './wit-error.ts';
import { WitPeer } from './wit-peer.ts';

/** How every proof is judged. */
export interface ProofOptions extends TokenTimeOptions {
  /**
   * How far ahead the end of a proof may be, in milliseconds, 1 to 300,000, beside the leeway. @default 60_000
   */
  readonly maxProofMs?: number;
  /** Names of headers that a proof has to cover where the request has them. Default: none. */
  readonly requireBound?: readonly string[];
}

/** How to verify a proof of possession. */
export interface VerifyWitProofOptions extends ProofOptions {
  /** Whom proofs have to be for, at least one: for requests their URL without query, else what was agreed on. */
  readonly audience: string | readonly string[];
  /** What remembers which proofs were used; false: a proof can be used again as long as it lives. */
  readonly replays: ReplayCache | false;
  /** The request that it came with. Default: none, and a proof that names other tokens is refused. */
  readonly request?: RequestLike;
}

/** WIMSE Workload Proof Token 2; RFC 7515 4.1.9: the prefix may be there. */
const TYPES: ReadonlySet<string | undefined> = new Set(['wpt+jwt', 'application/wpt+jwt']);
const MOST_PROOF_MS = 300_000;

/**
 * The second half of validating the WIT-SVID of a peer: that it holds the key in it. The proof is a WIMSE Workload Proof
 * Token: signed by the key in the token (`cnf`), for this token (`wth`), for us (`aud`), valid for a short time, used for
 * the first time (`jti`), and for the other tokens of its request (`ath`, `tth`, `oth`).
 *
 * @param svid - from {@link checkWitSvid}.
 * @param proof - in compact serialization, at most 16,384 characters.
 * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_MALFORMED`, `ERR_JWT_TOO_LONG`, `ERR_JWT_HEADER`,
 * `ERR_JWT_ALGORITHM`, `ERR_JWT_CLAIM`, `ERR_JWT_EXPIRED`, `ERR_JWT_NOT_YET_VALID`, `ERR_JWT_AUDIENCE`,
 * `ERR_WIT_PROOF`, `ERR_WIT_REPLAY`; `ERR_CONFIG_OPTION`.
 * @see WIT-SVID 4, 5, 7.1, 7.2
 */
export async function verifyWitProof(
  svid: UnprovenWitSvid,
  proof: string,
  options: VerifyWitProofOptions,
): Promise<WitPeer> {
  const audiences = proofAudiences(options);
  const settings = timeSettings(options);
  const maxProofMs = maxProofMsOf(options);
  const { confirmation, hash } = UnprovenWitSvid.bondOf(svid);
  const peer = svid.claimedId.toString();
  // Time may have passed since it was checked.
  checkTokenTime(svid, settings, peer, witError);
  const jws = readCompactJws(proof, { types: TYPES, fail: proofError, isStrict: false, needsKeyId: false });
  if (jws.algorithm !== confirmation.algorithm) {
    throw proofError('ERR_WIT_PROOF', `${confirmation.algorithm} as alg, as cnf has it`, jws.algorithm, {
      peer,
    });
  }
  if (!(await isSignedBy(jws, confirmation.key))) {
    throw proofError('ERR_WIT_PROOF', 'the signature of the key in the token', 'another one', { peer });
  }
  const claims = readObject('payload', jws.payload, proofError);
  if (claims.get('wth') !== hash) {
    const got = claims.has('wth') ? 'that of another one' : 'none';
    throw proofError('ERR_WIT_PROOF', 'wth of the token beside it', got, { peer });
  }
  checkAudience(claims, audiences, peer);
  const end = checkLife(claims, { ...settings, maxProofMs }, peer);
  const bound = checkTokens(claims, options.request, options.requireBound);
  // Last, so that only what is good in every other way is remembered.
  await requireFirstUse(options.replays, { key: useOf(claims, hash, peer), until: end }, peer);
  return new WitPeer(svid, bound);
}

/**
 * Tells what is wrong with options before there is a proof.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function maxProofMsOf({ maxProofMs = 60_000 }: ProofOptions): number {
  return millisecondsOf('maxProofMs', maxProofMs, MOST_PROOF_MS);
}

function proofAudiences(options: VerifyWitProofOptions): readonly string[] {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null)
    throw badTokenOption('options', 'an object', kindOf(given));
  const { audience, replays } = options;
  const list: readonly unknown[] = typeof audience === 'string' ? [audience] : Array.from(audience ?? []);
  const texts = list.filter((one): one is string => typeof one === 'string' && one !== '');
  if (texts.length === 0 || texts.length !== list.length) {
    throw badTokenOption(
      'audience',
      'one or more non-empty texts',
      list.length === 0 ? 'none' : 'something else',
    );
  }
  const memory: unknown = replays;
  if (memory !== false && !(typeof memory === 'object' && memory !== null && 'firstUse' in memory)) {
    throw badTokenOption('replays', 'a replay cache, or false', kindOf(memory));
  }
  return texts.map((one) => normalAudience(one));
}

/** WIMSE Workload Proof Token 2, 3: whom a proof is for is held against what we know, and not against the request. */
function checkAudience(claims: JsonObject, audiences: readonly string[], peer: string): void {
  const aud = claims.get('aud');
  const list = Array.isArray(aud) ? (aud as readonly unknown[]) : [aud];
  if (list.some((one) => typeof one === 'string' && audiences.includes(normalAudience(one)))) return;
  const want = `a proof for ${audiences.map((one) => JSON.stringify(one)).join(' or ')}`;
  throw proofError('ERR_JWT_AUDIENCE', want, aud === undefined ? 'one for nobody' : 'one for another', {
    peer,
  });
}

/** @returns how long its use has to be remembered. */
function checkLife(
  claims: JsonObject,
  settings: TimeSettings & { maxProofMs: number },
  peer: string,
): number {
  const times = readTimes(claims, peer, proofError);
  checkTokenTime(times, settings, peer, proofError);
  const { clock, leewayMs, maxProofMs } = settings;
  if (!(times.expiry - clock.now() <= maxProofMs + leewayMs)) {
    const got = `one until ${new Date(times.expiry).toISOString()}`;
    throw proofError('ERR_WIT_PROOF', `a proof that ends within ${maxProofMs} ms`, got, { peer });
  }
  return times.expiry + leewayMs;
}

/** What names a use: a fixed length, whatever the sender calls it, and no name of another sender. */
function useOf(claims: JsonObject, hash: string, peer: string): string {
  const jti = claims.get('jti');
  if (typeof jti !== 'string' || jti === '') {
    throw proofError('ERR_JWT_CLAIM', 'a text as jti', jti === undefined ? 'none' : 'something else', {
      peer,
    });
  }
  return createHash('sha256').update(`${hash} ${jti}`).digest('base64url');
}

async function requireFirstUse(
  replays: ReplayCache | false,
  { key, until }: { readonly key: string; readonly until: number },
  peer: string,
): Promise<void> {
  if (replays === false) return;
  let isFirst: unknown;
  try {
    isFirst = await replays.firstUse(key, until);
  } catch (cause) {
    if (isSpiffeError(cause)) throw cause;
    throw new SpiffeError('ERR_WIT_REPLAY', 'the memory of used proofs failed', {
      blame: 'environment',
      cause,
      peer,
    });
  }
  if (isFirst === true) return;
  throw proofError('ERR_WIT_REPLAY', 'a proof that was not used before', 'one that was', { peer });
}
