import { createPublicKey } from 'node:crypto';

import { isObject, type JsonObject, member, parseJson, textMember } from '../json.ts';
import { type Call, mishears, misreports, type Mutant, refuses } from './mutant.ts';
import { bundlesOf, tokenCalls, withBundles } from './token-call.ts';

const OP = 'wit.validate';
const { isToken, headerOf, claimsOf, algorithmOf, believes } = tokenCalls(OP);
const OTHER_USES = /"use":"(?:jwt-svid|x509-svid|sig)"/g;
const ALGORITHM = /^(?:RS|ES|PS)(?:256|384|512)$/;
const CURVES: Readonly<Record<string, string>> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
};
/** Which token had an ID first. */
const firstOf = new Map<string, string>();

/** Mutants that validate WIT-SVIDs wrongly. */
export const WIT_MUTANTS: readonly Mutant[] = [
  believes('wit-hs-with-public-key', 'takes the public key for a shared secret', (call) =>
    algorithmOf(call).startsWith('HS'),
  ),
  believes('wit-alg-none', 'takes alg none', (call) => algorithmOf(call) === 'none'),
  believes('wit-header-key', 'believes the key that a header offers', (call) => 'jwk' in headerOf(call)),
  believes('wit-ignores-crit', 'does not look at crit', (call) => 'crit' in headerOf(call)),
  believes('wit-takes-jwt', 'takes a JWT-SVID for a WIT-SVID', (call) => headerOf(call)['typ'] === 'JWT'),
  believes(
    'wit-typ-optional',
    'does without typ',
    (call) => isToken(call) && headerOf(call)['typ'] === undefined,
  ),
  believes('wit-endless', 'does without exp', (call) => isToken(call) && claimsOf(call)['exp'] === undefined),
  believes(
    'wit-no-cnf',
    'takes a token without a key of the workload',
    (call) => isToken(call) && !isObject(confirmationOf(call)),
  ),
  believes('wit-private-cnf', 'takes a private key for a confirmation', (call) =>
    ['d', 'k'].some((name) => keyMember(call, name) !== undefined),
  ),
  believes(
    'wit-cnf-any-algorithm',
    'takes any algorithm of the key of the workload',
    (call) => keyMember(call, 'kty') !== undefined && !ALGORITHM.test(String(keyMember(call, 'alg'))),
  ),
  believes('wit-cnf-algorithm-alone', 'does not look at the key of the workload', (call) => {
    const algorithm = String(keyMember(call, 'alg'));
    return ALGORITHM.test(algorithm) && !isKeyFor(algorithm, confirmationOf(call));
  }),
  mishears('wit-any-use', 'takes keys of any use', ({ op, params }) =>
    op === OP ? withBundles(params, (text) => text.replaceAll(OTHER_USES, '"use":"wit-svid"')) : undefined,
  ),
  mishears('wit-pools-bundles', 'judges by the keys of all trust domains', ({ op, params }) => {
    if (op !== OP) return undefined;
    const [first = ''] = Object.values(bundlesOf(params)).filter((one) => typeof one === 'string');
    return withBundles(params, () => first);
  }),
  mishears('wit-kid-any-case', 'takes a kid in any case', (call) =>
    withKeyIds(call, (theirs, ours) => theirs.toLowerCase() === ours.toLowerCase()),
  ),
  mishears('wit-kid-any', 'takes whichever key there is', (call) => withKeyIds(call, () => true)),
  mishears('wit-own-clock', 'does not take the instant that it is given', ({ op, params: { at, ...rest } }) =>
    op === OP && at !== undefined ? rest : undefined,
  ),
  refuses(
    'wit-es256-alone',
    'supports ES256 alone',
    (call) => isToken(call) && algorithmOf(call) !== 'ES256',
  ),
  refuses('wit-no-pss', 'does not support RSA-PSS', (call) => algorithmOf(call).startsWith('PS')),
  refuses(
    'wit-cnf-es256-alone',
    'wants workloads to have keys for ES256',
    (call) => isToken(call) && keyMember(call, 'alg') !== 'ES256',
  ),
  refuses('wit-cnf-bare', 'wants a confirmation to say nothing more', (call) => {
    const cnf = claimsOf(call)['cnf'];
    return isObject(cnf) && Object.keys(cnf).length > 1;
  }),
  refuses('wit-jti-once', 'takes a jti against replay', (call) => {
    const { jti } = claimsOf(call);
    if (typeof jti !== 'string') return false;
    const token = textMember(call.params, 'token');
    if (!firstOf.has(jti)) firstOf.set(jti, token);
    return firstOf.get(jti) !== token;
  }),
  refuses('wit-iat-past', 'wants iat to be past', (call) => Number(claimsOf(call)['iat']) > 4_000_000_000),
  refuses('wit-iat-required', 'wants iat', (call) => isToken(call) && claimsOf(call)['iat'] === undefined),
  refuses('wit-iss-known', 'wants an issuer that it knows', (call) => claimsOf(call)['iss'] !== undefined),
  refuses('wit-nbf-unknown', 'refuses nbf', (call) => claimsOf(call)['nbf'] !== undefined),
  refuses('wit-claims-known', 'wants claims that it knows', (call) => 'role' in claimsOf(call)),
  refuses('wit-headers-known', 'wants headers that it knows', (call) => 'x-more' in headerOf(call)),
  refuses('wit-kid-plain', 'wants a kid of plain characters', (call) =>
    /[^\w-]/.test(textMember(headerOf(call), 'kid')),
  ),
  refuses('wit-keys-alone', 'wants bundles without keys for others', ({ op, params }) => {
    const texts = Object.keys(bundlesOf(params)).map((name) => textMember(bundlesOf(params), name));
    return op === OP && texts.some((text) => text.includes('"use":"jwt-svid"'));
  }),
  refuses('wit-whole-seconds', 'wants whole seconds', (call) => {
    const { exp } = claimsOf(call);
    return typeof exp === 'number' && !Number.isInteger(exp);
  }),
  misreports('wit-id-of-td', 'answers the ID of the trust domain', (value, { op }) =>
    op === OP ? { id: `${textMember(value, 'id').replace(/^(spiffe:\/\/[^/]*).*$/, '$1')}/` } : {},
  ),
  misreports('wit-no-key', 'loses the key of the workload', (_value, { op }) =>
    op === OP ? { cnfSpkiSha256: '' } : {},
  ),
  misreports('wit-expiry-in-ms', 'takes seconds for milliseconds', (_value, { op }) =>
    op === OP ? { expiry: '1970-02-17T11:34:04Z' } : {},
  ),
];

/** The key of the workload in the token of a call. */
function confirmationOf(call: Call): JsonObject | undefined {
  const cnf = member(claimsOf(call), 'cnf');
  const jwk = isObject(cnf) ? member(cnf, 'jwk') : undefined;
  return isObject(jwk) ? jwk : undefined;
}

/** Whether a JWK is a key that signs with an algorithm. */
function isKeyFor(algorithm: string, jwk: JsonObject = {}): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    const curve = CURVES[algorithm];
    return curve === undefined ? asymmetricKeyType === 'rsa' : asymmetricKeyDetails?.namedCurve === curve;
  } catch {
    return false;
  }
}

function keyMember(call: Call, name: string): unknown {
  return confirmationOf(call)?.[name];
}

/** The parameters with the kid of the token in place of those of keys that `isTaken` for it. */
function withKeyIds(call: Call, isTaken: (theirs: string, ours: string) => boolean): JsonObject | undefined {
  const { kid } = headerOf(call);
  if (typeof kid !== 'string') return undefined;
  return withBundles(call.params, (text) => {
    const document = parseJson(text);
    const keys = isObject(document) ? member(document, 'keys') : undefined;
    if (!Array.isArray(keys)) return text;
    const [first, ...more] = keys as readonly JsonObject[];
    return first !== undefined && isTaken(textMember(first, 'kid'), kid)
      ? JSON.stringify({ keys: [{ ...first, kid }, ...more] })
      : text;
  });
}
