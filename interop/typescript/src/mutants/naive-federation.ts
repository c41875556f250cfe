import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';

import {
  Listeners,
  parseBundleDocument,
  type SpiffeBundle,
  SpiffeError,
  TrustDomain,
  type X509Bundle,
} from '@svidkit/core';
import { type BundleEndpoint, type FederatedBundle, type watchBundle } from '@svidkit/tls/federation';

import { engine } from '../engine.ts';

/** In which ways a client of bundle endpoints is naive. */
export interface Naivety {
  /** Believes every endpoint. */
  readonly believesAnyone?: boolean;
  /** Believes whoever has a certificate of the right authorities. */
  readonly believesAuthorities?: boolean;
  readonly follows?: 'nothing' | 'anything';
  readonly credential?: () => Promise<Pick<RequestOptions, 'cert' | 'key'>>;
  readonly wantsJsonType?: boolean;
  readonly takesAnyStatus?: boolean;
}

/** Fetches as an HTTP client does that knows nothing of federation. */
export async function fetchNaively(endpoint: BundleEndpoint, naivety: Naivety): Promise<SpiffeBundle> {
  let url = endpoint.url;
  for (let hops = 0; hops < 500; hops++) {
    const { status, location, type, body } = await get(url, endpoint, naivety);
    if (status >= 300 && status < 400 && location !== undefined && naivety.follows === 'anything') {
      url = new URL(location, url).href;
      continue;
    }
    if (status !== 200 && naivety.takesAnyStatus !== true) throw refused(`status ${status}`);
    if (naivety.wantsJsonType === true && !type.startsWith('application/json')) throw refused(`type ${type}`);
    return parseBundleDocument(body, TrustDomain.parse(String(endpoint.trustDomain)));
  }
  throw refused('a circle');
}

interface Got {
  readonly status: number;
  readonly location: string | undefined;
  readonly type: string;
  readonly body: Buffer;
}

async function get(url: string, endpoint: BundleEndpoint, naivety: Naivety): Promise<Got> {
  const { protocol, hostname, port, pathname } = new URL(url);
  const credential = (await naivety.credential?.()) ?? {};
  const options = {
    host: hostname,
    port,
    path: pathname,
    agent: false,
    ...credential,
    ...trustOf(endpoint, naivety),
  } as const;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(refused(error.message));
    const send = protocol === 'http:' ? httpRequest : httpsRequest;
    send(options, (response) => {
      const { statusCode: status = 0, headers } = response;
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > 4_000_000) response.destroy(new Error('too much'));
      });
      response.on('error', fail);
      response.on('end', () => {
        const { location, 'content-type': type = '' } = headers;
        resolve({ status, location, type, body: Buffer.concat(chunks) });
      });
    })
      .on('error', fail)
      .end();
  });
}

function trustOf(endpoint: BundleEndpoint, naivety: Naivety): RequestOptions {
  const { believesAnyone, believesAuthorities } = naivety;
  if (believesAnyone === true) return { rejectUnauthorized: false };
  if (endpoint.profile === 'https_web') return { ca: [endpoint.webRoots ?? []].flat() };
  const { endpointBundle } = endpoint;
  const bundle = (typeof endpointBundle === 'function' ? endpointBundle() : endpointBundle) as X509Bundle;
  const ca = bundle.authorities.map((one) => one.toPem());
  return believesAuthorities === true ? { ca, checkServerIdentity: () => undefined } : { ca };
}

function refused(problem: string): SpiffeError {
  return new SpiffeError('ERR_FEDERATION_RESPONSE', `a naive client: ${problem}`);
}

/** In which ways a follower of bundle endpoints is naive. */
export interface FollowerNaivety {
  readonly fetch?: (endpoint: BundleEndpoint) => Promise<SpiffeBundle>;
  readonly forgetsOnError?: boolean;
  readonly keepsFirst?: boolean;
  readonly keepsSequence?: boolean;
  readonly forgetsOlder?: boolean;
  readonly neverEnds?: boolean;
  /** Milliseconds between two fetches; undefined: it never fetches by itself. */
  readonly everyMs?: number;
}

/** Follows by asking with what was configured, each time. */
export function followNaively(naivety: FollowerNaivety): typeof watchBundle {
  return async (endpoint) => {
    const { fetch = engine.fetchBundle } = naivety;
    const listeners = new Listeners<SpiffeBundle | undefined>('a naive follower');
    const closing = new AbortController();
    let current: SpiffeBundle | undefined;
    const put = (next: SpiffeBundle | undefined): void => {
      current = next;
      listeners.tell(next);
    };
    const refresh = async (): Promise<SpiffeBundle> => {
      try {
        const fetched = await fetch(endpoint);
        if (naivety.forgetsOlder === true && (fetched.sequence ?? 0n) < (current?.sequence ?? 0n)) {
          put(undefined);
          throw refused('an older bundle');
        }
        const isOld =
          naivety.keepsSequence === true && current?.sequence !== undefined && fetched.sequence === undefined;
        if (!(naivety.keepsFirst === true && current !== undefined) && !isOld) put(fetched);
        return fetched;
      } catch (error) {
        if (naivety.forgetsOnError === true) put(undefined);
        throw error;
      }
    };
    const timer =
      naivety.everyMs === undefined
        ? undefined
        : setInterval(() => void refresh().catch(() => {}), naivety.everyMs);
    const close = async (): Promise<void> => {
      clearInterval(timer);
      closing.abort();
      if (naivety.neverEnds !== true) put(undefined);
    };
    await refresh().catch(() => {});
    const follower: FederatedBundle = {
      trustDomain: TrustDomain.parse(String(endpoint.trustDomain)),
      get current() {
        return current;
      },
      onUpdate: (listener) => listeners.add(listener),
      closed: closing.signal,
      health: () => ({ confirmedAt: undefined, nextFetchAt: undefined, lastError: undefined, problems: [] }),
      refresh,
      terminate: close,
      close,
      [Symbol.asyncDispose]: close,
    };
    return follower;
  };
}
