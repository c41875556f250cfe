import { buildId, equalIds, parseId, parseTrustDomain } from './id-operations.ts';
import { matchId } from './match-id.ts';
import { type JsonObject } from './params.ts';

/** Answers a call with what the library says, or throws what it threw. */
export type Operation = (params: JsonObject) => JsonObject;

/** Every operation of the protocol that svidkit has. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['id.parse', parseId],
  ['id.build', buildId],
  ['id.equal', equalIds],
  ['id.match', matchId],
  ['td.parse', parseTrustDomain],
]);
