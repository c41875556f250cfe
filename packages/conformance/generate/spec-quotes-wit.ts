import { type SpecReference } from '../src/vectors/vector.ts';

function cite(section: string, quote?: string, doc = 'WIT-SVID'): SpecReference {
  return { doc, section, ...(quote === undefined ? {} : { quote }) };
}

/** The sentences that cases about WIT-SVIDs rest on, verbatim. */
export const WIT_SPEC = {
  kid: cite(
    '2.1',
    'For a WIT-SVID, this parameter MUST be present. This differs from the upstream WIT itself and the JWT-SVID where this parameter is optional.',
  ),
  kidCase: cite(
    '2.1',
    'The format of the value of this parameter is unspecified and it MUST be treated by verifiers as a case-sensitive string.',
  ),
  typ: cite('2.2', 'For a WIT-SVID, this parameter MUST be present and MUST be set to `wit+jwt`.'),
  alg: cite('2.3', 'Validators MUST reject WIT-SVIDs with an unsupported `alg` parameter value.'),
  headers: cite(
    '2.4',
    'Validators SHOULD ignore unknown header parameters except where those header parameters are specified by the `crit` header parameter as per the [JSON Web Signature][2] document.',
  ),
  sub: cite(
    '3.1',
    'The `sub` claim MUST be present and MUST be set to the SPIFFE ID of the workload to which it is issued.',
  ),
  cnf: cite(
    '3.2',
    'The `cnf` claim MUST be present and validators MUST reject WIT-SVIDs without this claim.',
  ),
  cnfForm: cite(
    '3.2',
    'The structure of this claim MUST be as described by [RFC7800][7] and [WIMSE Workload Credentials][1].',
  ),
  cnfAlg: cite(
    '3.2',
    'In addition to the requirements set out in RFC7800 and WIMSE Workload Credentials, the `cnf.jwk.alg` claim MUST have one of the following supported values:',
  ),
  jti: cite('3.3', 'As such, the `jti` MUST NOT be used for replay protection by validators.'),
  exp: cite(
    '3.4',
    'The `exp` claim MUST be present and validators MUST reject WIT-SVIDs that do not include this claim and MUST reject WIT-SVIDs when the time indicated by `exp` is in the past.',
  ),
  leeway: cite(
    '3.4',
    'Validators MAY allow a small amount of leeway (e.g seconds to at most a couple of minutes) when comparing the expiry time to the current time to account for clock skew.',
  ),
  nbf: cite(
    '3.5',
    'The `nbf` claim MAY be present and validators MUST reject WIT-SVIDs when the time indicated by `nbf` is in the future.',
  ),
  iat: cite(
    '3.6',
    'This claim MUST NOT be used for limiting the earliest validity of a WIT-SVID, this is the purpose of the `nbf` claim.',
  ),
  iss: cite('3.7', 'The `iss` claim MAY be present.'),
  aud: cite('3.8', 'The audience (`aud`) claim MUST NOT be included within a WIT-SVID.'),
  claims: cite(
    '3.8',
    'When encountering additional claims that it does not recognize, a validator SHOULD ignore them.',
  ),
  validation: cite(
    '4',
    'The process of validating a WIT-SVID is similar to the well-established process for validating a JWT-SVID or a JWT more generally.',
  ),
  compact: cite(
    '1',
    'WIT-SVIDs are [JSON Web Tokens (JWT)][6] encoded using [JSON Web Signature (JWS)][2] compact serialization.',
  ),
  use: cite(
    '6.2',
    'Implementations MUST extract the WIT-SVID specification keys before using them for validation purposes.',
  ),
  noKeys: cite(
    '6.2',
    'If there are no entries with the `wit-svid` use parameter, then the trust domain that the bundle represents does not support WIT-SVID.',
  ),
  kidUnique: cite('6.1', 'No other JWK, whether for JWT-SVID or WIT-SVID, may have the same value.'),
  proof: cite(
    '4',
    'The validator MUST NOT accept the WIT-SVID without an appropriate proof of possession of the key-pair contained within the `cnf`.',
  ),
  bound: cite(
    '5',
    'The presentation MUST be bound to a proof of possession of the key-pair identified by the `cnf` claim.',
  ),
  wimse: cite(
    '5',
    'WIMSE defines protocols that meet these requirements, and implementors SHOULD use one of these defined protocols.',
  ),
  accepted: cite(
    '7.1',
    'Similarly, the WIT-SVID MUST NOT be accepted without appropriate proof of possession of the key-pair within the `cnf` claim.',
  ),
  scope: cite(
    '7.2',
    'The scope of a proof of possession must be understood and enforced by the recipient to be of any value.',
  ),
  lifespan: cite(
    '7.2',
    'Additionally, the lifespan of a Proof of Possession MUST be limited and SHOULD be limited to the shortest period necessary to serve its intended purpose.',
  ),
  rfc7515: (section: string): SpecReference => cite(section, undefined, 'RFC7515'),
  rfc7517: (section: string): SpecReference => cite(section, undefined, 'RFC7517'),
  rfc7518: (section: string): SpecReference => cite(section, undefined, 'RFC7518'),
  rfc7519: (section: string): SpecReference => cite(section, undefined, 'RFC7519'),
  kit: (section: string): SpecReference => cite(section, undefined, 'KIT'),
} as const;
