import { parseBundle, parseJwks, parseMap } from './bundle-operations.ts';
import { buildId, equalIds, parseId, parseTrustDomain } from './id-operations.ts';
import { matchId } from './match-id.ts';
import { type JsonObject } from './params.ts';
import { parseBundlePem, parseSvidDer, parseSvidPem } from './read-documents.ts';
import { verifyChain } from './verify-chain.ts';

/** Answers a call with what the library says, or throws what it threw. */
export type Operation = (params: JsonObject) => JsonObject;

/** Every operation of the protocol that svidkit has. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
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
  ['td.parse', parseTrustDomain],
]);
