import { isSpiffeError, SpiffeError } from '@svidkit/core';
import { parseJwtSvid, readRequest } from '@svidkit/core/jwt';

import { type Calls } from './calls.ts';
import { SpiffeWorkloadAPI } from './gen/workload_pb.ts';
import { encodeMessage } from './protocol/message-bytes.ts';
import { JwtBundlesReader, readJwtSvids, readValidation } from './read-jwt.ts';
import { type WorkloadApiClient } from './workload-api-client.ts';

const { fetchJWTSVID, fetchJWTBundles, validateJWTSVID } = SpiffeWorkloadAPI.method;
const BUNDLES = 'JWT bundles';

/** The part of a client that is about JWT-SVIDs. */
export function jwtCalls({
  fetch,
  follow,
}: Calls): Pick<
  WorkloadApiClient,
  'fetchJwtSvid' | 'fetchJwtSvids' | 'fetchJwtBundles' | 'watchJwtBundles' | 'validateJwtSvid'
> {
  const fetchJwtSvids: WorkloadApiClient['fetchJwtSvids'] = async (given) => {
    const { audience, subject } = readRequest(given);
    const request = encodeMessage(fetchJWTSVID.input, {
      audience: [...audience],
      spiffeId: subject?.toString() ?? '',
    });
    return fetch({ method: fetchJWTSVID, what: 'a JWT-SVID', read: readJwtSvids, request }, given);
  };

  return {
    fetchJwtSvids,
    async fetchJwtSvid(given) {
      const [first] = await fetchJwtSvids(given);
      if (first === undefined) throw new Error('an answer has at least one JWT-SVID');
      return first.svid;
    },
    async fetchJwtBundles(options = {}) {
      const reader = new JwtBundlesReader();
      return fetch({ method: fetchJWTBundles, what: BUNDLES, read: (bytes) => reader.read(bytes) }, options);
    },
    async watchJwtBundles(watcher, options = {}) {
      const reader = new JwtBundlesReader();
      const read = reader.read.bind(reader);
      return follow({ method: fetchJWTBundles, what: BUNDLES, read }, watcher, options);
    },
    async validateJwtSvid(token, options) {
      const [audience = ''] = readRequest({ audience: options.audience }).audience;
      const svid = parseJwtSvid(token);
      const request = encodeMessage(validateJWTSVID.input, { audience, svid: token });
      const read = (bytes: Uint8Array) => readValidation(bytes, svid);
      const call = { method: validateJWTSVID, what: 'a validation', read, request, secrets: [token] };
      try {
        return await fetch(call, options);
      } catch (error) {
        throw isSpiffeError(error) && error.code === 'ERR_WORKLOAD_API_REFUSED' ? refused(error) : error;
      }
    },
  };
}

/** Who is refused is the one who sent the token. */
function refused({ code, message }: SpiffeError): SpiffeError {
  return new SpiffeError(code, message, {
    blame: 'peer',
    hint: 'The token is not for this audience, has expired, or comes from a trust domain that is not trusted.',
  });
}
