import { type IncomingMessage, type ServerResponse } from 'node:http';

import { formatBundleDocument, isSpiffeError, publish, type SpiffeBundle, SpiffeError } from '@svidkit/core';

/** Answers one request, like the listener of a server of node:http or node:https. */
export type BundleHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Serves the bundle of our own trust domain, the latest one at each request: whatever path the request has, to anyone
 * (Federation 5.2.1.3: an endpoint must not ask who its clients are). It reads nothing of the request but its method.
 *
 * @param bundle - the bundle of now; a throw or `undefined` is answered with 503.
 */
export function createBundleHandler(bundle: () => SpiffeBundle | undefined): BundleHandler {
  if (typeof bundle !== 'function') {
    throw new SpiffeError(
      'ERR_CONFIG_OPTION',
      'createBundleHandler wants a function that gives the bundle of now',
    );
  }
  // Writing a bundle costs more than answering with it.
  const written = new WeakMap<SpiffeBundle, Buffer>();
  return (request, response) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-cache');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const document = documentOf(bundle, written);
    if (document === undefined) {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': document.length });
    response.end(request.method === 'HEAD' ? undefined : document);
  };
}

function documentOf(
  bundle: () => SpiffeBundle | undefined,
  written: WeakMap<SpiffeBundle, Buffer>,
): Buffer | undefined {
  try {
    const current = bundle();
    if (current === undefined) throw new SpiffeError('ERR_BUNDLE_EMPTY', 'there is no bundle to serve');
    const document = written.get(current) ?? Buffer.from(formatBundleDocument(current));
    written.set(current, document);
    return document;
  } catch (cause) {
    const error = isSpiffeError(cause)
      ? cause
      : new SpiffeError('ERR_BUNDLE_INVALID', 'there is no bundle to serve', { cause, blame: 'caller' });
    publish('svidkit:source.error', () => ({ source: undefined, error }));
    return undefined;
  }
}
