export {
  bearerFetch,
  type BearerFetchOptions,
  bearerHeader,
  type FetchLike,
  type JwtClaim,
  type JwtClaims,
  JwtBundleSet,
  type JwtSource,
  type JwtSvid,
  type JwtSvidRequest,
  parseJwtBundles,
  parseJwtSvid,
  staticJwtSource,
  type StaticJwtContent,
  type StaticJwtSource,
  validateJwtSvid,
  type ValidateJwtSvidOptions,
  type VerifiedJwtSvid,
} from '@svidkit/core/jwt';

export {
  type WorkloadJwtSource,
  workloadJwtSource,
  type WorkloadJwtSourceOptions,
} from './workload-jwt-source.ts';
