import { type Authorizer, badAuthorizer, defineAuthorizer } from './authorizer.ts';
import { kindOf, quote } from './quote.ts';
import { requireSegment } from './spiffe-id-syntax.ts';
import { toTrustDomain, type TrustDomain } from './trust-domain.ts';

const ONE = '*';
const REST = '**';

/**
 * Lets in the SPIFFE IDs of one trust domain whose path fits a pattern, segment by segment. A literal segment fits
 * itself, `*` fits exactly one segment, and `**`, only as the last segment, fits one or more. So `/ns/*` fits
 * `/ns/a`, but neither `/ns` nor `/ns/a/b`; and `/ns/**` fits `/ns/a` and `/ns/a/b`, but not `/ns` itself, because
 * a rule for what is below a path should not also speak of the path.
 *
 * @param trustDomain - or its name.
 * @param pattern - starts with `/`. A wildcard stands for whole segments: `/ns/a*` is an error.
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER` for an illegal pattern; `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`
 * for the trust domain.
 */
export function authorizePath(trustDomain: TrustDomain | string, pattern: string): Authorizer {
  const wanted = toTrustDomain(trustDomain);
  const fits = parsePattern(pattern);
  const description = wanted.id.toString() + pattern;
  return defineAuthorizer(
    [wanted],
    description,
    ({ id }) => id.memberOf(wanted) && fits(id.path.split('/').slice(1)),
  );
}

/**
 * Whether the segments of a path fit.
 *
 * @internal
 */
export type PathPattern = (segments: readonly string[]) => boolean;

/**
 * Reads a pattern as {@link authorizePath} takes it.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 * @internal
 */
export function parsePattern(pattern: unknown): PathPattern {
  if (typeof pattern !== 'string')
    throw badAuthorizer(`want a path pattern as a string, got ${kindOf(pattern)}`);
  if (!pattern.startsWith('/')) throw badPattern(pattern, 'it does not start with "/"');
  const segments = pattern.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === ONE) continue;
    if (segment === REST) {
      if (index === segments.length - 1) continue;
      throw badPattern(pattern, '"**" is not its last segment');
    }
    if (segment.includes('*')) throw badPattern(pattern, `"*" is not a whole segment in ${quote(segment)}`);
    requireLiteral(pattern, segment);
  }
  return (path) => isFitting(segments, path);
}

function requireLiteral(pattern: string, segment: string): void {
  try {
    requireSegment(segment);
  } catch (cause) {
    throw badPattern(pattern, 'it has a segment that no SPIFFE ID can have', cause);
  }
}

function badPattern(pattern: string, defect: string, cause?: unknown): Error {
  return badAuthorizer(
    `want a path pattern like /ns/*/sa/api or /ns/**, got ${quote(pattern)}: ${defect}`,
    cause,
  );
}

function isFitting(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1) === REST;
  if (open ? segments.length < pattern.length : segments.length !== pattern.length) return false;
  return pattern.every((wanted, index) => wanted === ONE || wanted === REST || wanted === segments[index]);
}
