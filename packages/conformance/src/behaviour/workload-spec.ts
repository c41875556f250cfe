import { type SpecReference } from '../vectors/vector.ts';

function cite(doc: string, section: string, quote: string): SpecReference {
  return { doc, section, quote };
}

type Name =
  | 'fallback'
  | 'header'
  | 'noTls'
  | 'whole'
  | 'complete'
  | 'mandatory'
  | 'defaultIdentity'
  | 'hint'
  | 'sameHint'
  | 'svids'
  | 'keysApart'
  | 'bundles'
  | 'unknown'
  | 'discards'
  | 'audience'
  | 'subject'
  | 'cache'
  | 'jwtRedaction'
  | 'jwtBundle'
  | 'delegated'
  | 'reconnects'
  | 'survives'
  | 'unavailable'
  | 'denied'
  | 'withdrawn'
  | 'invalidArgument'
  | 'unimplemented'
  | 'unreachable'
  | 'ends'
  | 'size';

/** The sentences that cases about the Workload API rest on. Those of `KIT` are the contract of the reference. */
export const WORKLOAD: Readonly<Record<Name, SpecReference>> = {
  fallback: cite(
    'WORKLOAD-ENDPOINT',
    '4',
    'If not explicitly configured, conforming clients MUST fall back to the environment variable.',
  ),
  header: cite(
    'WORKLOAD-ENDPOINT',
    '3',
    'every client request to the SPIFFE Workload Endpoint MUST include the static gRPC metadata key `workload.spiffe.io` with a value of `true` (case sensitive).',
  ),
  noTls: cite(
    'WORKLOAD-ENDPOINT',
    '3.1',
    'Transport Layer Security MUST NOT be required, despite the fact that gRPC strongly prefers it.',
  ),
  whole: cite(
    'WORKLOAD-API',
    '4.3',
    'Every stream response message sent by the server MUST include the full set of information, and not just the information which has changed.',
  ),
  complete: cite(
    'WORKLOAD-API',
    '4.4',
    'previously received, non-default or non-empty values MUST NOT be retained by a client after receiving a default or empty value for the fields.',
  ),
  mandatory: cite(
    'WORKLOAD-API',
    '4.5',
    'Clients receiving a message in which a mandatory field has a default value SHOULD report an error and discard the message.',
  ),
  defaultIdentity: cite(
    'WORKLOAD-API',
    '8',
    'The default identity is the first in the `svids` list returned in the `X509SVIDResponse` message.',
  ),
  hint: cite(
    'WORKLOAD-API',
    '8',
    'Workloads that understand how to use multiple identities may leverage the optional `hint` field, which can be used to disambiguate identities and inform the workload of which identity should be used for what purpose.',
  ),
  sameHint: cite(
    'WORKLOAD-API',
    '5.2.1',
    'In the event that a SPIFFE Workload API client encounters more than one `X509SVID` message with the same `hint` value set, then the first message in the list SHOULD be selected.',
  ),
  svids: cite(
    'WORKLOAD-API',
    '5.2.1',
    'The `X509SVIDResponse` response consists of a mandatory `svids` field, which MUST contain one or more `X509SVID` messages (one for each identity granted to the client).',
  ),
  keysApart: cite(
    'KIT',
    'workload-api',
    'The bundle that comes with an SVID is that of its trust domain, whatever else a message says of it.',
  ),
  bundles: cite(
    'WORKLOAD-API',
    '5.2.2',
    'The `FetchX509Bundles` RPC streams back X.509 bundles for both the trust domain in which the server resides and foreign trust domains.',
  ),
  unknown: cite(
    'KIT',
    'workload-api',
    'Fields that a client does not know are passed over, so that agents may be newer than workloads.',
  ),
  discards: cite(
    'KIT',
    'workload-api',
    'A message with a part that cannot be used is discarded as a whole, is told, and leaves what is in use.',
  ),
  audience: cite(
    'WORKLOAD-API',
    '6.2.1',
    'The `JWTSVIDRequest` request message contains a mandatory `audience` field, which MUST contain the value to embed in the audience claim of the returned JWT-SVIDs.',
  ),
  subject: cite(
    'WORKLOAD-API',
    '6.2.1',
    'The `spiffe_id` field is optional, and is used to request a JWT-SVID for a specific SPIFFE ID.',
  ),
  cache: cite(
    'KIT',
    'workload-api',
    'A token that is kept is given for its own audience and subject alone, and only while it has enough of its life before it.',
  ),
  jwtRedaction: cite(
    'WORKLOAD-API',
    '6.2.2',
    'if the server redacts bundles from a subsequent response (or all bundles, i.e., returns a "PermissionDenied" gRPC status code) the client SHOULD cease using the redacted bundles.',
  ),
  jwtBundle: cite(
    'WORKLOAD-API',
    '6.3',
    'When validating a JWT-SVID, the validator MUST use the bundle corresponding to the trust domain of the subject.',
  ),
  delegated: cite(
    'WORKLOAD-API',
    '6.3',
    'Workload API clients SHOULD use the `ValidateJWTSVID` method for JWT validation if supported by the client, allowing the SPIFFE Workload API to perform validation on their behalf.',
  ),
  reconnects: cite(
    'WORKLOAD-API',
    '4.2',
    'In this case, the client SHOULD immediately establish a new connection.',
  ),
  survives: cite(
    'KIT',
    'workload-api',
    'A stream that breaks, in whatever way, leaves what is in use, and is opened again.',
  ),
  unavailable: cite(
    'WORKLOAD-ENDPOINT',
    '6',
    'Clients receiving this code OR clients which are unable to reach the SPIFFE Workload Endpoint MAY retry with a backoff.',
  ),
  denied: cite(
    'WORKLOAD-ENDPOINT',
    '6',
    'Clients receiving this code MAY retry with a backoff, as such a response could be encountered if the service implementation is eventually consistent.',
  ),
  withdrawn: cite(
    'WORKLOAD-API',
    '5.2.1',
    'if the server redacts SVIDs from a subsequent response (or all SVIDs, i.e., returns a "PermissionDenied" gRPC status code) the client SHOULD cease using the redacted SVIDS.',
  ),
  invalidArgument: cite(
    'WORKLOAD-ENDPOINT',
    '6',
    'Clients encountering the "InvalidArgument" status code SHOULD NOT retry, as this indicates that an error has been made in the client implementation, and is not recoverable.',
  ),
  unimplemented: cite(
    'WORKLOAD-ENDPOINT',
    'A',
    'The requested RPC is not implemented by the server. | Report an error, do not retry.',
  ),
  unreachable: cite(
    'KIT',
    'workload-api',
    'A workload may start before the agent, and outlive it: the socket is looked for again until it is there.',
  ),
  ends: cite(
    'KIT',
    'workload-api',
    'A source that is closed tells nothing any more, and does not keep its process alive.',
  ),
  size: cite('KIT', 'workload-api', 'A message of 8 MiB is taken: bundles of many trust domains are large.'),
};
