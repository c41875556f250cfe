import { createServer, type Server } from 'node:https';

import { type X509Source } from '@svidkit/core';

import { contextOptions } from '../context-options.ts';
import { installContext } from '../server-context.ts';
import { type BundleHandler } from './create-bundle-handler.ts';

/** Federation 5 wants what the intermediate profile of Mozilla has: TLS 1.2 and 1.3. */
const MIN_VERSION = 'TLSv1.2';

/**
 * A server for a bundle endpoint of the profile `https_spiffe`: presents the SVID of `source`, and the next one after a
 * rotation, and asks its clients for nothing. Everybody may read a bundle, so it is for that alone; services belong
 * behind `createHttpsServer`, which knows its peers. While the source has nothing to present no handshake succeeds.
 *
 * An endpoint of the profile `https_web` is any HTTPS server with a certificate for its host name and the same handler.
 */
export function createBundleServer(source: X509Source, handler: BundleHandler): Server {
  const server = createServer(contextOptions(svidOf(source), MIN_VERSION), handler);
  installContext(server, svidOf(source), MIN_VERSION, 'off');
  const subscription = source.onUpdate((context) =>
    installContext(server, context?.svid, MIN_VERSION, 'off'),
  );
  server.once('close', () => subscription[Symbol.dispose]());
  // Whoever breaks off a handshake is no reason to end the process; node:https destroys the socket itself.
  server.on('tlsClientError', () => {});
  return server;
}

function svidOf(source: X509Source) {
  try {
    return source.current.svid;
  } catch {
    return undefined;
  }
}
