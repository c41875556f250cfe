import { headerValues, type RequestLike } from './request-headers.ts';
import { witError } from './wit-error.ts';

/** WIMSE Workload Credentials 3.1.1, Workload Proof Token 2: where a WIT-SVID and its proof go, and nowhere else. */
export const TOKEN_HEADER = 'workload-identity-token';
export const PROOF_HEADER = 'workload-proof-token';

/** RFC 7515 7.1: what the headers may hold. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * The token and the proof of a request: one header of each. Nothing is proven about them.
 *
 * @throws {@link SpiffeError} `ERR_JWT_MISSING`. The message shows nothing of the headers.
 */
export function readWitHeaders(request: RequestLike): { readonly token: string; readonly proof: string } {
  return { token: readOne(request, TOKEN_HEADER), proof: readOne(request, PROOF_HEADER) };
}

function readOne(request: RequestLike, name: string): string {
  const [value, ...more] = headerValues(request, name);
  if (value !== undefined && more.length === 0 && COMPACT.test(value)) return value;
  const got = more.length > 0 ? `${more.length + 1} of them` : value === undefined ? 'none' : 'another one';
  throw witError('ERR_JWT_MISSING', `one header ${name} with a token`, got, {
    hint: 'The caller has to send its WIT-SVID and a proof of possession.',
  });
}
