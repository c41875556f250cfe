import { type SuiteDraft } from '../render.ts';
import { SVID_BOOK } from './x509-svid-case.ts';
import { svidForms } from './x509-svid-form.ts';
import { svidProfiles } from './x509-svid-profile.ts';
import { svidRedactions } from './x509-svid-redact.ts';

/** Section 3 of the catalogue: rows 50 to 88. */
export function x509SvidSuite(): SuiteDraft {
  return {
    suite: 'x509-svid',
    drafts: [...svidForms(), ...svidProfiles(), ...svidRedactions()],
    recipes: SVID_BOOK.recipes,
  };
}
