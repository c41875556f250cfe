import { type SuiteDraft } from '../render.ts';
import { witClaimsDrafts } from './wit-svid-claims.ts';
import { witConfirmationDrafts } from './wit-svid-confirmation.ts';
import { witFormDrafts } from './wit-svid-form.ts';
import { witHeaderDrafts } from './wit-svid-header.ts';

/** Section 7 of the catalogue: WIT-SVIDs, which the standard has as incubating. */
export function witSvidSuite(): SuiteDraft {
  return {
    suite: 'wit-svid',
    drafts: [...witHeaderDrafts(), ...witClaimsDrafts(), ...witConfirmationDrafts(), ...witFormDrafts()],
  };
}
