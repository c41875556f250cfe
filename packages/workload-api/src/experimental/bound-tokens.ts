import { isJsonObject, type JsonObject, quote } from '@svidkit/core/jws';

import { headerValues, type RequestLike } from './request-headers.ts';
import { hashOf } from './unproven-wit-svid.ts';
import { proofError } from './wit-error.ts';

/** RFC 6750 2.1, RFC 9449 7.1: the schemes that carry access tokens. What comes after them is one, however it looks. */
const ACCESS_TOKEN = /^(?:bearer|dpop)\s+(\S.*)$/is;
const NO_REQUEST: RequestLike = { headers: {} };

/** The hashes of the other tokens of a request, as a proof has them (WIMSE Workload Proof Token 2). */
export interface TokenHashes {
  readonly ath?: string;
  readonly tth?: string;
  readonly oth?: Readonly<Record<string, string>>;
}

/** The one value of a header without blanks around it; undefined when there is none, or more than one. */
function onlyValue(request: RequestLike, name: string): string | undefined {
  const [value, ...more] = headerValues(request, name);
  return more.length === 0 ? value?.trim() : undefined;
}

/** The access token of a request; undefined when it has none. */
function accessTokenOf(request: RequestLike): string | undefined {
  return ACCESS_TOKEN.exec(onlyValue(request, 'authorization') ?? '')?.[1];
}

/**
 * What a proof for a request has to say about its other tokens.
 *
 * @param bind - names of further headers that it is to cover, as far as the request has them.
 */
export function tokenHashes(request: RequestLike, bind: readonly string[]): TokenHashes {
  const accessToken = accessTokenOf(request);
  const transaction = onlyValue(request, 'txn-token');
  const others = bind.flatMap((name) => {
    const value = onlyValue(request, name.toLowerCase());
    return value === undefined ? [] : [[name.toLowerCase(), hashOf(value)] as const];
  });
  return {
    ...(accessToken === undefined ? {} : { ath: hashOf(accessToken) }),
    ...(transaction === undefined ? {} : { tth: hashOf(transaction) }),
    ...(others.length === 0 ? {} : { oth: Object.fromEntries(others) }),
  };
}

/**
 * Holds what a proof says about the other tokens of its request against them. Without a request none may be named.
 *
 * @param required - names of headers that have to be covered where the request has them.
 * @returns the headers that are covered.
 * @throws {@link SpiffeError} `ERR_WIT_PROOF`.
 */
export function checkTokens(
  claims: JsonObject,
  request: RequestLike = NO_REQUEST,
  required: readonly string[] = [],
): readonly string[] {
  const bound: string[] = [];
  const wanted = tokenHashes(request, []);
  for (const [claim, header] of [
    ['ath', 'authorization'],
    ['tth', 'txn-token'],
  ] as const) {
    const hash = claims.get(claim);
    if (hash !== wanted[claim] || (hash === undefined && headerValues(request, header).length > 1)) {
      const want = wanted[claim] === undefined ? `no ${claim}` : `${claim} of the token in ${header}`;
      throw proofError('ERR_WIT_PROOF', want, hash === undefined ? 'none' : 'another one');
    }
    if (hash !== undefined) bound.push(header);
  }
  bound.push(...checkOthers(claims, request));
  const missing = required.find(
    (name) => headerValues(request, name.toLowerCase()).length > 0 && !bound.includes(name.toLowerCase()),
  );
  if (missing === undefined) return bound;
  throw proofError('ERR_WIT_PROOF', `a proof that covers the header ${quote(missing)}`, 'one that does not');
}

/** An entry that nobody can look up refuses the proof: the request is not what its sender meant. */
function checkOthers(claims: JsonObject, request: RequestLike): readonly string[] {
  const oth = claims.get('oth');
  if (oth === undefined) return [];
  if (!isJsonObject(oth)) throw proofError('ERR_WIT_PROOF', 'an object as oth', 'something else');
  for (const [name, hash] of oth) {
    const value = name === name.toLowerCase() ? onlyValue(request, name) : undefined;
    if (value === undefined || hash !== hashOf(value)) {
      const got = value === undefined ? 'none' : 'another one';
      throw proofError('ERR_WIT_PROOF', `oth of one header ${quote(name)}`, got);
    }
  }
  return [...oth.keys()];
}
