import { type Certificate, type Changes, issueCa, issueSvid } from './certificate.ts';
import { ecKey } from './keys.ts';

/** The trust domain of most cases. */
export const TD = 'example.org';
export const ID = 'spiffe://example.org/web';

export const ROOT_KEY = ecKey('root a');
export const INT_KEY = ecKey('intermediate a');
export const LEAF_KEY = ecKey('leaf a');
export const EVIL_KEY = ecKey('evil');

/** The authority of the trust domain, and an intermediate below it. */
export const ROOT: Certificate = issueCa('root a', ROOT_KEY);
export const INT: Certificate = intermediate();
/** The authority of another trust domain. */
export const ROOT_B: Certificate = issueCa('root b', ecKey('root b'));

/** The intermediate with changes. */
export function intermediate(changes: Changes = {}): Certificate {
  return issueCa('intermediate a', INT_KEY, { issuer: ROOT, ...changes });
}

/** A leaf with changes, issued by the root. */
export function leaf(changes: Changes = {}, id: string = ID): Certificate {
  return issueSvid(id, LEAF_KEY, ROOT, changes);
}

/** A leaf with changes, issued by `issuer`. */
export function leafBelow(issuer: Certificate, changes: Changes = {}, id: string = ID): Certificate {
  return issueSvid(id, LEAF_KEY, issuer, changes);
}
