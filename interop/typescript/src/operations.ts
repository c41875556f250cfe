import { parseBundle, parseJwks, parseMap } from './bundle-operations.ts';
import { closePool, connectOnce, openPool, pools, requestOnce } from './client-operations.ts';
import {
  bundleServers,
  federatedSource,
  federations,
  fetchFederated,
  getFederated,
  refreshFederated,
  serveBundle,
  terminateFederated,
  watchFederated,
} from './federation-operations.ts';
import { buildId, equalIds, parseId, parseTrustDomain } from './id-operations.ts';
import { parseBearer, parseJwt, validateJwt } from './jwt-operations.ts';
import { advanceClock } from './kit-clock.ts';
import { verifyCertificateSignature, verifyJws, verifyPath } from './layer-operations.ts';
import { matchId } from './match-id.ts';
import { type JsonObject } from './params.ts';
import { parseBundlePem, parseSvidDer, parseSvidPem } from './read-documents.ts';
import { migrateServer, servers, startServer, stopServer } from './server-operations.ts';
import {
  closeSource,
  getSource,
  openSource,
  setSource,
  sources,
  statsOfProcess,
  waitForSource,
} from './source-operations.ts';
import { verifyChain } from './verify-chain.ts';
import { connectAsProgram } from './web-client.ts';
import { fetchWit, fetchWitBundles, watchWit } from './wit-client-operations.ts';
import { acceptWit, validateWit } from './wit-operations.ts';
import {
  closeJwtSource,
  fetchJwt,
  fetchJwtOfSource,
  fetchX509Bundles,
  jwtSources,
  openJwtSource,
  parseEndpoint,
  validateJwtByAgent,
  validateJwtOfSource,
} from './workload-operations.ts';

/** Answers a call with what the library says, or throws what it threw. */
export type Operation = (params: JsonObject) => JsonObject | Promise<JsonObject>;

/** Every operation of the protocol that svidkit has. */
export const OPERATIONS: Map<string, Operation> = new Map<string, Operation>([
  ['id.parse', parseId],
  ['id.build', buildId],
  ['id.equal', equalIds],
  ['id.match', matchId],
  ['svid.parsePem', parseSvidPem],
  ['svid.parseDer', parseSvidDer],
  ['bundle.parsePem', parseBundlePem],
  ['bundle.parse', parseBundle],
  ['bundleMap.parse', parseMap],
  ['jwks.parse', parseJwks],
  ['x509.verify', verifyChain],
  ['x509.chain', verifyPath],
  ['jws.verify', verifyJws],
  ['signature.verify', verifyCertificateSignature],
  ['td.parse', parseTrustDomain],
  ['jwt.validate', validateJwt],
  ['jwt.parse', parseJwt],
  ['bearer.parse', parseBearer],
  ['wit.validate', validateWit],
  ['wit.accept', acceptWit],
  [
    'source.open',
    (params) =>
      params['kind'] === 'workloadApiJwt' ? openJwtSource(params) : openSource(params, federatedSource),
  ],
  ['source.get', getSource],
  ['source.wait', waitForSource],
  ['source.set', setSource],
  ['source.stats', statsOfProcess],
  ['source.close', async (params) => (await closeJwtSource(params)) ?? closeSource(params)],
  ['source.jwt', fetchJwtOfSource],
  ['source.validateJwt', validateJwtOfSource],
  ['endpoint.parse', parseEndpoint],
  ['workload.x509Bundles', fetchX509Bundles],
  ['workload.jwt', fetchJwt],
  ['workload.validateJwt', validateJwtByAgent],
  ['workload.wit', fetchWit],
  ['workload.witBundles', fetchWitBundles],
  ['workload.watchWit', watchWit],
  ['server.start', startServer],
  ['server.stop', stopServer],
  ['server.migrate', migrateServer],
  ['client.connect', connectOnce],
  ['client.pool', openPool],
  ['client.request', requestOnce],
  ['client.close', closePool],
  ['client.web', connectAsProgram],
  ['clock.advance', advanceClock],
  ['federation.fetch', fetchFederated],
  ['federation.watch', watchFederated],
  ['federation.refresh', refreshFederated],
  ['federation.get', getFederated],
  ['federation.terminate', terminateFederated],
  ['federation.serve', serveBundle],
]);

/** Closes everything that calls have opened: clients and servers before what they are made of. */
export async function closeAll(): Promise<void> {
  await Promise.all([pools.closeAll(), servers.closeAll(), bundleServers.closeAll(), jwtSources.closeAll()]);
  await sources.closeAll();
  await federations.closeAll();
}
