export { inspectMount } from './inspect-mount.ts';
export { type LayoutName } from './layout.ts';
export {
  type ForeignAuthorities,
  type IdentityChange,
  type MountFileNames,
  type MountOptions,
} from './mount-options.ts';
export {
  type BundleReport,
  type CandidateReport,
  type CertificateReport,
  type FileReport,
  type IdentityReport,
  type MountReport,
  type ProblemReport,
  type WriterKind,
} from './mount-report.ts';
export { type MountedJwtOptions } from './mounted-jwt-options.ts';
export { type MountedJwtHealth, type MountedJwtSource } from './mounted-jwt-source.ts';
export { type MountedPolicyFile, type PolicyFileHealth } from './mounted-policy-file.ts';
export { type MountedX509Source } from './mounted-x509-source.ts';
export { type MountedDenyList, openMountedDenyList } from './open-mounted-deny-list.ts';
export { type MountedMigrationPolicy, openMountedMigrationPolicy } from './open-mounted-migration-policy.ts';
export { openMountedJwtSource } from './open-mounted-jwt-source.ts';
export { openMountedX509Source } from './open-mounted-x509-source.ts';
export { type PolicyFileOptions } from './policy-file-options.ts';
export { type WatchMode } from './watch-hints.ts';
