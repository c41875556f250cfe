import { isSpiffeError, SpiffeError } from '@svidkit/core';
import { type JwtSvidRequest, parseJwtSvid, readRequest } from '@svidkit/core/jwt';

import { type Calls } from './calls.ts';
import { SpiffeWorkloadAPI } from './gen/workload_pb.ts';
import { encodeMessage } from './protocol/message-bytes.ts';
import { JwtBundlesReader, readJwtSvids, readValidation } from './read-jwt.ts';
import { type WorkloadApiClient } from './workload-api-client.ts';
import { type Question } from './x509-calls.ts';

const { fetchJWTSVID, fetchJWTBundles, validateJWTSVID } = SpiffeWorkloadAPI.method;

/** Which tokens are asked for, in the fields of the messages. */
interface JwtSvidFields {
  readonly audience: string[];
  /** Empty: of every identity. */
  readonly spiffeId: string;
}

/** How an API is asked about JWT-SVIDs. Its answers have the fields of those of the Workload API. */
export interface JwtQuestions {
  readonly svids: (fields: JwtSvidFields) => Question;
  readonly bundles: Question;
}

const WORKLOAD_API: JwtQuestions = {
  svids: (fields) => ({
    method: fetchJWTSVID,
    what: 'a JWT-SVID',
    request: encodeMessage(fetchJWTSVID.input, fields),
  }),
  bundles: { method: fetchJWTBundles, what: 'JWT bundles' },
};

/** The part of a client that is about JWT-SVIDs, without the validation of those of peers. */
export type JwtClient = Pick<
  WorkloadApiClient,
  'fetchJwtSvid' | 'fetchJwtSvids' | 'fetchJwtBundles' | 'watchJwtBundles'
>;

/** Asks for JWT-SVIDs and bundles. Each call has a reader of its own: none sees what another was given. */
export function jwtCalls(
  { fetch, follow }: Calls,
  { svids, bundles }: JwtQuestions = WORKLOAD_API,
): JwtClient {
  const fetchJwtSvids = async (given: JwtSvidRequest): ReturnType<JwtClient['fetchJwtSvids']> => {
    const { audience, subject } = readRequest(given);
    const question = svids({ audience: [...audience], spiffeId: subject?.toString() ?? '' });
    return fetch({ ...question, read: readJwtSvids }, given);
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
      return fetch({ ...bundles, read: (bytes) => reader.read(bytes) }, options);
    },
    async watchJwtBundles(watcher, options = {}) {
      const reader = new JwtBundlesReader();
      const read = reader.read.bind(reader);
      return follow({ ...bundles, read }, watcher, options);
    },
  };
}

/** Lets the Workload API validate the tokens of peers. */
export function validationCalls({ fetch }: Calls): Pick<WorkloadApiClient, 'validateJwtSvid'> {
  return {
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
