import http2 from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { BundleSet, isSpiffeError, SpiffeError, TrustDomain, X509Bundle, X509Svid } from '@svidkit/core';
import { type WorkloadX509Context } from '@svidkit/workload-api';
import { decodeMessage, encodeMessage, X509SVIDResponseSchema } from '@svidkit/workload-api/protocol';

import { type Following, mergedBundle, watchAround } from './workload-parts.ts';

/** How a Workload API is followed by somebody who thinks that agents are always well. */
interface Naivety {
  /** The longest message. */
  readonly maxBytes?: number;
  /** Whether a field that it does not know spoils a message. */
  readonly wantsKnownFields?: boolean;
  /** Whether what cannot be read in a message is left out. */
  readonly takesHalf?: boolean;
  /** Whether a federated bundle of a trust domain is added to its own one. */
  readonly mergesBundles?: boolean;
  /** Whether the last of several SVIDs with the same hint counts. */
  readonly lastHint?: boolean;
  /** Whether what comes at once is taken for a message. */
  readonly chunksAreMessages?: boolean;
  /** Which end of a stream is the end of it all. */
  readonly endsWith?: 'any-end' | 'no-status';
  /** Whether what is left of one stream is the beginning of the next. */
  readonly keepsRest?: boolean;
}

const PAUSE_MS = 300;
const HEAD_BYTES = 5;

/** Sources follow naively, one stream after the other. */
export function followNaively(naivety: Naivety): void {
  watchAround(async (following) => {
    const { options } = following;
    const buffer = { rest: Buffer.alloc(0) };
    while (options.signal?.aborted !== true) {
      if (naivety.keepsRest !== true) buffer.rest = Buffer.alloc(0);
      const hasStatus = await followOnce(following, naivety, buffer);
      if (naivety.endsWith === 'any-end' || (naivety.endsWith === 'no-status' && !hasStatus)) {
        await new Promise((resolve) => {
          options.signal?.addEventListener('abort', resolve);
        });
      }
      await pause(PAUSE_MS, undefined, { ref: false });
    }
  });
}

/** Gives whether the stream ended with a status. */
async function followOnce(
  { address, watcher, options }: Following,
  naivety: Naivety,
  buffer: { rest: Buffer },
): Promise<boolean> {
  const session = http2.connect('http://localhost', {
    createConnection: () => connect(address.replace('unix://', '')),
  });
  const ended = Promise.withResolvers<void>();
  const fail = (what: string): void => {
    watcher.onError?.(new SpiffeError('ERR_WORKLOAD_API_UNAVAILABLE', what));
    ended.resolve();
  };
  const end = (): void => ended.resolve();
  options.signal?.addEventListener('abort', end);
  session.on('error', (error) => fail(String(error)));
  const stream = session.request({
    ':method': 'POST',
    ':path': '/SpiffeWorkloadAPI/FetchX509SVID',
    'content-type': 'application/grpc',
    te: 'trailers',
    'workload.spiffe.io': 'true',
  });
  stream.end(Buffer.alloc(HEAD_BYTES));
  let hasStatus = false;
  stream.on(
    'trailers',
    (trailers: http2.IncomingHttpHeaders) => (hasStatus = trailers['grpc-status'] !== undefined),
  );
  stream.on('data', (chunk: Buffer) => {
    buffer.rest = Buffer.concat([buffer.rest, chunk]);
    for (;;) {
      const { rest } = buffer;
      if (rest.length < HEAD_BYTES) return;
      const length = naivety.chunksAreMessages === true ? rest.length - HEAD_BYTES : rest.readUInt32BE(1);
      if (rest.length < HEAD_BYTES + length) return;
      const message = rest.subarray(HEAD_BYTES, HEAD_BYTES + length);
      buffer.rest = rest.subarray(HEAD_BYTES + length);
      try {
        watcher.onUpdate(read(message, naivety));
      } catch (error) {
        watcher.onError?.(
          isSpiffeError(error) ? error : new SpiffeError('ERR_WORKLOAD_API_RESPONSE', String(error)),
        );
      }
    }
  });
  stream.on('error', (error) => fail(String(error)));
  stream.on('close', end);
  await ended.promise;
  options.signal?.removeEventListener('abort', end);
  session.destroy();
  return hasStatus;
}

function read(bytes: Uint8Array, naivety: Naivety): WorkloadX509Context {
  if (bytes.length > (naivety.maxBytes ?? Infinity)) throw new Error('the message is too large');
  const message = decodeMessage(X509SVIDResponseSchema, bytes);
  const isKnown = encodeMessage(X509SVIDResponseSchema, message).length === bytes.length;
  if (naivety.wantsKnownFields === true && !isKnown) throw new Error('the message has unknown fields');
  const attempt = <T>(make: () => T): readonly T[] => {
    try {
      return [make()];
    } catch (error) {
      if (naivety.takesHalf === true) return [];
      throw error;
    }
  };
  const svids = message.svids.flatMap(({ spiffeId, x509Svid, x509SvidKey, hint }) =>
    attempt(() => {
      const svid = X509Svid.fromDer({
        certificates: x509Svid,
        privateKey: x509SvidKey,
        hint: hint === '' ? undefined : hint,
      });
      if (svid.id.toString() !== spiffeId) throw new Error('the ID is another one');
      return svid;
    }),
  );
  let bundles = BundleSet.of();
  const given = [
    ...message.svids.map(({ spiffeId, bundle }) => [spiffeId, bundle] as const),
    ...Object.entries(message.federatedBundles),
  ];
  for (const [key, der] of given) {
    for (const bundle of attempt(() => X509Bundle.fromDer(TrustDomain.parse(key), partsOf(der)))) {
      const known = bundles.get(bundle.trustDomain);
      if (known === undefined) bundles = bundles.with(bundle);
      else if (naivety.mergesBundles === true) bundles = bundles.with(mergedBundle(known, bundle));
    }
  }
  if (svids.length === 0) throw new Error('there is no SVID');
  return { svids: naivety.lastHint === true ? svids.toReversed() : svids, bundles, crls: [] };
}

/** Certificates that stand one behind the other, with lengths of two bytes as all of the kit's have. */
function partsOf(der: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < der.length;) {
    const end = at + 4 + (der[at + 2] ?? 0) * 256 + (der[at + 3] ?? 0);
    parts.push(der.subarray(at, end));
    at = end;
  }
  return parts;
}
