import { isObject, type Json, type JsonObject, member, parseJson, textMember } from '../json.ts';
import { type Outcome } from '../protocol/outcome.ts';
import { type Call, type Mutant } from './mutant.ts';

/** What mutants look at in the calls that validate tokens of one kind. */
export interface TokenCalls {
  /** Whether the call is about one of these tokens. */
  readonly isToken: (call: Call) => boolean;
  /** The header of the token in a call; nothing where there is none. */
  readonly headerOf: (call: Call) => JsonObject;
  /** Its claims, likewise. */
  readonly claimsOf: (call: Call) => JsonObject;
  /** Its `alg`, likewise. */
  readonly algorithmOf: (call: Call) => string;
  /** A mutant that accepts tokens for what they say, without any proof. */
  readonly believes: (name: string, lie: string, isBelieved: (call: Call) => boolean) => Mutant;
}

/**
 * For the calls of one operation.
 *
 * @param part - which of its parameters is the token to look at.
 */
export function tokenCalls(op: string, part = 'token'): TokenCalls {
  const isToken = (call: Call): boolean =>
    call.op === op && textMember(call.params, part).split('.').length === 3;
  const partOf = (call: Call, index: number): JsonObject => {
    if (!isToken(call)) return {};
    try {
      const text = textMember(call.params, part).split('.')[index] ?? '';
      const value = parseJson(Buffer.from(text, 'base64url').toString());
      return isObject(value) ? value : {};
    } catch {
      return {};
    }
  };
  const claimsOf = (call: Call): JsonObject => partOf(call, 1);
  return {
    isToken,
    headerOf: (call) => partOf(call, 0),
    claimsOf,
    algorithmOf: (call) => textMember(partOf(call, 0), 'alg'),
    believes: (name, lie, isBelieved) => ({
      name,
      lie,
      answer: async (call, honest): Promise<Outcome> => {
        if (call.op !== op || !isBelieved(call)) return honest();
        const claims = claimsOf(call);
        const aud = member(claims, 'aud');
        const audience = typeof aud === 'string' ? [aud] : (aud ?? []);
        return { kind: 'ok', value: { id: textMember(claims, 'sub'), audience, claims } };
      },
    }),
  };
}

/** The parameters with other texts as bundles. */
export function withBundles(params: JsonObject, change: (text: string) => string): JsonObject {
  const bundles = Object.entries(bundlesOf(params)).map(([name, text]): [string, Json] => [
    name,
    typeof text === 'string' ? change(text) : text,
  ]);
  return { ...params, bundles: Object.fromEntries(bundles) };
}

/** The bundles of a call by trust domain. */
export function bundlesOf(params: JsonObject): JsonObject {
  const bundles = member(params, 'bundles');
  return isObject(bundles) ? bundles : {};
}
