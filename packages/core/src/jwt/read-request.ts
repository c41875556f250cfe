import { SpiffeId } from '../spiffe-id.ts';
import { jwtError } from './jwt-error.ts';
import { type JwtSvidRequest } from './jwt-source.ts';
import { type JwtSvid } from './jwt-svid.ts';
import { audienceOf } from './validation-options.ts';

/** {@link JwtSvidRequest}, checked. */
export interface WantedJwtSvid {
  /** In the order of the texts, each once. */
  readonly audience: readonly string[];
  readonly subject: SpiffeId | undefined;
}

/**
 * Checks a request.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function readRequest({ audience, subject }: Omit<JwtSvidRequest, 'signal'>): WantedJwtSvid {
  return {
    audience: Object.freeze([...new Set(audienceOf(audience))].toSorted()),
    subject: subject === undefined ? undefined : SpiffeId.parse(subject.toString()),
  };
}

/** Names a request without ambiguity: `['a b']` is not `['a', 'b']`. */
export function requestKey({ audience, subject }: WantedJwtSvid): string {
  return JSON.stringify([subject?.toString() ?? null, audience]);
}

/** For messages: `"a", "b" of spiffe://prod.example/payments`. */
export function describeRequest({ audience, subject }: WantedJwtSvid): string {
  const names = audience.map((one) => JSON.stringify(one)).join(', ');
  return subject === undefined ? names : `${names} of ${subject.toString()}`;
}

/** Whether it is for all that were asked for, and of whom was asked for. */
export function fits({ audience, id }: JwtSvid, wanted: WantedJwtSvid): boolean {
  return wanted.audience.every((one) => audience.includes(one)) && wanted.subject?.equals(id) !== false;
}

/**
 * Refuses what an issuer gave in place of what was asked for.
 *
 * @throws {@link SpiffeError} `ERR_JWT_AUDIENCE`, `ERR_JWT_EXPIRED`, which is the issuer's fault.
 */
export function requireWanted(svid: JwtSvid, wanted: WantedJwtSvid, now: number): void {
  const options = { blame: 'environment', hint: 'Look at the issuer, and at the clocks.' } as const;
  if (!fits(svid, wanted)) {
    const got = `one for ${svid.audience.map((one) => JSON.stringify(one)).join(', ')} of ${svid.id.toString()}`;
    throw jwtError('ERR_JWT_AUDIENCE', `a token for ${describeRequest(wanted)}`, got, options);
  }
  if (now < svid.expiry) return;
  const until = new Date(svid.expiry).toISOString();
  throw jwtError('ERR_JWT_EXPIRED', 'a new token', `one that expired at ${until}`, options);
}
