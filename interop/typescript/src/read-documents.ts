import { TrustDomain, X509Bundle, X509Svid } from '@svidkit/core';

import { bytes, type JsonObject, text } from './params.ts';

/** `svid.parsePem` */
export function parseSvidPem(params: JsonObject): JsonObject {
  return describe(X509Svid.fromPem({ certificates: text(params, 'cert'), privateKey: text(params, 'key') }));
}

/** `svid.parseDer` */
export function parseSvidDer(params: JsonObject): JsonObject {
  return describe(
    X509Svid.fromDer({ certificates: bytes(params, 'certB64'), privateKey: bytes(params, 'keyB64') }),
  );
}

/** `bundle.parsePem` */
export function parseBundlePem(params: JsonObject): JsonObject {
  const bundle = X509Bundle.fromPem(TrustDomain.parse(text(params, 'trustDomain')), text(params, 'pem'));
  return {
    trustDomain: bundle.trustDomain.name,
    x509Sha256: bundle.authorities.map((one) => one.fingerprint256).toSorted(),
  };
}

function describe(svid: X509Svid): JsonObject {
  return {
    id: svid.id.toString(),
    chainSha256: svid.certificates.map((one) => one.fingerprint256),
  };
}
