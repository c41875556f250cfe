import { jwtError } from './jwt-error.ts';
import { type JwtSvid } from './jwt-svid.ts';

/** RFC 6750 2.1, RFC 9110 11.1: the scheme in any case, blanks, one token. */
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

/** The value of the header `authorization` that presents a token: `Bearer` and the token. */
export function bearerHeader(svid: JwtSvid): string {
  return `Bearer ${svid.token}`;
}

/**
 * The token in the header `authorization` of a request. Nothing is proven about it.
 *
 * @param header - its one value; undefined when there is none.
 * @throws {@link SpiffeError} `ERR_JWT_MISSING`. The message shows nothing of the header.
 */
export function readBearer(header: string | readonly string[] | undefined): string {
  const [value, ...more] = typeof header === 'string' ? [header] : (header ?? []);
  const token = typeof value === 'string' && more.length === 0 ? BEARER.exec(value)?.[1] : undefined;
  if (token !== undefined) return token;
  const got = more.length > 0 ? `${more.length + 1} of them` : value === undefined ? 'none' : 'another one';
  throw jwtError('ERR_JWT_MISSING', 'one header authorization with Bearer and a token', got, {
    hint: 'The caller has to send its JWT-SVID.',
  });
}
