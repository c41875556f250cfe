// What tokens of every kind have in common, for the packages of svidkit alone: it can change with every release.
export { badBundle, MOST_BUNDLE_BYTES, readBundleJson, keysOf } from '../bundle-json.ts';
export { INSPECT, type Inspect } from '../inspect-custom.ts';
export { isJsonObject, type JsonObject, kindOfJson } from '../json-reader.ts';
export { readJwtKey } from '../jwk.ts';
export { type JwkAuthorities, readAuthorities } from '../jwk-authorities.ts';
export { kindOf, quote } from '../quote.ts';
export { checkTokenTime } from './check-token-time.ts';
export { isJwtAlgorithm, type JwtAlgorithm } from './jws-algorithms.ts';
export { proveJws } from './prove-jws.ts';
export { type CompactJws, readCompactJws, readObject } from './read-compact-jws.ts';
export { signJws } from './sign-jws.ts';
export { freezeClaims, type JwtClaims, readSubject, readTimes, type TokenTimes } from './token-claims.ts';
export { type TokenError, tokenErrors } from './token-error.ts';
export { isSignedBy } from './verify-jws.ts';
export {
  badTokenOption,
  millisecondsOf,
  type TimeSettings,
  timeSettings,
  type TokenTimeOptions,
} from './token-time-options.ts';
