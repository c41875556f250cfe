export { type BundleReply } from './bundle-reply.ts';
export { CA_DEFECTS, type CaDefect } from './ca-defects.ts';
export { type CaOptions } from './ca-plan.ts';
export {
  type ExtendedKeyUsageName,
  type KeyUsageName,
  type SubjectAlternativeName,
} from './certificate-plan.ts';
export { createTestCa, type TestCaOptions } from './create-test-ca.ts';
export { type DirectorySwapWriterOptions, directorySwapWriter } from './directory-swap-writer.ts';
export {
  type BundleRequest,
  FakeBundleEndpoint,
  fakeBundleEndpoint,
  type FakeBundleEndpointOptions,
} from './fake-bundle-endpoint.ts';
export { type Cut, type InPlaceWriterOptions, inPlaceWriter } from './in-place-writer.ts';
export {
  type FakeBroker,
  type FakeBrokerOptions,
  type ReferencedWorkload,
  referencedWorkload,
  startFakeBroker,
} from './fake-broker.ts';
export { type FakeEndpoint } from './fake-endpoint.ts';
export { type FakeAnswer, type FakeCall, type FakeMethod, type FakeStatus } from './fake-method.ts';
export {
  type FakeWorkloadApi,
  type FakeWorkloadApiOptions,
  startFakeWorkloadApi,
} from './fake-workload-api.ts';
export { type KeyType } from './key-type.ts';
export { type KubeletWriterOptions, kubeletWriter } from './kubelet-writer.ts';
export { LEAF_DEFECTS, type LeafDefect } from './leaf-defects.ts';
export { type IssueOptions } from './leaf-plan.ts';
export { type LegacyDefect, type LegacyIssueOptions } from './legacy-plan.ts';
export { type ManualClock, manualClock } from './manual-clock.ts';
export { type KeyEncoding, mountFiles, type MountFilesOptions } from './mount-files.ts';
export { type RenameWriterOptions, renameWriter } from './rename-writer.ts';
export { type MountFiles, type MountWriter, type Rotation } from './rotation.ts';
export { type TestBundle, testBundle, testBundleOf, testBundleSet } from './test-bundle.ts';
export { TestCa, type TestContext, type TestContextOptions, type TestX509Source } from './test-ca.ts';
export {
  createTestJwtAuthority,
  type IssueJwtOptions,
  type JwtKeyAlgorithm,
  type TestJwtAuthority,
  type TestJwtAuthorityOptions,
} from './test-jwt-authority.ts';
export {
  createTestWitAuthority,
  type IssueWitOptions,
  type TestWitAuthority,
  type TestWitEntry,
} from './test-wit-authority.ts';
export { type TestCertificate, type TestSvid } from './test-svid.ts';
export { type WriteOrder } from './write-order.ts';
export {
  bundleMap,
  type X509Entry,
  x509Response,
  type X509ResponseFields,
  type X509ResponseOptions,
  type X509SvidFields,
} from './x509-response.ts';
