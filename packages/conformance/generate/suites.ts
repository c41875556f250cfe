import { type SuiteDraft } from './render.ts';
import { authorizerDrafts } from './suites/authorizer.ts';
import { bundleJsonSuite } from './suites/bundle-json.ts';
import { bundleMapSuite } from './suites/bundle-map.ts';
import { bundlePemSuite } from './suites/bundle-pem.ts';
import { endpointDrafts } from './suites/endpoint.ts';
import { jwksSuite } from './suites/jwks.ts';
import { jwtSvidSuite } from './suites/jwt-svid.ts';
import { spiffeIdDrafts } from './suites/spiffe-id.ts';
import { trustDomainDrafts } from './suites/trust-domain.ts';
import { witProofSuite } from './suites/wit-proof.ts';
import { witSvidSuite } from './suites/wit-svid.ts';
import { x509SvidSuite } from './suites/x509-svid.ts';
import { x509VerifySuite } from './suites/x509-verify.ts';

/** Every suite there is. */
export function suiteDrafts(): readonly SuiteDraft[] {
  return [
    { suite: 'spiffe-id', drafts: spiffeIdDrafts() },
    { suite: 'trust-domain', drafts: trustDomainDrafts() },
    { suite: 'authorizer', drafts: authorizerDrafts() },
    x509SvidSuite(),
    bundlePemSuite(),
    bundleJsonSuite(),
    bundleMapSuite(),
    jwksSuite(),
    x509VerifySuite(),
    jwtSvidSuite(),
    witSvidSuite(),
    witProofSuite(),
    { suite: 'endpoint', drafts: endpointDrafts() },
  ];
}
