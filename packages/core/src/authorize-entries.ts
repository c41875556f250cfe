import { type PathPattern, parsePattern } from './authorize-path.ts';
import { describeIds } from './authorize.ts';
import { type Authorizer, badAuthorizer, defineAuthorizer } from './authorizer.ts';
import { LONGEST_ID, PREFIX } from './spiffe-id-syntax.ts';
import { SpiffeId } from './spiffe-id.ts';
import { TrustDomain } from './trust-domain.ts';

/**
 * An authorizer of many entries, each a SPIFFE ID or one with a pattern as path. Asks sets and plain lists, so that
 * thousands of entries cost a stranger's handshake little, and a refusal names only the first few.
 *
 * @param readAll - calls the function that it is given with the text of each entry.
 * @returns undefined without an entry.
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG` out of `readAll`.
 */
export function authorizeEntries(
  readAll: (read: (entry: string) => string) => readonly string[],
): Authorizer | undefined {
  const ids = new Set<string>();
  const patterns = new Map<string, PathPattern[]>();
  const trustDomains = new Map<string, TrustDomain>();
  const texts = readAll((entry) => {
    const { trustDomain, pattern } = readEntry(entry);
    trustDomains.set(trustDomain.name, trustDomain);
    if (pattern === undefined) {
      ids.add(entry);
      return entry;
    }
    const known = patterns.get(trustDomain.name);
    if (known === undefined) patterns.set(trustDomain.name, [pattern]);
    else known.push(pattern);
    return entry;
  });
  if (texts.length === 0) return undefined;
  return defineAuthorizer(trustDomains.values(), describeIds([...new Set(texts)]), ({ id }) => {
    if (ids.has(id.toString())) return true;
    const segments = id.path.split('/').slice(1);
    return patterns.get(id.trustDomain.name)?.some((pattern) => pattern(segments)) === true;
  });
}

function readEntry(entry: string): { readonly trustDomain: TrustDomain; readonly pattern?: PathPattern } {
  if (!entry.includes('*')) {
    const { trustDomain, path } = SpiffeId.parse(entry);
    // X509-SVID 2: an SVID has a path.
    if (path === '') throw badAuthorizer('an SVID has a path, so an ID without one lets in nobody');
    return { trustDomain };
  }
  const slash = entry.indexOf('/', PREFIX.length);
  if (!entry.startsWith(PREFIX) || slash === -1)
    throw badAuthorizer(`a pattern begins like a SPIFFE ID, with ${PREFIX}, a trust domain and "/"`);
  if (entry.length > LONGEST_ID)
    throw badAuthorizer(`it has more than ${LONGEST_ID} bytes, so that no SPIFFE ID fits`);
  return {
    trustDomain: TrustDomain.parse(entry.slice(PREFIX.length, slash)),
    pattern: parsePattern(entry.slice(slash)),
  };
}
