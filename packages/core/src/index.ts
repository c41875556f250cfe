export { allOf, anyOf, not } from './authorize-combine.ts';
export { authorizeByPolicy } from './authorize-by-policy.ts';
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
export { parseBundleDocument } from './bundle-document.ts';
export { formatBundleMap, parseBundleMap } from './bundle-map.ts';
export { BundleSet } from './bundle-set.ts';
export { Certificate } from './certificate.ts';
export { checkAuthorized } from './check-authorized.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export {
  type DenyList,
  type DenyListDocument,
  type DenyListEntries,
  parseDenyList,
  type StaticDenyList,
  staticDenyList,
  type DenySubject,
} from './deny-list.ts';
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
export { firstReasons } from './first-reasons.ts';
export { formatBundleDocument } from './format-bundle-document.ts';
export { JwtBundle, parseJwtBundle } from './jwt-bundle.ts';
export { type HealthTimes, healthTimes, nextHealthTime, statusAt } from './health-times.ts';
export { Listeners } from './listeners.ts';
export {
  type MigrationPolicy,
  type MigrationPolicySource,
  parseMigrationPolicy,
  type StaticMigrationPolicy,
  staticMigrationPolicy,
} from './migration-policy.ts';
export { parseSpiffeBundles, type SpiffeBundles } from './parse-spiffe-bundles.ts';
export { parsePem, type PemBlock } from './pem.ts';
export { SourceCell, type SourceCellOptions } from './source-cell.ts';
export { type HealthStatus, type SourceHealth, type X509Context, type X509Source } from './source.ts';
export { SpiffeBundle, type SpiffeBundleParts } from './spiffe-bundle.ts';
export { parseSpiffeIdLenient, SpiffeId } from './spiffe-id.ts';
export { type StaticSourceOptions, type StaticX509Source, staticX509Source } from './static-source.ts';
export { TrustDomain } from './trust-domain.ts';
export { type VerifiedX509Chain, verifyX509Chain } from './verify-x509-chain.ts';
export { type VerifiedX509Svid, verifyX509Svid, type VerifyX509SvidOptions } from './verify-x509-svid.ts';
export { X509Bundle } from './x509-bundle.ts';
export { X509KeyPair } from './x509-key-pair.ts';
export { X509Svid, type X509SvidDer, type X509SvidPem } from './x509-svid.ts';
