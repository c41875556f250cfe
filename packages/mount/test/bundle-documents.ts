import { formatBundleDocument, formatBundleMap, SpiffeBundle, TrustDomain } from '@svidkit/core';
import { type TestBundle, type TestJwtAuthority } from '@svidkit/testkit';

/** What a document says beside the authorities for X.509-SVIDs. */
export interface DocumentOptions {
  readonly sequence?: bigint;
  readonly refreshHint?: number;
  readonly jwt?: TestJwtAuthority;
}

/** One bundle with all that a document can say. */
function spiffeBundle(
  bundle: TestBundle,
  { sequence, refreshHint, jwt }: DocumentOptions = {},
): SpiffeBundle {
  return SpiffeBundle.of(TrustDomain.parse(bundle.trustDomain), {
    x509: bundle.bundle(),
    ...(sequence === undefined ? {} : { sequence }),
    ...(refreshHint === undefined ? {} : { refreshHint }),
    ...(jwt === undefined ? {} : { jwt: jwt.bundle() }),
  });
}

/** The SPIFFE bundle document of one trust domain, as `spire-server bundle show -format spiffe` prints it. */
export function documentOf(bundle: TestBundle, options: DocumentOptions = {}): string {
  return formatBundleDocument(spiffeBundle(bundle, options));
}

/** The bundle of one trust domain in a map, with its number when it has one. */
export type MapEntry = TestBundle | readonly [TestBundle, DocumentOptions];

/** The bundle map of several trust domains. */
export function mapOf(...bundles: readonly MapEntry[]): string {
  return formatBundleMap(
    bundles.map((one) => ('trustDomain' in one ? spiffeBundle(one) : spiffeBundle(one[0], one[1]))),
  );
}

/** A document without any authority. */
export function emptyDocument(sequence?: bigint): string {
  return sequence === undefined ? '{"keys":[]}' : `{"spiffe_sequence":${sequence},"keys":[]}`;
}
