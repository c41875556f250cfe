import { type JsonObject } from '../json-reader.ts';
import { checkTokenTime } from '../jws/check-token-time.ts';
import { proveJws } from '../jws/prove-jws.ts';
import { readCompactJws, readObject } from '../jws/read-compact-jws.ts';
import { quote } from '../quote.ts';
import { type SpiffeId } from '../spiffe-id.ts';
import { readClaims } from './claims.ts';
import { type JwtBundles, requireJwtBundle } from './jwt-bundle-set.ts';
import { jwtError } from './jwt-error.ts';
import { JWT_FORM } from './jwt-form.ts';
import { JwtSvid, type VerifiedJwtSvid } from './jwt-svid.ts';
import {
  type ValidateJwtSvidOptions,
  type ValidationSettings,
  validationSettings,
} from './validation-options.ts';

/**
 * Validates the JWT-SVID of a peer: a key of its own subject's trust domain signed it, it is for us, and it is valid
 * now. Whoever shows it has not proven more than to have it: it is a bearer token. That it is shown once only is not
 * checked.
 *
 * @param token - in compact serialization, at most 16,384 characters.
 * @param bundles - whom to trust, and for which trust domain.
 * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_MALFORMED`, `ERR_JWT_TOO_LONG`, `ERR_JWT_HEADER`,
 * `ERR_JWT_ALGORITHM`, `ERR_JWT_CLAIM`, `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`, `ERR_JWT_KEY`, `ERR_JWT_SIGNATURE`,
 * `ERR_JWT_AUDIENCE`, `ERR_JWT_EXPIRED`, `ERR_JWT_NOT_YET_VALID`; `ERR_CONFIG_OPTION` for options that are none,
 * an empty audience above all.
 * @see JWT-SVID 4
 */
export async function validateJwtSvid(
  token: string,
  bundles: JwtBundles,
  options: ValidateJwtSvidOptions,
): Promise<VerifiedJwtSvid> {
  const settings = validationSettings(options);
  const jws = readCompactJws(token, { ...settings, ...JWT_FORM });
  const claims = readObject('payload', jws.payload, jwtError);
  const { id } = readClaims(claims);
  // Workload API 6.3: no authority of another trust domain may vouch for this one.
  const bundle = requireJwtBundle(bundles, id.trustDomain, id.toString());
  await proveJws(jws, bundle.authorities, id.toString(), jwtError);
  const svid = JwtSvid.verified(jws.token, claims);
  checkAudience(svid, settings);
  checkTokenTime(svid, settings, id.toString(), jwtError);
  return svid;
}

/** What somebody else, whom we believe, says of a token that they have validated. */
export interface JwtVerdict {
  /** Whose it is. */
  readonly id: SpiffeId;
  /** The claims that may be relied on; only their names count. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Decides whether a trust domain vouches for a token. Rejects when none does.
 *
 * @param svid - what the token says. Its audience and its time were looked at.
 * @param audience - the one of ours that it is for.
 */
export type JwtJudge = (svid: JwtSvid<false>, audience: string) => Promise<JwtVerdict>;

/** What a token needs to be a token, whoever judges it. */
const STANDARD_CLAIMS: ReadonlySet<string> = new Set(['sub', 'aud', 'exp']);

/**
 * As {@link validateJwtSvid}, where somebody else holds the keys: the Workload API, for one. Its form, algorithm, audience
 * and time are judged here in any case, and first: what is not for us is shown to nobody. The claims that `judge` does
 * not pass on are not in what it gives.
 *
 * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_*`, `ERR_CONFIG_OPTION` as {@link validateJwtSvid};
 * `ERR_JWT_SIGNATURE` when the verdict is about somebody else; what `judge` throws.
 * @see Workload API 6.3
 */
export async function validateJwtSvidBy(
  judge: JwtJudge,
  token: string,
  options: ValidateJwtSvidOptions,
): Promise<VerifiedJwtSvid> {
  const settings = validationSettings(options);
  const jws = readCompactJws(token, { ...settings, ...JWT_FORM });
  const claims = readObject('payload', jws.payload, jwtError);
  const svid = JwtSvid.unverified(jws.token, claims);
  const audience = checkAudience(svid, settings);
  checkTokenTime(svid, settings, svid.id.toString(), jwtError);
  const verdict = await judge(svid, audience);
  if (!verdict.id.equals(svid.id)) {
    throw jwtError(
      'ERR_JWT_SIGNATURE',
      `a verdict on ${svid.id.toString()}`,
      `one on ${verdict.id.toString()}`,
      {
        peer: svid.id.toString(),
      },
    );
  }
  const passedOn: JsonObject = new Map(
    Array.from(claims).filter(([name]) => STANDARD_CLAIMS.has(name) || Object.hasOwn(verdict.claims, name)),
  );
  return JwtSvid.verified(jws.token, passedOn);
}

/** JWT-SVID 3.2. Gives the first of ours that it is for. */
function checkAudience(svid: JwtSvid, { audience }: ValidationSettings): string {
  const ours = audience.find((one) => svid.audience.includes(one));
  if (ours !== undefined) return ours;
  const [first = '', ...more] = svid.audience;
  const got = more.length === 0 ? quote(first) : `${quote(first)} and ${more.length} more`;
  throw jwtError(
    'ERR_JWT_AUDIENCE',
    `a token for ${audience.map((one) => quote(one)).join(' or ')}`,
    `one for ${got}`,
    {
      peer: svid.id.toString(),
    },
  );
}
