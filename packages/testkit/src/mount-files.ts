import { SpiffeError } from '@svidkit/core';

import { type TestBundle, testBundle } from './test-bundle.ts';
import { type TestSvid } from './test-svid.ts';

/** How a private key is written: PKCS#8, or the older encoding of its type (SEC1 for EC, PKCS#1 for RSA). */
export type KeyEncoding = 'pkcs8' | 'traditional';

/** Options of {@link mountFiles}. */
export interface MountFilesOptions {
  /** Default: `pkcs8`. */
  readonly keyEncoding?: KeyEncoding;
}

type Layout = (
  svid: TestSvid,
  bundles: TestBundle | readonly TestBundle[],
  options?: MountFilesOptions,
) => Record<string, string>;

/**
 * What each agent puts into a mount: an SVID and bundles to file names and contents, for a mount writer. A
 * bundle may be a `TestCa`. Layouts with one bundle file hold the authorities of the trust domain of the SVID
 * alone, except where it is said.
 *
 * - `csiDriverSpiffe`: `tls.crt`, `tls.key`, `ca.crt` of cert-manager's csi-driver-spiffe.
 * - `secret`: the same names as a Kubernetes Secret of cert-manager has them.
 * - `credentialBundle`: `credential-bundle.pem` of a PodCertificate volume, key first, and `ca.crt` of a
 *   ClusterTrustBundle beside it.
 * - `spiffeHelper`: `svid.pem`, `svid_key.pem`, `svid_bundle.pem`.
 * - `spiffeHelperFederated`: the same, where the bundle file holds the authorities of all trust domains.
 * - `istio`: `cert-chain.pem`, `key.pem`, `root-cert.pem`.
 * - `gce`: `certificates.pem`, `private_key.pem`, `ca_certificates.pem`.
 * - `filesystemDraft`: `credential-bundle.private-key.pem`, and `NAME.spiffe-trust-bundle.pem` for each trust domain.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when `traditional` is asked for a key that has no such encoding.
 */
export const mountFiles: Readonly<
  Record<
    | 'csiDriverSpiffe'
    | 'secret'
    | 'credentialBundle'
    | 'spiffeHelper'
    | 'spiffeHelperFederated'
    | 'istio'
    | 'gce'
    | 'filesystemDraft',
    Layout
  >
> = Object.freeze({
  csiDriverSpiffe: threeFiles('tls.crt', 'tls.key', 'ca.crt'),
  secret: threeFiles('tls.crt', 'tls.key', 'ca.crt'),
  credentialBundle: (svid, bundles, options) => ({
    'credential-bundle.pem': keyPem(svid, options) + svid.certPem,
    'ca.crt': ownBundle(svid, bundles),
  }),
  spiffeHelper: threeFiles('svid.pem', 'svid_key.pem', 'svid_bundle.pem'),
  spiffeHelperFederated: (svid, bundles, options) => ({
    'svid.pem': svid.certPem,
    'svid_key.pem': keyPem(svid, options),
    'svid_bundle.pem': listOf(bundles)
      .map(({ bundlePem }) => bundlePem)
      .join(''),
  }),
  istio: threeFiles('cert-chain.pem', 'key.pem', 'root-cert.pem'),
  gce: threeFiles('certificates.pem', 'private_key.pem', 'ca_certificates.pem'),
  filesystemDraft: (svid, bundles, options) => {
    const byTrustDomain = Map.groupBy(listOf(bundles), ({ trustDomain }) => trustDomain);
    return {
      'credential-bundle.private-key.pem': keyPem(svid, options) + svid.certPem,
      ...Object.fromEntries(
        [...byTrustDomain].map(([name, group]) => [
          `${name}.spiffe-trust-bundle.pem`,
          testBundle(...group).bundlePem,
        ]),
      ),
    };
  },
} satisfies Record<string, Layout>);

function threeFiles(cert: string, key: string, bundle: string): Layout {
  return (svid, bundles, options) => ({
    [cert]: svid.certPem,
    [key]: keyPem(svid, options),
    [bundle]: ownBundle(svid, bundles),
  });
}

function ownBundle(svid: TestSvid, bundles: TestBundle | readonly TestBundle[]): string {
  const own = listOf(bundles).filter(({ trustDomain }) => trustDomain === svid.trustDomain);
  return own.length === 0 ? '' : testBundle(...own).bundlePem;
}

function listOf(bundles: TestBundle | readonly TestBundle[]): readonly TestBundle[] {
  return 'trustDomain' in bundles ? [bundles] : bundles;
}

function keyPem({ key, keyPem: pkcs8 }: TestSvid, { keyEncoding = 'pkcs8' }: MountFilesOptions = {}): string {
  if (keyEncoding === 'pkcs8') return pkcs8;
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString();
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `want an EC or RSA key for keyEncoding "traditional", got ${key.asymmetricKeyType}`,
  );
}
