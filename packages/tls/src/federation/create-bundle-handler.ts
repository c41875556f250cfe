import { type IncomingMessage, type ServerResponse } from 'node:http';

import { formatBundleDocument, isSpiffeError, publish, type SpiffeBundle, SpiffeError } from '@svidkit/core';

/** Answers one request, like the listener of a server of node:http or node:https. */
export type BundleHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Serves the bundle of our own trust domain, the latest one at each request: whatever path the request has, to anyone
 * (Federation 5.2.1.3: an endpoint must not ask who its clients are). It reads nothing of the request but its method.
 *
 * A change without a greater sequence number is served, since it may be a revocation, and reported once with
 * `ERR_FEDERATION_SEQUENCE`: those who fetch it can take it for an old one.
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
  const reportOrder = orderReporter();
  return (request, response) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-cache');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const document = documentOf(bundle, written, reportOrder);
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
  reportOrder: (current: SpiffeBundle) => void,
): Buffer | undefined {
  try {
    const current = bundle();
    if (current === undefined) throw new SpiffeError('ERR_BUNDLE_EMPTY', 'there is no bundle to serve');
    const document = written.get(current) ?? Buffer.from(formatBundleDocument(current));
    written.set(current, document);
    reportOrder(current);
    return document;
  } catch (cause) {
    const error = isSpiffeError(cause)
      ? cause
      : new SpiffeError('ERR_BUNDLE_INVALID', 'there is no bundle to serve', { cause, blame: 'caller' });
    publish('svidkit:source.error', () => ({ source: undefined, error }));
    return undefined;
  }
}

/** Trust Domain and Bundle 4.1.1: the sequence number grows with every change. */
function orderReporter(): (current: SpiffeBundle) => void {
  let last: SpiffeBundle | undefined;
  return (current) => {
    const before = last;
    last = current;
    if (before?.sequence === undefined || current === before || current.equals(before)) return;
    if (current.sequence !== undefined && current.sequence > before.sequence) return;
    const error = new SpiffeError(
      'ERR_FEDERATION_SEQUENCE',
      `want a sequence number above ${before.sequence} for the changed bundle of ${current.trustDomain.name}, got ${current.sequence ?? 'none'}`,
      { blame: 'caller', hint: 'Give each change of the bundle a greater sequence number.' },
    );
    publish('svidkit:source.error', () => ({ source: undefined, error }));
  };
}
