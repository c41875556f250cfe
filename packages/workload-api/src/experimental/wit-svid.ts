import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type inspect } from 'node:util';

import { type SpiffeId } from '@svidkit/core';

import { badMessage } from '../bad-message.ts';
import { readId } from '../read-id.ts';
import { isRecord, readJson } from './read-json.ts';

/** WIT-SVID 2.3: the same as those of JWT-SVIDs. */
const ALGORITHMS: ReadonlySet<unknown> = new Set(
  ['RS', 'ES', 'PS'].flatMap((family) => ['256', '384', '512'].map((bits) => family + bits)),
);
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** One entry of WITSVIDResponse. */
export interface WitSvidFields {
  readonly spiffeId: string;
  readonly witSvid: string;
  readonly witSvidKey: string;
  readonly hint: string;
}

/**
 * A WIT-SVID of ours with the key that proves its possession. Immutable. Nothing that prints it shows the token or the
 * key. It is no bearer token: it is worth nothing without a proof by `privateKey` beside it, and must never be sent in the
 * HTTP header `Authorization` (WIT-SVID 5, 7.1).
 *
 * Experimental: The standard has WIT-SVIDs as incubating.
 */
export class WitSvid {
  /** Its subject. */
  readonly id: SpiffeId;
  /** When it expires, in milliseconds since the Unix epoch. */
  readonly expiry: number;
  /** Which key of its trust domain signed it. */
  readonly keyId: string;
  /** How proofs are signed: `ES256` and the like. */
  readonly algorithm: string;
  /** What its issuer calls it. */
  readonly hint: string | undefined;
  readonly #token: string;
  readonly #privateKey: KeyObject;

  /**
   * Reads an entry of the Workload API. The signature of the token is not checked: it comes from our own issuer.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
   * @internal
   */
  constructor({ spiffeId, witSvid, witSvidKey, hint }: WitSvidFields, part: string) {
    const id = readId(spiffeId, part);
    const named = `${part} (${id.toString()})`;
    if (witSvid === '') throw badMessage(`${named} has no wit_svid`);
    if (witSvidKey === '') throw badMessage(`${named} has no wit_svid_key`);
    const segments = witSvid.split('.');
    const [header, claims] = segments.slice(0, 2).map((segment) => readJson(fromBase64(segment)));
    if (segments.length !== 3 || !isRecord(header) || !isRecord(claims))
      throw badMessage(`${named} is no token`);
    const confirmation = isRecord(claims['cnf']) ? claims['cnf']['jwk'] : undefined;
    const problem = headerProblem(header) ?? claimsProblem(claims, id) ?? confirmationProblem(confirmation);
    if (problem !== undefined || !isRecord(confirmation))
      throw badMessage(`${named}: ${problem ?? 'no cnf'}`);
    this.id = id;
    this.expiry = Number(claims['exp']) * 1_000;
    this.keyId = String(header['kid']);
    this.algorithm = String(confirmation['alg']);
    this.hint = hint === '' ? undefined : hint;
    this.#token = witSvid;
    this.#privateKey = readPrivateKey(witSvidKey, confirmation, named);
    Object.freeze(this);
  }

  /** The token, to be sent with a proof of possession. */
  get token(): string {
    return this.#token;
  }

  /** Signs proofs of possession. */
  get privateKey(): KeyObject {
    return this.#privateKey;
  }

  /** What a log needs, and never the token. */
  toJSON(): Record<string, unknown> {
    const { id, expiry, keyId, algorithm, hint } = this;
    return { id: id.toString(), expiry: new Date(expiry).toISOString(), keyId, algorithm, hint };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, show: typeof inspect): string {
    return `WitSvid ${show(this.toJSON())}`;
  }
}

/** WIT-SVID 2. */
function headerProblem({ kid, typ, alg, crit }: Record<string, unknown>): string | undefined {
  if (typeof kid !== 'string' || kid === '') return 'no kid';
  if (typ !== 'wit+jwt') return 'a typ that is not wit+jwt';
  if (!ALGORITHMS.has(alg)) return 'an alg that WIT-SVIDs do not have';
  return crit === undefined ? undefined : 'a critical header';
}

/** WIT-SVID 3. */
function claimsProblem(claims: Record<string, unknown>, id: SpiffeId): string | undefined {
  const { sub, exp, nbf } = claims;
  if (sub !== id.toString()) return 'another sub';
  if (typeof exp !== 'number' || !(exp > 0 && exp <= 8_640_000_000_000)) return 'no exp';
  if (nbf !== undefined && typeof nbf !== 'number') return 'an nbf that is no number';
  // WIT-SVID 3.8: also an empty one.
  return 'aud' in claims ? 'an aud, which a WIT-SVID has not' : undefined;
}

/** WIT-SVID 3.2. */
function confirmationProblem(jwk: unknown): string | undefined {
  if (!isRecord(jwk)) return 'no cnf with a jwk';
  if (!ALGORITHMS.has(jwk['alg'])) return 'a cnf whose alg WIT-SVIDs do not have';
  return PRIVATE_MEMBERS.some((member) => member in jwk) ? 'a cnf with a key that is not public' : undefined;
}

function readPrivateKey(text: string, confirmation: JsonWebKey, named: string): KeyObject {
  const jwk = readJson(text);
  let key: KeyObject;
  let confirmed: KeyObject;
  try {
    if (!isRecord(jwk)) throw new TypeError('no JWK');
    key = createPrivateKey({ key: jwk, format: 'jwk' });
    confirmed = createPublicKey({ key: confirmation, format: 'jwk' });
  } catch {
    // What a parser says can show part of a key.
    throw badMessage(`${named} has no private key as JWK, or a cnf that is no key`);
  }
  if (!createPublicKey(key).equals(confirmed))
    throw badMessage(`${named} has a key that is not the one of its cnf`);
  return key;
}

function fromBase64(segment: string): string {
  return Buffer.from(segment, 'base64url').toString('utf8');
}
