export { bearerHeader, readBearer } from './bearer.ts';
export { bearerFetch, type BearerFetchOptions, type FetchLike } from './bearer-fetch.ts';
export { type JwtClaim, type JwtClaims } from '../jws/token-claims.ts';
export { type JwtBundles, JwtBundleSet } from './jwt-bundle-set.ts';
export { jwtSubject, requireNotDenied } from './jwt-subject.ts';
export { type JwtSource, type JwtSvidRequest } from './jwt-source.ts';
export { JwtSvidCache, type JwtSvidCacheOptions } from './jwt-svid-cache.ts';
export { JwtSvid, parseJwtSvid, type ParseJwtSvidOptions, type VerifiedJwtSvid } from './jwt-svid.ts';
export {
  type JwtBundlesRead,
  parseJwtBundles,
  type ParseJwtBundlesOptions,
  readJwtBundles,
} from './parse-jwt-bundles.ts';
export { pickJwtSvid } from './pick-jwt-svid.ts';
export { readRequest, type WantedJwtSvid } from './read-request.ts';
export {
  staticJwtSource,
  type StaticJwtContent,
  type StaticJwtSource,
  type StaticJwtSourceOptions,
} from './static-jwt-source.ts';
export { type JwtJudge, type JwtVerdict, validateJwtSvid, validateJwtSvidBy } from './validate-jwt-svid.ts';
export { requireValidateOptions, type ValidateJwtSvidOptions } from './validation-options.ts';
