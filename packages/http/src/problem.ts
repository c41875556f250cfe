import { isSpiffeError, type SpiffeErrorCode } from '@svidkit/core';

/** A problem document (RFC 9457), as `application/problem+json`. */
export interface ProblemDocument {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** The same text for everyone: neither what was wanted, nor who was seen. */
  readonly detail: string;
  /** The code of the error, where it has one. */
  readonly code?: SpiffeErrorCode;
}

/** What to answer to a request that was refused. */
export interface Problem {
  readonly status: 401 | 403 | 500;
  /** In lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ProblemDocument;
}

const TITLES = { 401: 'Unauthorized', 403: 'Forbidden', 500: 'Internal Server Error' } as const;

/** Refusals in which nobody is known yet. Every other one about a peer is 403. */
const UNKNOWN: Readonly<Partial<Record<SpiffeErrorCode, string>>> = {
  ERR_PEER_UNVERIFIED: 'Nobody proved who they are on this connection.',
  ERR_PEER_EXPIRED: 'An identity that was proven on this connection has expired; connect again.',
  ERR_XFCC_INVALID: 'The proxy in front did not say which client this request is of.',
};

/** Refusals of a token that proves nothing. The source that has no token of our own is none of them. */
const TOKEN: Readonly<Partial<Record<SpiffeErrorCode, string>>> = {
  ERR_JWT_MISSING: 'This request has no token.',
  ERR_JWT_MALFORMED: 'The token of this request is none.',
  ERR_JWT_TOO_LONG: 'The token of this request is too long.',
  ERR_JWT_HEADER: 'The token of this request is of another kind.',
  ERR_JWT_ALGORITHM: 'The token of this request is signed in a way that is not accepted.',
  ERR_JWT_CLAIM: 'The token of this request lacks a claim, or has one that is none.',
  ERR_JWT_KEY: 'The token of this request is not of a trust domain that is known.',
  ERR_JWT_SIGNATURE: 'The token of this request is not of a trust domain that is known.',
  ERR_BUNDLE_UNKNOWN: 'The token of this request is not of a trust domain that is known.',
  ERR_BUNDLE_EMPTY: 'The token of this request is not of a trust domain that is known.',
  ERR_JWT_AUDIENCE: 'The token of this request is for another service.',
  ERR_JWT_EXPIRED: 'The token of this request has expired.',
  ERR_JWT_NOT_YET_VALID: 'The token of this request is not valid yet.',
};

/**
 * What a client is told about a refusal: 401 when it is not known, or not any more, who asks; 403 when they may not;
 * 500 for everything that is no refusal. The answer names the code and tells nothing else; the reason is in the error
 * and on `svidkit:request.rejected`.
 *
 * @param error - what `checkRequest`, `checkJwt`, `peerOf` or `forwardedPeerOf` threw. An error of an outgoing connection is no
 * refusal of ours: do not give it here.
 */
export function problemOf(error: unknown): Problem {
  if (!isSpiffeError(error)) return problem(500, 'The request could not be judged.');
  const { code } = error;
  const unknown = UNKNOWN[code];
  if (unknown !== undefined) return problem(401, unknown, code);
  const token = TOKEN[code];
  if (token !== undefined) return challenge(token, code);
  if (code.startsWith('ERR_PEER_')) return problem(403, 'This request is not allowed to its caller.', code);
  return problem(500, 'The request could not be judged.', code);
}

/** RFC 6750 3: what is wrong is told when there was a token, and not otherwise. */
function challenge(detail: string, code: SpiffeErrorCode): Problem {
  const refused = problem(401, detail, code);
  const bearer = code === 'ERR_JWT_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"';
  return { ...refused, headers: { ...refused.headers, 'www-authenticate': bearer } };
}

function problem(status: Problem['status'], detail: string, code?: SpiffeErrorCode): Problem {
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      // RFC 9110 15.5.2 wants a challenge with every 401, and no scheme is registered for client certificates.
      ...(status === 401 ? { 'www-authenticate': 'ClientCertificate' } : {}),
    },
    body: {
      type: 'about:blank',
      title: TITLES[status],
      status,
      detail,
      ...(code === undefined ? {} : { code }),
    },
  };
}
