import { type IncomingMessage, request } from 'node:http';
import { type TLSSocket } from 'node:tls';

import { type Clock, SpiffeError } from '@svidkit/core';

import { shownUrl } from './bundle-endpoint.ts';
import { connectEndpoint, type EndpointProof } from './connect-endpoint.ts';
import { redirectTarget } from './endpoint-url.ts';

/** How much patience a fetch has. */
export interface FetchLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly maxRedirects: number;
  readonly clock: Clock;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Gets what is at a bundle endpoint. Each hop of a redirect has to be a bundle endpoint and to prove the same as the
 * first one; none is remembered (Federation 5.2.1.4, 5.2.2.4).
 *
 * @throws {@link SpiffeError} `ERR_FEDERATION_UNREACHABLE`, `ERR_FEDERATION_UNTRUSTED`, `ERR_FEDERATION_RESPONSE`; the
 * reason of `signal`.
 */
export async function fetchDocument(
  configured: URL,
  proof: EndpointProof,
  limits: FetchLimits,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const deadline = new AbortController();
  // One for all of it: an endpoint that sends a byte now and then gains nothing.
  const timer = limits.clock.setTimer(() => {
    const problem = `no whole answer of the bundle endpoint ${shownUrl(configured)} within ${limits.timeoutMs} ms`;
    deadline.abort(new SpiffeError('ERR_FEDERATION_UNREACHABLE', problem));
  }, limits.timeoutMs);
  const either = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
  try {
    let url = configured;
    for (let redirects = 0; ; redirects++) {
      const answer = await getOnce(url, proof, limits, either);
      if (Buffer.isBuffer(answer)) return answer;
      if (redirects >= limits.maxRedirects) {
        throw badResponse(configured, `more than ${limits.maxRedirects} redirects`);
      }
      url = answer;
    }
  } finally {
    timer.clear();
  }
}

/** One hop: the document, or where to go on. */
async function getOnce(
  url: URL,
  proof: EndpointProof,
  { clock, maxBytes }: FetchLimits,
  signal: AbortSignal,
): Promise<Buffer | URL> {
  const socket = await connectEndpoint(url, proof, clock, signal);
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const response = await ask(socket, url);
    return readRedirect(response, url) ?? (await readBody(response, url, maxBytes));
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof SpiffeError) throw cause;
    const problem = `the answer of the bundle endpoint ${shownUrl(url)} broke off`;
    throw new SpiffeError('ERR_FEDERATION_UNREACHABLE', problem, { cause });
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

function ask(socket: TLSSocket, url: URL): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({
      createConnection: () => socket,
      setHost: false,
      method: 'GET',
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        accept: 'application/json',
        // What is packed into little could unpack into much.
        'accept-encoding': 'identity',
        connection: 'close',
      },
    })
      .on('response', resolve)
      .on('error', reject)
      // Where there is neither: the endpoint wants to speak another protocol.
      .on('close', () => reject(new Error('there was no answer')))
      .end();
  });
}

function readRedirect({ statusCode = 0, headers }: IncomingMessage, url: URL): URL | undefined {
  if (!REDIRECTS.has(statusCode)) return undefined;
  const { location } = headers;
  if (location === undefined) throw badResponse(url, `status ${statusCode} without a location`);
  const target = redirectTarget(location, url);
  if (typeof target !== 'string') return target;
  throw badResponse(url, `a redirect that may not be followed: ${target}`);
}

async function readBody(response: IncomingMessage, url: URL, maxBytes: number): Promise<Buffer> {
  const { statusCode = 0, headers } = response;
  if (statusCode !== 200) throw badResponse(url, `status ${statusCode}`);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw badResponse(url, 'an encoded body');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxBytes) throw badResponse(url, `more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function badResponse(url: URL, got: string): SpiffeError {
  const problem = `want a bundle from the bundle endpoint ${shownUrl(url)}, got ${got}`;
  return new SpiffeError('ERR_FEDERATION_RESPONSE', problem);
}
