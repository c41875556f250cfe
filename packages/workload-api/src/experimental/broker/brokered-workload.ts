import { SpiffeError } from '@svidkit/core';

import { type EndpointAddress } from '../../address.ts';
import { type Calls } from '../../calls.ts';
import { API } from '../../gen/broker_pb.ts';
import { jwtCalls } from '../../jwt-calls.ts';
import { encodeMessage } from '../../protocol/message-bytes.ts';
import { x509Calls } from '../../x509-calls.ts';
import { type BrokeredWorkload } from './broker-client.ts';
import { nameOf, packReference, parseReference, type WorkloadReference } from './workload-reference.ts';

const { subscribeToX509SVID, subscribeToX509Bundles, fetchJWTSVID, subscribeToJWTBundles } = API.method;

/**
 * The calls for one workload. Its one reference is in each request, and no request can be made without it (Broker API
 * 3.1.1); each call reads for itself, so that nothing of one workload is ever seen by another (4.2).
 *
 * @throws {@link SpiffeError} `ERR_BROKER_REFERENCE`.
 */
export function brokeredWorkload(
  calls: Calls,
  address: EndpointAddress,
  given: WorkloadReference,
): BrokeredWorkload {
  const reference = parseReference(given, address);
  const packed = packReference(reference);
  const name = nameOf(reference);
  const closing = new AbortController();
  const closed = AbortSignal.any([calls.closed, closing.signal]);
  const own = narrowed(calls, closing.signal, closed);
  const close = async (): Promise<void> => {
    if (closed.aborted) return;
    closing.abort(new SpiffeError('ERR_WORKLOAD_API_CLOSED', `the calls for ${name} are closed`));
  };
  const x509Svids = `the X.509-SVIDs of ${name}`;
  const x509Bundles = `the X.509 bundles of ${name}`;
  return Object.freeze<BrokeredWorkload>({
    reference,
    address: address.text,
    closed,
    ...x509Calls(own, {
      svids: {
        method: subscribeToX509SVID,
        what: x509Svids,
        request: encodeMessage(subscribeToX509SVID.input, { reference: packed }),
      },
      bundles: {
        method: subscribeToX509Bundles,
        what: x509Bundles,
        request: encodeMessage(subscribeToX509Bundles.input, { reference: packed }),
      },
    }),
    ...jwtCalls(own, {
      svids: (fields) => ({
        method: fetchJWTSVID,
        what: `a JWT-SVID of ${name}`,
        request: encodeMessage(fetchJWTSVID.input, { ...fields, reference: packed }),
      }),
      bundles: {
        method: subscribeToJWTBundles,
        what: `the JWT bundles of ${name}`,
        request: encodeMessage(subscribeToJWTBundles.input, { reference: packed }),
      },
    }),
    close,
    [Symbol.asyncDispose]: close,
  });
}

/** The same calls, ended by one more signal. */
function narrowed(calls: Calls, closing: AbortSignal, closed: AbortSignal): Calls {
  const withSignal = <Options extends { readonly signal?: AbortSignal }>(options: Options): Options => ({
    ...options,
    signal: options.signal === undefined ? closing : AbortSignal.any([closing, options.signal]),
  });
  return {
    closed,
    fetch: async (call, options) => calls.fetch(call, withSignal(options)),
    async follow(call, watcher, options) {
      closing.throwIfAborted();
      return calls.follow(call, watcher, withSignal(options));
    },
    close: () => undefined,
  };
}
