/** The names of the layouts that the reader knows. `explicit` is what `files` describes. */
export type LayoutName =
  | 'spiffe-filesystem'
  | 'kubernetes-secret'
  | 'csi-driver-spiffe'
  | 'spiffe-helper'
  | 'istio'
  | 'gce'
  | 'pod-certificate'
  | 'explicit';

/** Where chain and key are: in two files, or in one. */
export type IdentityFiles =
  | { readonly cert: string; readonly key: string }
  | { readonly credentialBundle: string };

/** What a writer puts into a directory. */
export interface Layout {
  readonly name: LayoutName;
  /** File names, in order of preference. */
  readonly identities: readonly IdentityFiles[];
  /** Names of the file with the authorities of the own trust domain, in order of preference. */
  readonly bundles: readonly string[];
  /** What follows the name of a trust domain in the name of its bundle file, in order of preference. */
  readonly bundleSuffixes: readonly string[];
  /** Directories in which it is looked for when nothing is configured. */
  readonly directories: readonly string[];
  /** Whether a credential bundle has to be one private key and then certificates, and nothing else. */
  readonly strictBundle: boolean;
}

const TLS_FILES = {
  identities: [{ cert: 'tls.crt', key: 'tls.key' }],
  bundles: ['ca.crt'],
  bundleSuffixes: [],
  strictBundle: false,
} as const;

const BUNDLE_SUFFIXES = [
  '.spiffe-trust-bundle.pem',
  '.trust-bundle.pem',
  '.spiffe-trust-bundle.x509.pem',
  '.trust-bundle.x509.pem',
] as const;

/** In the order in which a directory is tried. */
export const LAYOUTS: readonly Layout[] = [
  {
    // The draft "SPIFFE Filesystem Delivery" (spiffe/spiffe#376), whose names still change: all of them.
    name: 'spiffe-filesystem',
    identities: [
      { credentialBundle: 'credential-bundle.private-key.pem' },
      { credentialBundle: 'x509.credential-bundle.private-key.pem' },
      { credentialBundle: 'credential-bundle.x509.pem' },
      { credentialBundle: 'credential-bundle.pem' },
    ],
    bundles: [],
    bundleSuffixes: BUNDLE_SUFFIXES,
    directories: ['/run/secrets/workload-spiffe-credentials', '/var/run/secrets/workload-spiffe-credentials'],
    strictBundle: true,
  },
  { name: 'csi-driver-spiffe', ...TLS_FILES, directories: ['/var/run/secrets/spiffe.io'] },
  { name: 'kubernetes-secret', ...TLS_FILES, directories: [] },
  {
    name: 'spiffe-helper',
    identities: [{ cert: 'svid.pem', key: 'svid_key.pem' }],
    bundles: ['svid_bundle.pem', 'bundle.pem'],
    bundleSuffixes: [],
    directories: [],
    strictBundle: false,
  },
  {
    name: 'istio',
    identities: [{ cert: 'cert-chain.pem', key: 'key.pem' }],
    bundles: ['root-cert.pem'],
    bundleSuffixes: [],
    directories: ['/etc/certs'],
    strictBundle: false,
  },
  {
    name: 'gce',
    identities: [{ cert: 'certificates.pem', key: 'private_key.pem' }],
    bundles: ['ca_certificates.pem'],
    bundleSuffixes: [],
    directories: ['/run/secrets/workload-spiffe-credentials', '/var/run/secrets/workload-spiffe-credentials'],
    strictBundle: false,
  },
  {
    // The pod spec names these files; they are the names that examples use.
    name: 'pod-certificate',
    identities: [
      { credentialBundle: 'credential-bundle.pem' },
      { credentialBundle: 'credentialbundle.pem' },
      { cert: 'certificates.pem', key: 'key.pem' },
      { cert: 'certificate-chain.pem', key: 'key.pem' },
    ],
    bundles: ['ca.crt', 'trust-bundle.pem', 'trustbundle.pem', 'ca-certificates.pem'],
    bundleSuffixes: BUNDLE_SUFFIXES,
    directories: [],
    strictBundle: false,
  },
];

/** The directories that are looked at when neither an option nor the environment names one, in this order. */
export const WELL_KNOWN_DIRECTORIES: readonly string[] = [
  ...new Set(LAYOUTS.flatMap((layout) => layout.directories)),
];

/** The file names of an identity. */
export function identityNames(identity: IdentityFiles): readonly string[] {
  return 'cert' in identity ? [identity.cert, identity.key] : [identity.credentialBundle];
}

/** The layouts in the order in which `directory` is tried: first those that have it as their own. */
export function layoutsFor(directory: string): readonly Layout[] {
  const isOwn = (layout: Layout): boolean => layout.directories.some((own) => isInside(directory, own));
  // csi-driver-spiffe has the file names of a Secret; only its directory tells it apart.
  return LAYOUTS.filter((layout) => layout.name !== 'csi-driver-spiffe' || isOwn(layout));
}

function isInside(directory: string, own: string): boolean {
  const [inner, outer] = [directory, own].map((path) => path.replace(/^\/var\/run\//, '/run/'));
  return inner === outer || inner?.startsWith(`${outer}/`) === true;
}
