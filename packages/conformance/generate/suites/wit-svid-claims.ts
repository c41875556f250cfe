import { type Json } from '../../src/json.ts';
import { type Draft } from '../draft.ts';
import { mint, tokenKey } from '../jwt/token.ts';
import { WIT_SPEC } from '../spec-quotes-wit.ts';
import { EXP, OVER } from './token-case.ts';
import {
  accept,
  claimsWith,
  confirmed,
  either,
  headerWith,
  HOLDER,
  KEY,
  refuse,
  spkiSha256,
  token,
  type Variant,
} from './wit-svid-case.ts';

/** An instant in 2030, which the cases with a clock of their own turn around. */
const T = 1_900_000_000;
const at = (seconds: number): string => new Date((T + seconds) * 1000).toISOString().replace('.000Z', 'Z');

/** Rows 221 and 227 to 229: what the claims say, but for `cnf`. */
export function witClaimsDrafts(): readonly Draft[] {
  return [...subjects(), ...expiries(), ...beginnings(), ...audiences(), ...others()];
}

function subjects(): readonly Draft[] {
  const values: readonly Variant<Json | undefined>[] = [
    ['missing', 'a token of nobody is refused', undefined],
    ['empty', 'an empty subject is refused', ''],
    ['not-id', 'a subject that is no SPIFFE ID is refused', 'web'],
    ['wimse', 'the ID of a workload that is no SPIFFE ID is refused', 'wimse://example.org/web'],
    ['number', 'a subject that is no text is refused', 7],
  ];
  return [
    ...values.map(([id, title, sub]) =>
      refuse(221, `reject/sub-${id}`, title, ['jwt.sub', 'jwt.malformed'], {
        token: token({ sub }),
        spec: [WIT_SPEC.sub],
      }),
    ),
    either(221, 'choice/sub-path-less', 'the ID of a trust domain itself as subject', ['jwt.sub'], {
      token: token({ sub: 'spiffe://example.org' }),
      spec: [WIT_SPEC.sub],
      id: 'spiffe://example.org',
    }),
  ];
}

/** Row 227 */
function expiries(): readonly Draft[] {
  const values: readonly Variant<Json | undefined>[] = [
    ['missing', 'a token that never ends is refused', undefined],
    ['past', 'a token that is over is refused', OVER],
    ['string', 'a time that is a text is refused', String(EXP)],
    ['negative', 'a time before 1970 is refused', -1],
  ];
  const codes = ['jwt.exp', 'jwt.malformed'];
  return [
    accept(227, 'accept/expiry', 'when a token ends is told', {
      token: token(),
      level: 'ref',
      spec: [WIT_SPEC.exp],
      found: { expiry: '2100-01-01T00:00:00Z' },
    }),
    ...values.map(([id, title, exp]) =>
      refuse(227, `reject/exp-${id}`, title, codes, { token: token({ exp }), spec: [WIT_SPEC.exp] }),
    ),
    refuse(227, 'reject/exp-1e400', 'a time beyond all numbers is refused', codes, {
      token: mint(headerWith(), JSON.stringify(claimsWith()).replace(`"exp":${EXP}`, '"exp":1e400'), KEY),
      spec: [WIT_SPEC.exp],
      why: 'what becomes infinity never ends',
    }),
    accept(227, 'time/exp-fraction', 'a time may have a fraction', {
      token: token({ exp: EXP + 0.5 }),
      level: 'should',
      spec: [WIT_SPEC.rfc7519('2')],
    }),
    accept(227, 'time/before-exp', 'a second before its end a token is valid', {
      token: token({ exp: T }),
      spec: [WIT_SPEC.exp],
      at: at(-1),
    }),
    either(227, 'time/leeway', 'a second after its end', ['jwt.exp'], {
      token: token({ exp: T }),
      spec: [WIT_SPEC.leeway],
      at: at(1),
      control: 'time/before-exp',
    }),
    refuse(227, 'time/past-leeway', 'five minutes after its end a token is over', ['jwt.exp'], {
      token: token({ exp: T }),
      spec: [WIT_SPEC.exp, WIT_SPEC.leeway],
      at: at(300),
      control: 'time/before-exp',
      why: 'a small leeway is for clocks that differ, and not for old tokens',
    }),
  ];
}

/** Row 228 */
function beginnings(): readonly Draft[] {
  return [
    accept(228, 'accept/nbf-past', 'a token that has begun is accepted', {
      token: token({ nbf: OVER }),
      spec: [WIT_SPEC.nbf],
    }),
    refuse(228, 'reject/nbf-future', 'a token that has not begun is refused', ['jwt.nbf'], {
      // 2105 and 2110: no clock until 2100 comes near.
      token: token({ nbf: 4_260_211_200, exp: 4_417_977_600 }),
      spec: [WIT_SPEC.nbf],
      control: 'accept/nbf-past',
    }),
    accept(228, 'time/after-nbf', 'a second after its beginning a token is valid', {
      token: token({ nbf: T }),
      spec: [WIT_SPEC.nbf],
      at: at(1),
    }),
    either(228, 'time/nbf-leeway', 'a second before its beginning', ['jwt.nbf'], {
      token: token({ nbf: T }),
      spec: [WIT_SPEC.nbf, WIT_SPEC.rfc7519('4.1.5')],
      at: at(-1),
      control: 'time/after-nbf',
      why: 'the standard has a leeway for the end alone, RFC 7519 for both',
    }),
    refuse(
      228,
      'time/nbf-past-leeway',
      'five minutes before its beginning a token is not valid',
      ['jwt.nbf'],
      {
        token: token({ nbf: T }),
        spec: [WIT_SPEC.nbf],
        at: at(-300),
        control: 'time/after-nbf',
      },
    ),
  ];
}

/** Row 229: the sentence binds who issues; a validator may take it as a sign of another token. */
function audiences(): readonly Draft[] {
  const values: readonly Variant<Json>[] = [
    ['present', 'a token that has an audience', 'spiffe://example.org/api'],
    ['list', 'a token that has a list of audiences', ['spiffe://example.org/api']],
    ['empty', 'a token that has an empty list of audiences', []],
    ['null', 'a token whose audience is null', null],
  ];
  return values.map(([id, title, aud]) =>
    either(229, `choice/aud-${id}`, title, ['jwt.aud'], {
      token: token({ aud }),
      spec: [WIT_SPEC.aud],
      why: 'it must not be there, and no sentence says what whoever reads it does',
    }),
  );
}

/** Row 221: claims that decide nothing. */
function others(): readonly Draft[] {
  const replay = { spec: [WIT_SPEC.jti] };
  return [
    accept(221, 'accept/jti', 'a token that has an ID', { ...replay, token: token({ jti: 'one' }) }),
    accept(221, 'accept/jti-again', 'the same ID once more', {
      ...replay,
      token: token({ jti: 'one', more: true }),
      why: 'several instances of a workload on one node may have the same WIT-SVID',
    }),
    accept(221, 'accept/iat-future', 'a token that says to be made in the future', {
      token: token({ iat: 4_070_908_800 }),
      spec: [WIT_SPEC.iat],
      why: 'several libraries for JWT refuse it without being asked',
    }),
    accept(221, 'accept/iat-absent', 'a token without iat is accepted', {
      token: token({ iat: undefined }),
      spec: [WIT_SPEC.iat],
    }),
    accept(221, 'accept/iss', 'an issuer may be named', {
      token: token({ iss: 'spiffe://example.org' }),
      spec: [WIT_SPEC.iss],
    }),
    accept(221, 'accept/extra-claims', 'claims that nobody knows are passed over', {
      token: token({ role: 'admin', nested: { list: [1, true, null] } }),
      level: 'should',
      spec: [WIT_SPEC.claims],
    }),
    accept(221, 'accept/cnf-told', 'the key of the workload is told', {
      token: token(),
      level: 'ref',
      spec: [WIT_SPEC.cnf],
      found: { cnfSpkiSha256: spkiSha256(HOLDER) },
      why: 'whoever verifies the proof of possession needs it',
    }),
    ...['ES384', 'RS256'].map((alg) =>
      accept(
        221,
        `accept/holder-${alg.toLowerCase()}`,
        `the key of the issuer and that of the workload differ in kind: ${alg}`,
        {
          token: token({ cnf: { jwk: confirmed({}, tokenKey(alg, 'wit holder')) } }),
          spec: [WIT_SPEC.cnfAlg],
        },
      ),
    ),
  ];
}
