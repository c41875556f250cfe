import { createHash } from 'node:crypto';

import { type JsonObject, textMember } from '../json.ts';
import { type Call, mishears, misreports, type Mutant, refuses } from './mutant.ts';
import { tokenCalls } from './token-call.ts';

const OP = 'wit.accept';
const { believes } = tokenCalls(OP);
const { isToken: isProof, headerOf, claimsOf } = tokenCalls(OP, 'proof');
/** Longer than any proof of a case that is accepted lives. */
const LONG_MS = 120_000;

/** Mutants that judge proofs of possession wrongly. */
export const WIT_PROOF_MUTANTS: readonly Mutant[] = [
  believes(
    'proof-optional',
    'takes a WIT-SVID for a bearer token',
    ({ params }) => textMember(params, 'proof') === '',
  ),
  believes('proof-unsigned', 'does without the signature of a proof', (call) => {
    const [, , signature = ''] = textMember(call.params, 'proof').split('.');
    return isProof(call) && (signature === '' || headerOf(call)['alg'] === 'none');
  }),
  believes('proof-header-key', 'believes the key that a proof offers', (call) => 'jwk' in headerOf(call)),
  believes(
    'proof-any-typ',
    'takes any token for a proof',
    (call) => isProof(call) && headerOf(call)['typ'] !== 'wpt+jwt',
  ),
  believes(
    'proof-for-any-token',
    'does not ask for which token a proof is',
    (call) => isProof(call) && claimsOf(call)['wth'] !== hashOf(textMember(call.params, 'token')),
  ),
  believes('proof-endless', 'does not ask when a proof ends', (call) => {
    const { exp } = claimsOf(call);
    const at = Date.parse(textMember(call.params, 'at'));
    return isProof(call) && !(Math.abs(Number(exp) * 1_000 - at) < LONG_MS);
  }),
  believes(
    'proof-for-anybody',
    'does not ask for whom a proof is',
    (call) => isProof(call) && claimsOf(call)['aud'] === undefined,
  ),
  mishears('proof-any-path', 'does not ask for which path a proof is', (call) =>
    withUrl(call, (theirs, ours) => theirs.origin === ours.origin),
  ),
  mishears('proof-any-host', 'believes what a proof says about the server', (call) =>
    withUrl(call, (theirs, ours) => theirs.pathname === ours.pathname),
  ),
  refuses('proof-es256-alone', 'takes proofs for ES256 alone', (call) => headerOf(call)['alg'] === 'ES384'),
  refuses('proof-claims-known', 'wants claims that it knows', (call) => 'x-more' in claimsOf(call)),
  misreports('proof-id-of-td', 'answers the ID of the trust domain', (_value, { op }) =>
    op === OP ? { id: 'spiffe://example.org' } : {},
  ),
];

/** The parameters with the URL that the proof is for, where that `isTaken` for ours. */
function withUrl(call: Call, isTaken: (theirs: URL, ours: URL) => boolean): JsonObject | undefined {
  const aud = textMember(claimsOf(call), 'aud');
  if (!URL.canParse(aud)) return undefined;
  const ours = new URL(textMember(call.params, 'url'));
  return isTaken(new URL(aud), ours) ? { ...call.params, url: aud } : undefined;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
