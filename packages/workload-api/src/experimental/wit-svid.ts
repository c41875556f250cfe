import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

import { isSpiffeError, type SpiffeId } from '@svidkit/core';
import { INSPECT, type Inspect, type JwtAlgorithm } from '@svidkit/core/jws';

import { badMessage } from '../bad-message.ts';
import { readId } from '../read-id.ts';
import { readWit, type WitReading } from './read-wit.ts';

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
 * HTTP header `Authorization` (WIT-SVID 5, 7.1). {@link witFetch} and {@link presentWit} send it as they have to.
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
  /** How proofs are signed. */
  readonly algorithm: JwtAlgorithm;
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
    const reading = readToken(witSvid, named);
    if (!reading.id.equals(id)) throw badMessage(`${named}: another sub`);
    this.id = id;
    this.expiry = reading.expiry;
    this.keyId = reading.keyId;
    this.algorithm = reading.confirmation.algorithm;
    this.hint = hint === '' ? undefined : hint;
    this.#token = witSvid;
    this.#privateKey = readPrivateKey(witSvidKey, reading.confirmation.key, named);
    Object.freeze(this);
  }

  /** The token in compact serialization, to be sent with a proof of possession, over a secure channel. */
  marshal(): string {
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
  [INSPECT](_depth: unknown, _options: unknown, show: Inspect): string {
    return `WitSvid ${show(this.toJSON())}`;
  }
}

function readToken(token: string, named: string): WitReading {
  try {
    return readWit(token);
  } catch (error) {
    throw badMessage(`${named}: ${isSpiffeError(error) ? error.message : 'no token'}`);
  }
}

function readPrivateKey(text: string, confirmed: KeyObject, named: string): KeyObject {
  let key: KeyObject;
  try {
    const jwk: unknown = JSON.parse(text);
    if (typeof jwk !== 'object' || jwk === null) throw new TypeError('no JWK');
    key = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    // What a parser says can show part of a key.
    throw badMessage(`${named} has no private key as JWK`);
  }
  if (!createPublicKey(key).equals(confirmed)) {
    throw badMessage(`${named} has a key that is not the one of its cnf`);
  }
  return key;
}
