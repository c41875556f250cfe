import { checkTokenTime } from '../jws/check-token-time.ts';
import { proveJws } from '../jws/prove-jws.ts';
import { readCompactJws, readObject } from '../jws/read-compact-jws.ts';
import { quote } from '../quote.ts';
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

/** JWT-SVID 3.2 */
function checkAudience(svid: JwtSvid, { audience }: ValidationSettings): void {
  if (svid.audience.some((one) => audience.includes(one))) return;
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
