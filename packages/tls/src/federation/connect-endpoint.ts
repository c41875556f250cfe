import { isIP } from 'node:net';
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { BundleSet, type Clock, isSpiffeError, SpiffeError, type X509Bundle } from '@svidkit/core';

import { admit, publishRejection, remoteOf } from '../admission.ts';
import { emptyContext } from '../context-options.ts';
import { asSpiffeError } from '../judge.ts';
import { type ParsedEndpoint, shownUrl, type SpiffeParameters } from './bundle-endpoint.ts';

/** How an endpoint proves who it is. */
export type EndpointProof =
  | { readonly webRoots: ParsedEndpoint['webRoots'] }
  | { readonly authorize: SpiffeParameters['authorize']; readonly bundle: X509Bundle };

/**
 * Federation 5 wants endpoints to be compatible with the intermediate profile of Mozilla, which has both versions. We
 * present nothing here, so that there is nothing which the older one would show.
 */
const MIN_VERSION = 'TLSv1.2';

/**
 * Connects to a bundle endpoint, and gives the socket only after the endpoint has proved who it is. We present no
 * certificate: endpoints must not ask for one (Federation 5.2.1.3).
 *
 * This is the one place where public roots count, and only for an endpoint with the profile `https_web`: what they vouch
 * for is the host that a document comes from, never a workload. Without that profile they are not consulted.
 *
 * @throws {@link SpiffeError} `ERR_FEDERATION_UNREACHABLE`, `ERR_FEDERATION_UNTRUSTED`; the reason of `signal`.
 */
export function connectEndpoint(
  url: URL,
  proof: EndpointProof,
  clock: Clock,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const host = url.hostname.replaceAll(/^\[|\]$/g, '');
    const socket = connect({
      host,
      port: url.port === '' ? 443 : Number(url.port),
      servername: isIP(host) === 0 ? host : '',
      ALPNProtocols: ['http/1.1'],
      ...proofOptions(proof),
    });
    let isConnected = false;
    const onAbort = (): void => void socket.destroy();
    const settle = (error?: unknown): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', settle).off('close', onClose);
      if (error === undefined) {
        resolve(socket);
        return;
      }
      // What comes after the first error is of no interest, and must not end the process.
      socket.on('error', () => {}).destroy();
      const reason: unknown = signal.reason;
      reject(signal.aborted ? reason : explain(error, url, isConnected));
    };
    const onClose = (): void => settle(new Error('the connection ended'));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => (isConnected = true));
    socket.on('error', settle).on('close', onClose);
    socket.once('secureConnect', () => {
      try {
        if ('bundle' in proof) proveSpiffe(socket, proof, clock);
        // TLS 1.2: a second handshake could change who the endpoint is.
        socket.disableRenegotiation();
        settle();
      } catch (cause) {
        settle(cause);
      }
    });
  });
}

function proofOptions(proof: EndpointProof): ConnectionOptions {
  // Our verifier judges, and only it.
  if ('bundle' in proof) return { secureContext: emptyContext(MIN_VERSION), rejectUnauthorized: false };
  const { webRoots } = proof;
  return {
    minVersion: MIN_VERSION,
    // Said out loud, so that NODE_TLS_REJECT_UNAUTHORIZED changes nothing.
    rejectUnauthorized: true,
    checkServerIdentity,
    ...(webRoots === undefined ? {} : { ca: [...webRoots] }),
  };
}

/** Federation 5.2.2.4: a valid X.509-SVID with exactly the configured SPIFFE ID; host names do not matter. */
function proveSpiffe(
  socket: TLSSocket,
  { authorize, bundle }: { readonly authorize: SpiffeParameters['authorize']; readonly bundle: X509Bundle },
  clock: Clock,
): void {
  const trust = {
    number: 0,
    spiffe: { bundles: BundleSet.of(bundle) },
    failure: undefined,
    legacy: undefined,
    mode: 'strict',
    dryRun: false,
    migrating: false,
  } as const;
  const policy = { side: 'client', authorize, clock, deny: undefined, resumption: false } as const;
  try {
    admit(socket, undefined, trust, policy);
  } catch (cause) {
    publishRejection('client', 0, remoteOf(socket), asSpiffeError(cause));
    throw cause;
  }
}

function explain(cause: unknown, url: URL, isConnected: boolean): SpiffeError {
  const { code = '', message }: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error('');
  const whom = `the bundle endpoint ${shownUrl(url)}`;
  const isBroken = !isConnected || code === 'ECONNRESET' || code === 'EPROTO' || code.startsWith('ERR_SSL');
  if (!isSpiffeError(cause) && (isBroken || code === '')) {
    return new SpiffeError('ERR_FEDERATION_UNREACHABLE', `${whom} cannot be asked: ${message}`, { cause });
  }
  return new SpiffeError('ERR_FEDERATION_UNTRUSTED', `${whom} is not who it has to be: ${message}`, {
    cause,
    hint: 'Compare its URL, profile and endpoint ID with what the other trust domain says.',
  });
}
