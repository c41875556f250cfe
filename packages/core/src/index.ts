export { allOf, anyOf, not } from './authorize-combine.ts';
export { authorizePath } from './authorize-path.ts';
export {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeOneOf,
  authorizeWith,
  type AuthorizeWithOptions,
} from './authorize.ts';
export { type AuthorizedSubject, type Authorizer, type Decision, requireAuthorizer } from './authorizer.ts';
export { BundleSet } from './bundle-set.ts';
export { Certificate } from './certificate.ts';
export { checkAuthorized } from './check-authorized.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export {
  type Blame,
  ERROR_CODES,
  isSpiffeError,
  SpiffeError,
  type SpiffeErrorCode,
  type SpiffeErrorOptions,
} from './errors.ts';
export { type PeerEvent, publish, type SvidkitEvents } from './events.ts';
export { firstHealthy, type FirstHealthyOptions } from './first-healthy.ts';
export { parsePem, type PemBlock } from './pem.ts';
export { SourceCell, type SourceCellOptions } from './source-cell.ts';
export { type HealthStatus, type SourceHealth, type X509Context, type X509Source } from './source.ts';
export { parseSpiffeIdLenient, SpiffeId } from './spiffe-id.ts';
export { type StaticSourceOptions, type StaticX509Source, staticX509Source } from './static-source.ts';
export { TrustDomain } from './trust-domain.ts';
export { type VerifiedX509Svid, verifyX509Svid, type VerifyX509SvidOptions } from './verify-x509-svid.ts';
export { X509Bundle } from './x509-bundle.ts';
export { X509Svid, type X509SvidDer, type X509SvidPem } from './x509-svid.ts';
