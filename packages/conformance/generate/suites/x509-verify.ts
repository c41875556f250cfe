import { type SuiteDraft } from '../render.ts';
import { acceptedChains, timesAndResults } from './x509-verify-accept.ts';
import { VERIFY_BOOK } from './x509-verify-case.ts';
import { rejectedChains } from './x509-verify-reject.ts';
import { rejectedDetails } from './x509-verify-signature.ts';

/** Section 4 of the catalogue: rows 89 to 149. */
export function x509VerifySuite(): SuiteDraft {
  const drafts = [...acceptedChains(), ...timesAndResults(), ...rejectedChains(), ...rejectedDetails()];
  return { suite: 'x509-verify', drafts, recipes: VERIFY_BOOK.recipes };
}
