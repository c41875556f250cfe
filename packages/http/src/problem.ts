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

/**
 * What a client is told about a refusal: 401 when it is not known, or not any more, who asks; 403 when they may not;
 * 500 for everything that is no refusal. The answer names the code and tells nothing else; the reason is in the error
 * and on `svidkit:request.rejected`.
 *
 * @param error - what `checkRequest`, `peerOf` or `forwardedPeerOf` threw. An error of an outgoing connection is no
 * refusal of ours: do not give it here.
 */
export function problemOf(error: unknown): Problem {
  if (!isSpiffeError(error)) return problem(500, 'The request could not be judged.');
  const { code } = error;
  const unknown = UNKNOWN[code];
  if (unknown !== undefined) return problem(401, unknown, code);
  if (code.startsWith('ERR_PEER_')) return problem(403, 'This request is not allowed to its caller.', code);
  return problem(500, 'The request could not be judged.', code);
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
