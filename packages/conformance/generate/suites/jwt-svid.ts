import { type SuiteDraft } from '../render.ts';
import { jwtAcceptDrafts } from './jwt-svid-accept.ts';
import { jwtClaimsDrafts } from './jwt-svid-claims.ts';
import { jwtFormDrafts } from './jwt-svid-form.ts';
import { jwtHeaderDrafts } from './jwt-svid-header.ts';

/** Section 6 of the catalogue: JWT-SVIDs. */
export function jwtSvidSuite(): SuiteDraft {
  return {
    suite: 'jwt-svid',
    drafts: [...jwtAcceptDrafts(), ...jwtHeaderDrafts(), ...jwtClaimsDrafts(), ...jwtFormDrafts()],
  };
}
