import { type SpecReference } from '../vectors/vector.ts';

function cite(doc: string, section: string, quote: string): SpecReference {
  return { doc, section, quote };
}

type Name =
  | 'web'
  | 'url'
  | 'noClientAuth'
  | 'spiffe'
  | 'notSelfServing'
  | 'latest'
  | 'redirect'
  | 'redirectTls'
  | 'redirectForgotten'
  | 'knownName'
  | 'stored'
  | 'poll'
  | 'pollDefault'
  | 'sequence'
  | 'noSequence'
  | 'empty'
  | 'duplicates'
  | 'neverMerge'
  | 'terminate'
  | 'serve';

/** The sentences that cases of federation rest on. */
export const FEDERATION: Readonly<Record<Name, SpecReference>> = {
  web: cite(
    'FEDERATION',
    '5.2.1.4',
    'When connecting to the endpoint, the server certificate MUST be validated in accordance with [RFC 6125][11].',
  ),
  url: cite(
    'FEDERATION',
    '5.2.1.1',
    'Bundle endpoint URLs utilizing `https_web` MUST have the scheme set to `https` and MUST NOT include userinfo in the authority component.',
  ),
  noClientAuth: cite(
    'FEDERATION',
    '5.2.1.3',
    'As an interoperability concern, servers MUST NOT require client authentication to access the bundle endpoint; this includes both transport layer (e.g. client certificates) and HTTP-layer (e.g. Authentication headers) authentication schemes.',
  ),
  spiffe: cite(
    'FEDERATION',
    '5.2.2.4',
    'When connecting to the endpoint, it MUST be validated that the server certificate is a valid X509-SVID for the bundle endpoint SPIFFE ID that was provided as a bundle endpoint parameter.',
  ),
  notSelfServing: cite(
    'FEDERATION',
    '5.2.2.2',
    "If the endpoint is not self-serving, clients MUST be separately configured for the endpoint server's trust domain.",
  ),
  latest: cite(
    'FEDERATION',
    '5.2.2.4',
    'The latest available bundle MUST be used to validate any subsequent connections.',
  ),
  redirect: cite(
    'FEDERATION',
    '5.2.1.4',
    'Bundle endpoint clients SHOULD follow the redirect if the URL meets all the requirements of a valid bundle endpoint URL.',
  ),
  redirectTls: cite(
    'FEDERATION',
    '5.2.2.4',
    'In particular, it MUST present a valid X509-SVID for the same SPIFFE ID as originally configured.',
  ),
  redirectForgotten: cite(
    'FEDERATION',
    '5.2.1.4',
    'Bundle endpoint clients SHOULD use the configured endpoint URL for each bundle refresh and SHOULD NOT permanently store the location for future fetches.',
  ),
  knownName: cite(
    'FEDERATION',
    '5.2.1.4',
    'Clients MUST know the name of the trust domain that the endpoint URL represents prior to retrieving the trust bundle',
  ),
  stored: cite(
    'FEDERATION',
    '4.2',
    'Clients of the bundle endpoint SHOULD store the latest SPIFFE bundle each time it is retrieved.',
  ),
  poll: cite(
    'FEDERATION',
    '4.1',
    'Clients SHOULD poll at a frequency equal to the value of the bundle’s `spiffe_refresh_hint`, in seconds.',
  ),
  pollDefault: cite(
    'FEDERATION',
    '4.1',
    'If not set, a reasonably low default value should apply - five minutes is recommended.',
  ),
  sequence: cite(
    'FEDERATION',
    '4.2',
    'The sequence number field of the trust bundle SHOULD be used when comparing the freshness or ordering of two trust bundles.',
  ),
  noSequence: cite(
    'FEDERATION',
    '4.2',
    'If the trust bundle omits the sequence number, operators SHOULD consider the most recently retrieved bundle to be up-to-date.',
  ),
  empty: cite(
    'BUNDLE',
    '4.1.3',
    'In both cases, workloads MUST treat all SVIDs from the trust domain as invalid and untrusted.',
  ),
  duplicates: cite(
    'BUNDLE',
    '5.1.1',
    'Consumers MUST reject maps in which duplicate trust domain name keys are detected, provided that the underlying libraries are capable of detecting such duplications.',
  ),
  neverMerge: cite(
    'FEDERATION',
    '4.2',
    'Bundle contents from different trust domains MUST NOT be merged into a single, larger bundle.',
  ),
  terminate: cite(
    'FEDERATION',
    '6.3',
    'Of course, this must also be propagated to validators so that they drop the bundle for that foreign trust domain and cease to successfully validate SVIDs presented from it.',
  ),
  serve: cite(
    'FEDERATION',
    '5.2.1.3',
    'The response MUST be encoded as UTF-8 and SHOULD set the `Content-Type` header to `application/json` on the response.',
  ),
};
