import { type SpecReference } from '../src/vectors/vector.ts';

function cite(doc: string, section: string, quote?: string): SpecReference {
  return { doc, section, ...(quote === undefined ? {} : { quote }) };
}

/** The sentences that cases rest on, verbatim. */
export const SPEC = {
  idForm: cite(
    'SPIFFE-ID',
    '2',
    'Valid SPIFFE IDs MUST have the scheme set to `spiffe`, include a non-zero trust domain name, and MUST NOT include a query or fragment component.',
  ),
  idHostNotEmpty: cite('SPIFFE-ID', '2.1', 'The `host` part of the authority MUST NOT be empty.'),
  idUserinfoPort: cite(
    'SPIFFE-ID',
    '2.1',
    'The `userinfo` and `port` parts of the authority component MUST be empty.',
  ),
  idHostLower: cite('SPIFFE-ID', '2.1', 'The `host` part of the authority MUST be lowercase.'),
  idHostChars: cite(
    'SPIFFE-ID',
    '2.1',
    'The `host` part of the authority MUST contain only letters, numbers, dots, dashes, and underscores ([a-z0-9.-_]).',
  ),
  idHostPercent: cite(
    'SPIFFE-ID',
    '2.1',
    'The `host` part of the authority MUST NOT contain percent-encoded characters.',
  ),
  idNoIpRules: cite(
    'SPIFFE-ID',
    '2.1',
    'Implementations MUST NOT process trust domain names differently whether or not they are valid IP addresses and/or valid DNS names.',
  ),
  idNoIpv6: cite(
    'SPIFFE-ID',
    '2.1',
    'Please note that this definition does not exclude IPv4 addresses in dotted-quad notation, but does exclude IPv6 addresses.',
  ),
  idPathPercent: cite('SPIFFE-ID', '2.2', 'The path component MUST NOT include percent-encoded characters.'),
  idPathSegments: cite(
    'SPIFFE-ID',
    '2.2',
    'The path component MUST NOT include segments that are empty or are relative path modifiers (i.e. `.`, `..`)',
  ),
  idPathTrailing: cite('SPIFFE-ID', '2.2', 'The path component MUST NOT include a trailing `/`.'),
  idPathChars: cite(
    'SPIFFE-ID',
    '2.2',
    'Individual path segments MUST contain only letters, numbers, dots, dashes, and underscores ([a-zA-Z0-9.-_]).',
  ),
  idLength: cite(
    'SPIFFE-ID',
    '2.3',
    'SPIFFE implementations MUST support SPIFFE URIs up to 2048 bytes in length and SHOULD NOT generate URIs of length greater than 2048 bytes.',
  ),
  tdLength: cite('SPIFFE-ID', '2.3', 'therefore a maximum length of a trust domain name is 255 bytes.'),
  idCase: cite(
    'SPIFFE-ID',
    '2.4',
    'The scheme and trust domain name of the SPIFFE ID are case-insensitive. The path is case-sensitive.',
  ),
  oneUri: cite(
    'X509-SVID',
    '2',
    'An X.509 SVID MUST contain exactly one URI SAN, and by extension, exactly one SPIFFE ID.',
  ),
  manyUris: cite('X509-SVID', '5.2', 'SVIDs containing more than one URI SAN MUST be rejected.'),
  otherSans: cite(
    'X509-SVID',
    '2',
    'An X.509 SVID MAY contain any number of other SAN field types, including DNS SANs.',
  ),
  uriSan: cite(
    'X509-SVID',
    '2',
    'In an X.509 SVID, the corresponding SPIFFE ID is set as a URI type in the Subject Alternative Name extension',
  ),
  leafPath: cite('X509-SVID', '3.1', 'Leaf certificate SPIFFE IDs MUST have a non-root path component.'),
  leafSubject: cite(
    'X509-SVID',
    '3.1',
    'The Subject field is not required, however the URI SAN extension MUST be marked as critical if Subject is omitted',
  ),
  signingNotLeaf: cite(
    'X509-SVID',
    '3.2',
    'Signing certificates MUST NOT be used for authentication purposes.',
  ),
  signingPath: cite(
    'X509-SVID',
    '3.2',
    'If present, the SPIFFE ID of a signing certificate MUST NOT have a path component, and SHOULD reside in the trust domain of any leaf SVIDs it issues.',
  ),
  signingOtherTd: cite(
    'X509-SVID',
    '3.2',
    'A signing certificate MAY be used to issue further signing certificates in the same or different trust domains.',
  ),
  caFlag: cite(
    'X509-SVID',
    '4.1',
    'Signing certificates MUST set the `cA` field to `true`, and leaf certificates MUST set the `cA` field to `false`.',
  ),
  nameConstraints: cite(
    'X509-SVID',
    '4.2',
    'X.509 SVID signing certificates MAY apply URI name constraints as the implementor sees fit',
  ),
  keyUsageCritical: cite(
    'X509-SVID',
    '4.3',
    'The key usage extension MUST be set on all SVIDs, and MUST be marked critical.',
  ),
  keyCertSign: cite('X509-SVID', '4.3', 'SVID signing certificates MUST set `keyCertSign`.'),
  digitalSignature: cite('X509-SVID', '4.3', 'Leaf SVIDs MUST set `digitalSignature`.'),
  leafNoSigning: cite('X509-SVID', '4.3', 'Leaf SVIDs MUST NOT set `keyCertSign` or `cRLSign`.'),
  eku: cite(
    'X509-SVID',
    '4.4',
    'When included, fields `id-kp-serverAuth` and `id-kp-clientAuth` MUST be set.',
  ),
  path: cite(
    'X509-SVID',
    '5.1',
    'The validation of trust in a given SVID is based on standard X.509 path validation, and MUST follow [RFC 5280][1] path validation semantics.',
  ),
  leafValidation: cite(
    'X509-SVID',
    '5.2',
    'the validator MUST ensure that the `cA` field in the basic constraints extension is set to `false`, and that `keyCertSign` and `cRLSign` are not set in the key usage extension.',
  ),
  leafScheme: cite(
    'X509-SVID',
    '5.2',
    'The validator MUST also ensure that the scheme of the SPIFFE ID is set to `spiffe`, and MUST ensure that the SPIFFE ID has a non-root path component.',
  ),
  bundleOfTd: cite(
    'WORKLOAD-API',
    '4.6',
    'If no matching bundle is present for the SVID in use, then the peer is untrusted.',
  ),
  neverMerge: cite(
    'FEDERATION',
    '4.2',
    'Bundle contents from different trust domains MUST NOT be merged into a single, larger bundle.',
  ),
  emptyBundle: cite(
    'BUNDLE',
    '4.1.3',
    'In both cases, workloads MUST treat all SVIDs from the trust domain as invalid and untrusted.',
  ),
  bundleKeys: cite('BUNDLE', '4.1.3', 'The parameter `keys` MUST be present. Its value is an array of JWKs.'),
  bundleUnknown: cite(
    'BUNDLE',
    '4.1.3',
    'Clients encountering unknown key types or uses MUST ignore the corresponding JWK element.',
  ),
  bundleUse: cite(
    'BUNDLE',
    '4.2.2',
    'Clients encountering either a missing `use` parameter or an unknown `use` value MUST ignore the entire JWK element.',
  ),
  bundleMembers: cite(
    'BUNDLE',
    '4.1',
    'Parameters not defined here MAY be included as implementers see fit, however SPIFFE implementations MUST NOT require their presence in order to function.',
  ),
  sequence: cite(
    'BUNDLE',
    '4.1.1',
    'When present, its value MUST be a monotonically increasing integer, and MUST be changed whenever the contents of the bundle are updated.',
  ),
  sequenceBits: cite(
    'BUNDLE',
    '4.1.1',
    'Care should be taken to ensure that the resulting type has at least 64 bits of precision in order to mitigate overflow.',
  ),
  refreshHint: cite(
    'BUNDLE',
    '4.1.2',
    'When set, its value MUST be an integer representing the suggested consumer refresh interval in seconds.',
  ),
  mapTrustDomains: cite(
    'BUNDLE',
    '5.1.1',
    'Its contents are a map of SPIFFE Bundles, keyed by the trust domain name.',
  ),
  mapDuplicates: cite(
    'BUNDLE',
    '5.1.1',
    'Consumers MUST reject maps in which duplicate trust domain name keys are detected, provided that the underlying libraries are capable of detecting such duplications.',
  ),
  mapRefresh: cite(
    'BUNDLE',
    '5.1.1',
    'Consumers of SPIFFE Bundle Maps MUST NOT alter SPIFFE Bundle Map refresh behavior based on the value of \u201crefresh_hint\u201d keys present in any individual bundle in the map.',
  ),
  x5cMissing: cite('X509-SVID', '6.2', 'If `x5c` is not set, or is empty, then the entry MUST be ignored.'),
  x5c: cite(
    'X509-SVID',
    '6.2',
    'If the `x5c` parameter contains multiple values, then all but the first MUST be ignored.',
  ),
  x509NoKid: cite('X509-SVID', '6.1', 'Additionally, the `kid` parameter of each JWK entry MUST NOT be set.'),
  jwtKid: cite('JWT-SVID', '6.1', 'Additionally, the `kid` parameter of each JWK entry MUST be set.'),
  jwtAlgorithms: cite('JWT-SVID', '2.1'),
  kidUnique: cite(
    'WIT-SVID',
    '6.1',
    'The value of the `kid` parameter MUST be unique within the scope of the SPIFFE bundle.',
  ),
  workloadJwks: cite(
    'WORKLOAD-API',
    '6.2.2',
    'The server MUST NOT include keys with other uses in the returned JWT bundles.',
  ),
  endpoint: cite(
    'WORKLOAD-ENDPOINT',
    '4',
    'The scheme MUST be set to either `unix` or `tcp`, which indicates that the endpoint is served over a Unix Domain Socket or a TCP listen socket, respectively.',
  ),
  endpointUnix: cite(
    'WORKLOAD-ENDPOINT',
    '4',
    'If the scheme is set to `unix`, then the authority component MUST NOT be set, and the path component MUST be set to the absolute path of the SPIFFE Workload Endpoint Unix Domain Socket',
  ),
  endpointTcp: cite(
    'WORKLOAD-ENDPOINT',
    '4',
    'If the scheme is set to `tcp`, then the host component of the authority MUST be set to an IP address, and the port component of the authority MUST be set to the TCP port number of the SPIFFE Workload Endpoint TCP listen socket.',
  ),
  anchorIsFree: cite(
    'RFC5280',
    '6.2',
    'Implementations that use self-signed certificates to specify trust anchor information are free to process or ignore such information.',
  ),
  chainOrder: cite(
    'RFC8446',
    '4.4.2',
    'all implementations SHOULD be prepared to handle potentially extraneous certificates and arbitrary orderings from any TLS version, with the exception of the end-entity certificate which MUST be first.',
  ),
  kit: (section: string): SpecReference => cite('KIT', section),
  rfc5280: (section: string): SpecReference => cite('RFC5280', section),
  rfc7517: (section: string): SpecReference => cite('RFC7517', section),
  rfc8259: (section: string): SpecReference => cite('RFC8259', section),
  rfc7468: cite('RFC7468', '2'),
  workloadApi: (section: string): SpecReference => cite('WORKLOAD-API', section),
} as const;
