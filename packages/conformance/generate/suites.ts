import { type SuiteDraft } from './render.ts';
import { authorizerDrafts } from './suites/authorizer.ts';
import { endpointDrafts } from './suites/endpoint.ts';
import { spiffeIdDrafts } from './suites/spiffe-id.ts';
import { trustDomainDrafts } from './suites/trust-domain.ts';

/** Every suite there is. */
export function suiteDrafts(): readonly SuiteDraft[] {
  return [
    { suite: 'spiffe-id', drafts: spiffeIdDrafts() },
    { suite: 'trust-domain', drafts: trustDomainDrafts() },
    { suite: 'authorizer', drafts: authorizerDrafts() },
    { suite: 'endpoint', drafts: endpointDrafts() },
  ];
}
