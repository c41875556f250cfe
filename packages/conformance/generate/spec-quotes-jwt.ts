import { type SpecReference } from '../src/vectors/vector.ts';

function cite(doc: string, section: string, quote?: string): SpecReference {
  return { doc, section, ...(quote === undefined ? {} : { quote }) };
}

/** The sentences that cases about JWT-SVIDs rest on, verbatim. */
export const JWT_SPEC = {
  headers: cite(
    'JWT-SVID',
    '2',
    'Any header not described here, registered or private, MUST NOT be included in the JWT-SVID JOSE Header.',
  ),
  alg: cite(
    'JWT-SVID',
    '2.1',
    'Validators receiving a token with the `alg` parameter set to a different value MUST reject the token.',
  ),
  algFirst: cite(
    'JWT-SVID',
    '4',
    'Validators MUST ensure that the `alg` header is set to a supported value before processing.',
  ),
  kid: cite('JWT-SVID', '2.2', 'The `kid` header is optional.'),
  typ: cite('JWT-SVID', '2.3', 'If set, its value MUST be either `JWT` or `JOSE`.'),
  claims: cite(
    'JWT-SVID',
    '3',
    'Registered claims not described in this document, in addition to private claims, MAY be used as implementers see fit.',
  ),
  sub: cite(
    'JWT-SVID',
    '3.1',
    'The `sub` claim MUST be set to the SPIFFE ID of the workload to which it is issued.',
  ),
  aud: cite(
    'JWT-SVID',
    '3.2',
    'Validators MUST reject tokens without an `aud` claim set, or if the value that the validator identifies with is not present as an `aud` element.',
  ),
  exp: cite(
    'JWT-SVID',
    '3.3',
    'The `exp` claim MUST be set, and validators MUST reject tokens without this claim.',
  ),
  leeway: cite('JWT-SVID', 'Appendix A'),
  signature: cite(
    'JWT-SVID',
    '4',
    'JWT-SVID signing and validation semantics are the same as regular JWTs/JWSs.',
  ),
  compact: cite(
    'JWT-SVID',
    '5.1',
    'JWT-SVIDs MUST be serialized using the JWS Compact Serialization method described in [RFC 7515 Section 3.1][5].',
  ),
  bearer: cite('JWT-SVID', '5.2'),
  bundle: cite('JWT-SVID', '6.2'),
  ownTd: cite('WORKLOAD-API', '6.3'),
  replaced: cite('WORKLOAD-API', '4.3'),
  rfc7515: (section: string): SpecReference => cite('RFC7515', section),
  rfc7518: (section: string): SpecReference => cite('RFC7518', section),
  rfc7519: (section: string): SpecReference => cite('RFC7519', section),
  rfc4648: cite('RFC4648', '3.5'),
  rfc8017: cite('RFC8017', '8.2.2'),
  kit: (section: string): SpecReference => cite('KIT', section),
} as const;
