import { isStringList, type Json, type JsonObject, member, textMember } from '../json.ts';
import { type Call, mishears, misreports, type Mutant, refuses } from './mutant.ts';
import { bundlesOf, tokenCalls, withBundles } from './token-call.ts';

const { isToken, headerOf, claimsOf, algorithmOf, believes } = tokenCalls('jwt.validate');

/** Mutants that read or validate JWT-SVIDs wrongly. */
export const JWT_MUTANTS: readonly Mutant[] = [
  believes('jwt-hs-with-public-key', 'takes the public key for a shared secret', (call) =>
    algorithmOf(call).startsWith('HS'),
  ),
  believes('jwt-alg-none', 'takes alg none, as it is written', (call) => algorithmOf(call) === 'none'),
  believes('jwt-alg-none-any-case', 'takes alg none in any case', (call) =>
    /^none$/i.test(algorithmOf(call)),
  ),
  believes('jwt-header-key', 'believes the key that a header offers', (call) =>
    ['jwk', 'jku', 'x5u', 'x5t'].some((name) => headerOf(call)[name] !== undefined),
  ),
  believes('jwt-ignores-crit', 'does not look at crit', (call) => headerOf(call)['crit'] !== undefined),
  mishears('jwt-any-use', 'takes keys of any use', ({ op, params }) =>
    op === 'jwt.validate'
      ? withBundles(params, (text) => text.replaceAll('"wit-svid"', '"jwt-svid"'))
      : undefined,
  ),
  mishears('jwt-pools-bundles', 'judges by the keys of all trust domains', ({ op, params }) => {
    if (op !== 'jwt.validate') return undefined;
    const [first = ''] = Object.values(bundlesOf(params)).filter((one) => typeof one === 'string');
    return withBundles(params, () => first);
  }),
  mishears('jwt-ignores-audience', 'does not ask for whom a token is', (call) =>
    call.op === 'jwt.validate' ? { ...call.params, audience: audienceOf(call) } : undefined,
  ),
  mishears('jwt-audience-prefix', 'takes the beginning of its name for its name', (call) =>
    withAudience(call, (theirs, ours) => ours.startsWith(theirs)),
  ),
  mishears('jwt-audience-any-case', 'takes its name in any case', (call) =>
    withAudience(call, (theirs, ours) => ours.toLowerCase() === theirs.toLowerCase()),
  ),
  refuses(
    'jwt-audience-list',
    'wants the audience as a list',
    (call) => typeof claimsOf(call)['aud'] === 'string',
  ),
  refuses('jwt-audience-text', 'wants the audience as a text', (call) =>
    Array.isArray(claimsOf(call)['aud']),
  ),
  refuses('jwt-typ-required', 'wants typ', (call) => isToken(call) && headerOf(call)['typ'] === undefined),
  refuses('jwt-typ-jwt', 'wants no other typ than JWT', (call) => headerOf(call)['typ'] === 'JOSE'),
  refuses(
    'jwt-rs256-alone',
    'supports RS256 alone',
    (call) => isToken(call) && algorithmOf(call) !== 'RS256',
  ),
  refuses('jwt-no-pss', 'does not support RSA-PSS', (call) => algorithmOf(call).startsWith('PS')),
  refuses('jwt-no-p521', 'does not support P-521', (call) => algorithmOf(call) === 'ES512'),
  refuses('jwt-iat-required', 'wants iat', (call) => isToken(call) && claimsOf(call)['iat'] === undefined),
  refuses('jwt-iss-known', 'wants an issuer that it knows', (call) => claimsOf(call)['iss'] !== undefined),
  refuses('jwt-whole-seconds', 'wants whole seconds', (call) => {
    const { exp } = claimsOf(call);
    return typeof exp === 'number' && !Number.isInteger(exp);
  }),
  mishears('jwt-own-clock', 'does not take the instant that it is given', ({ op, params: { at, ...rest } }) =>
    op === 'jwt.validate' && at !== undefined ? rest : undefined,
  ),
  misreports('jwt-id-of-td', 'answers the ID of the trust domain', (value, { op }) =>
    op.startsWith('jwt.')
      ? { id: `${textMember(value, 'id').replace(/^(spiffe:\/\/[^/]*).*$/, '$1')}/` }
      : {},
  ),
  misreports('jwt-no-claims', 'loses the claims', (_value, { op }) =>
    op === 'jwt.validate' ? { claims: {} } : {},
  ),
  misreports('jwt-expiry-in-ms', 'takes seconds for milliseconds', (_value, { op }) =>
    op === 'jwt.validate' ? { expiry: '1970-02-17T11:34:04Z' } : {},
  ),
  misreports('jwt-parse-unmarked', 'does not say that a token was read without proof', (_value, { op }) =>
    op === 'jwt.parse' ? { verified: true } : {},
  ),
  refuses('bearer-case', 'wants the scheme as Bearer', (call) =>
    textMember(call.params, 'header').startsWith('bearer'),
  ),
  refuses('bearer-one-space', 'wants one space after the scheme', (call) =>
    textMember(call.params, 'header').includes('  '),
  ),
];

function audienceOf(call: Call): readonly string[] {
  const aud = member(claimsOf(call), 'aud');
  return typeof aud === 'string' ? [aud] : texts(aud);
}

function texts(value: Json | undefined): readonly string[] {
  return isStringList(value) ? value : [];
}

/** The parameters with what is taken for our own names; undefined when there is nothing to take. */
function withAudience(call: Call, isOurs: (theirs: string, ours: string) => boolean): JsonObject | undefined {
  if (call.op !== 'jwt.validate') return undefined;
  const ours = texts(call.params['audience']);
  const taken = audienceOf(call).filter((theirs) => ours.some((one) => isOurs(theirs, one)));
  return taken.length === 0 ? undefined : { ...call.params, audience: [...ours, ...taken] };
}
