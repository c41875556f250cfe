import { SpiffeError, type SpiffeErrorCode } from '@svidkit/core';
import { describe, expect, it } from 'vitest';

import { problemOf } from '../src/index.ts';

const SECRET = 's3cret';

function failure(code: SpiffeErrorCode): SpiffeError {
  return new SpiffeError(code, `${SECRET} message`, {
    hint: SECRET,
    peer: `spiffe://a.test/${SECRET}`,
    file: `/${SECRET}`,
    cause: new Error(SECRET),
  });
}

const STATUS: Readonly<Partial<Record<SpiffeErrorCode, 401 | 403 | 500>>> = {
  ERR_PEER_UNVERIFIED: 401,
  ERR_PEER_EXPIRED: 401,
  ERR_XFCC_INVALID: 401,
  ERR_PEER_UNAUTHORIZED: 403,
  ERR_PEER_NO_CERTIFICATE: 403,
  ERR_PEER_RESUMED: 403,
  ERR_SOURCE_EXPIRED: 500,
  ERR_CONFIG_AUTHORIZER: 500,
  ERR_CHAIN_UNTRUSTED: 500,
};

/** What a token can be refused for, with the challenge of RFC 6750. */
const TOKENS: readonly SpiffeErrorCode[] = [
  'ERR_JWT_MALFORMED',
  'ERR_JWT_TOO_LONG',
  'ERR_JWT_HEADER',
  'ERR_JWT_ALGORITHM',
  'ERR_JWT_CLAIM',
  'ERR_JWT_KEY',
  'ERR_JWT_SIGNATURE',
  'ERR_JWT_AUDIENCE',
  'ERR_JWT_EXPIRED',
  'ERR_JWT_NOT_YET_VALID',
  'ERR_BUNDLE_UNKNOWN',
  'ERR_BUNDLE_EMPTY',
];

describe('problemOf', () => {
  it.each(TOKENS)('answers %s with 401 and a challenge, and tells nothing else', (code) => {
    const problem = problemOf(failure(code));
    expect(problem).toMatchObject({ status: 401, body: { type: 'about:blank', status: 401, code } });
    expect(problem.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    expect(JSON.stringify(problem)).not.toContain(SECRET);
  });

  it('answers a request without a token with a challenge that says no more', () => {
    expect(problemOf(failure('ERR_JWT_MISSING'))).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    });
    expect(problemOf(failure('ERR_JWT_UNAVAILABLE'))).toMatchObject({ status: 500 });
  });

  it.each(Object.entries(STATUS))(
    'answers %s with %i and its code, and tells nothing else',
    (code, status) => {
      const problem = problemOf(failure(code as SpiffeErrorCode));
      expect(problem).toMatchObject({ status, body: { type: 'about:blank', status, code } });
      expect(problem.headers['content-type']).toBe('application/problem+json');
      expect(problem.headers['www-authenticate']).toBe(status === 401 ? 'ClientCertificate' : undefined);
      expect(JSON.stringify(problem)).not.toContain(SECRET);
    },
  );

  it('answers a code about peers that it does not know with 403', () => {
    const later = Object.assign(failure('ERR_PEER_LIMIT'), { code: 'ERR_PEER_OF_TOMORROW' });
    expect(problemOf(later)).toMatchObject({ status: 403, body: { code: 'ERR_PEER_OF_TOMORROW' } });
  });

  it.each([new Error(SECRET), SECRET, undefined, null, { code: 'ERR_PEER_UNAUTHORIZED', message: SECRET }])(
    'answers what is none of our errors with 500 and no code: %s',
    (value) => {
      const problem = problemOf(value);
      expect(problem.status).toBe(500);
      expect(problem.body).not.toHaveProperty('code');
      expect(JSON.stringify(problem)).not.toContain(SECRET);
    },
  );
});
