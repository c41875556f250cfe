import { once } from 'node:events';
import { type Server } from 'node:https';

import { parseBundleDocument, SpiffeError, TrustDomain, X509Bundle, type X509Source } from '@svidkit/core';
import { createBundleHandler, type BundleEndpoint, type FederatedBundle } from '@svidkit/tls/federation';

import { describeBundle } from './bundle-operations.ts';
import { engine } from './engine.ts';
import { clockOf } from './kit-clock.ts';
import { type Closable, OpenThings } from './open-things.ts';
import { BadParams, isObject, type JsonObject, text } from './params.ts';
import { sources } from './source-operations.ts';

/** Every federated bundle that is followed, and every endpoint that is served. */
export const federations: OpenThings<FederatedBundle> = new OpenThings('f');
export const bundleServers: OpenThings<Closable> = new OpenThings('b');

/** `federation.fetch` */
export async function fetchFederated(params: JsonObject): Promise<JsonObject> {
  return describeBundle(await engine.fetchBundle(endpointOf(params)));
}

/** `federation.watch` */
export async function watchFederated(params: JsonObject): Promise<JsonObject> {
  const options = isObject(params['options']) ? params['options'] : {};
  const { minRefreshMs } = options;
  const bundle = await engine.watchBundle(endpointOf(params), {
    ...clockOf(params),
    ...(typeof minRefreshMs === 'number' ? { minRefreshMs } : {}),
  });
  return { handle: federations.add(() => bundle) };
}

/** `federation.refresh` */
export async function refreshFederated(params: JsonObject): Promise<JsonObject> {
  return describeBundle(await federations.get(params).refresh());
}

/** `federation.get` */
export function getFederated(params: JsonObject): JsonObject {
  const { current } = federations.get(params);
  return current === undefined ? { x509Sha256: null } : describeBundle(current);
}

/** `federation.terminate` */
export async function terminateFederated(params: JsonObject): Promise<JsonObject> {
  await federations.get(params).terminate();
  return {};
}

/** `federation.serve` */
export async function serveBundle(params: JsonObject): Promise<JsonObject> {
  const bundle = parseBundleDocument(text(params, 'json'), TrustDomain.parse(text(params, 'trustDomain')));
  const source = await sources.get(params, 'source').opened;
  const server = engine.createBundleServer(
    source,
    createBundleHandler(() => bundle),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return { handle: bundleServers.add(() => ({ close: () => closeServer(server) })), port: address.port };
}

/** The source of `source.open` with the kind `federated`. */
export async function federatedSource(params: JsonObject): Promise<X509Source> {
  const { federations: handles } = params;
  if (!Array.isArray(handles)) throw new BadParams('federations: want a list of handles');
  const bundles = handles.map((handle) => federations.get({ handle: String(handle) }));
  const source = await sources.get(params, 'source').opened;
  return engine.withFederatedBundles(source, bundles, { closeParts: false });
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function endpointOf(params: JsonObject): BundleEndpoint {
  const common = { trustDomain: text(params, 'trustDomain'), url: text(params, 'url') };
  const profile = text(params, 'profile');
  if (profile === 'https_web') return { ...common, profile, webRoots: text(params, 'webRoots') };
  if (profile !== 'https_spiffe') throw new SpiffeError('ERR_CONFIG_OPTION', `the profile ${profile}`);
  const endpointId = text(params, 'endpointId');
  const endpointBundle = X509Bundle.fromPem(TrustDomain.parse(endpointId), text(params, 'endpointBundle'));
  return { ...common, profile, endpointId, endpointBundle };
}
