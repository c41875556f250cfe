import { type Json } from '../../src/json.ts';
import { type Draft } from '../draft.ts';
import { mint } from '../jwt/token.ts';
import { JWT_SPEC } from '../spec-quotes-jwt.ts';
import { accept, claimsWith, either, headerWith, KEY, refuse, token } from './jwt-svid-case.ts';
import { EXP, OVER } from './token-case.ts';

/** An instant in 2030, which the cases with a clock of their own turn around. */
const T = 1_900_000_000;
const at = (seconds: number): string => new Date((T + seconds) * 1000).toISOString().replace('.000Z', 'Z');

/** Rows 202 to 207: what the claims say. */
export function jwtClaimsDrafts(): readonly Draft[] {
  const aud = (id: string, title: string, value: Json | undefined): Draft =>
    refuse(202, `reject/aud-${id}`, title, ['jwt.aud'], {
      token: token({ aud: value }),
      spec: [JWT_SPEC.aud],
    });
  const exp = (id: string, title: string, value: Json | undefined): Draft =>
    refuse(204, `reject/exp-${id}`, title, ['jwt.exp', 'jwt.malformed'], {
      token: token({ exp: value }),
      spec: [JWT_SPEC.exp],
    });
  const sub = (id: string, title: string, value: Json | undefined): Draft =>
    refuse(207, `reject/sub-${id}`, title, ['jwt.sub'], {
      token: token({ sub: value }),
      spec: [JWT_SPEC.sub],
    });
  return [
    aud('missing', 'a token without audience is refused', undefined),
    aud('empty-array', 'a token for nobody is refused', []),
    aud('other', 'a token for somebody else is refused', 'spiffe://example.org/other'),
    aud('prefix', 'the beginning of a name is not the name', 'spiffe://example.org/ap'),
    aud('case', 'upper and lower case are two names', 'spiffe://example.org/API'),
    aud('number', 'an audience that is no text is refused', 7),
    refuse(
      203,
      'reject/validator-without-audience',
      'a validator that is nobody accepts nothing',
      ['jwt.aud'],
      {
        token: token(),
        audience: [],
        level: 'ref',
        spec: [JWT_SPEC.aud],
        why: 'whoever forgets to say who they are would accept tokens for everybody',
      },
    ),
    accept(204, 'accept/expiry', 'when a token ends is told', {
      token: token(),
      level: 'ref',
      spec: [JWT_SPEC.exp],
      found: { expiry: '2100-01-01T00:00:00Z' },
    }),
    exp('missing', 'a token that never ends is refused', undefined),
    exp('past', 'a token that is over is refused', OVER),
    exp('string', 'a time that is a text is refused', String(EXP)),
    exp('negative', 'a time before 1970 is refused', -1),
    refuse(204, 'reject/exp-1e400', 'a time beyond all numbers is refused', ['jwt.exp', 'jwt.malformed'], {
      token: mint(headerWith(), JSON.stringify(claimsWith()).replace(`"exp":${EXP}`, '"exp":1e400'), KEY),
      spec: [JWT_SPEC.exp],
      why: 'what becomes infinity never ends',
    }),
    accept(205, 'time/exp-fraction', 'a time may have a fraction', {
      token: token({ exp: EXP + 0.5 }),
      level: 'should',
      spec: [JWT_SPEC.rfc7519('2')],
    }),
    accept(205, 'time/before-exp', 'a second before its end a token is valid', {
      token: token({ exp: T }),
      spec: [JWT_SPEC.exp],
      at: at(-1),
    }),
    either(205, 'time/leeway', 'a second after its end', ['jwt.exp'], {
      token: token({ exp: T }),
      spec: [JWT_SPEC.leeway],
      at: at(1),
      control: 'time/before-exp',
    }),
    refuse(205, 'time/past-leeway', 'five minutes after its end a token is over', ['jwt.exp'], {
      token: token({ exp: T }),
      spec: [JWT_SPEC.leeway],
      at: at(300),
      control: 'time/before-exp',
      why: 'a small leeway is for clocks that differ, and not for old tokens',
    }),
    refuse(206, 'reject/nbf-future', 'a token that has not begun is refused', ['jwt.nbf'], {
      // 2105 and 2110: no clock until 2100 comes near.
      token: token({ nbf: 4_260_211_200, exp: 4_417_977_600 }),
      spec: [JWT_SPEC.rfc7519('4.1.5')],
    }),
    sub('missing', 'a token of nobody is refused', undefined),
    sub('empty', 'an empty subject is refused', ''),
    sub('not-id', 'a subject that is no SPIFFE ID is refused', 'web'),
    sub('number', 'a subject that is no text is refused', 7),
  ];
}
