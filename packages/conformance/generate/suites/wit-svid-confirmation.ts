import { type Json } from '../../src/json.ts';
import { type Level } from '../../src/vectors/vector.ts';
import { type Draft } from '../draft.ts';
import { tokenKey } from '../jwt/token.ts';
import { WIT_SPEC } from '../spec-quotes-wit.ts';
import { accept, confirmed, either, refuse, token, type Variant } from './wit-svid-case.ts';

const CODES = ['jwt.cnf', 'jwt.malformed', 'jwt.alg', 'jwt.key'];
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];
/** What a private key has, of the length of its curve; it is the key of nobody. */
const SECRET = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE';

/** Rows 224 to 226: the key of the workload. */
export function witConfirmationDrafts(): readonly Draft[] {
  return [...missing(), ...forms(), ...algorithms()];
}

/** Row 224 */
function missing(): readonly Draft[] {
  const values: readonly Variant<Json | undefined>[] = [
    ['missing', 'a token without a key of the workload is refused', undefined],
    ['null', 'null is no confirmation', null],
    ['text', 'a text is no confirmation', 'key-1'],
    ['empty', 'a confirmation without a key is refused', {}],
    ['kid-alone', 'the name of a key is not the key', { kid: 'key-1' }],
    ['jku-alone', 'the place of a key is not the key', { jku: 'https://evil.test/keys', kid: 'key-1' }],
    ['jwk-null', 'a key that is null is refused', { jwk: null }],
    ['jwk-empty', 'a key without members is refused', { jwk: {} }],
  ];
  return values.map(([id, title, cnf]) =>
    refuse(224, `reject/cnf-${id}`, title, CODES, {
      token: token({ cnf }),
      spec: id === 'missing' ? [WIT_SPEC.cnf] : [WIT_SPEC.cnf, WIT_SPEC.cnfForm],
      why: 'without it nobody could be asked for a proof of possession',
    }),
  );
}

/** Row 225 */
function forms(): readonly Draft[] {
  const rsa = confirmed({}, tokenKey('RS256'));
  const values: readonly (readonly [...Variant<Json>, Level])[] = [
    ['private-ec', 'a private key is no confirmation', { jwk: confirmed({ d: SECRET }) }, 'should'],
    ['private-rsa', 'a private RSA key is no confirmation', { jwk: { ...rsa, d: SECRET } }, 'should'],
    [
      'symmetric',
      'a shared secret is no confirmation',
      { jwk: { kty: 'oct', k: SECRET, alg: 'HS256' } },
      'must',
    ],
    [
      'symmetric-es256',
      'a shared secret that says to be for ES256 is none',
      { jwk: { kty: 'oct', k: SECRET, alg: 'ES256' } },
      'must',
    ],
    ['no-kty', 'a key of no type is refused', { jwk: confirmed({ kty: undefined }) }, 'must'],
    ['no-point', 'a key without its numbers is refused', { jwk: confirmed({ x: undefined }) }, 'must'],
    ['off-curve', 'a point that is not on its curve is refused', { jwk: confirmed({ y: SECRET }) }, 'must'],
    ['encrypted-too', 'a confirmation has one key', { jwk: confirmed(), jwe: 'a.b.c.d.e' }, 'should'],
  ];
  return [
    ...values.map(([id, title, cnf, level]) =>
      refuse(225, `reject/cnf-${id}`, title, CODES, {
        token: token({ cnf }),
        level,
        spec: [WIT_SPEC.cnfForm],
        ...(id.startsWith('private') || id === 'encrypted-too' ? { why: WHY } : {}),
      }),
    ),
    accept(225, 'accept/cnf-more', 'a confirmation may say more of its key', {
      token: token({ cnf: { kid: 'x', jwk: confirmed({ kid: 'x', use: 'sig', 'x-more': 1 }) } }),
      level: 'should',
      spec: [WIT_SPEC.cnfForm, WIT_SPEC.rfc7517('4')],
    }),
    either(225, 'choice/cnf-use-enc', 'a key that says to be for encryption', CODES, {
      token: token({ cnf: { jwk: confirmed({ use: 'enc' }) } }),
      spec: [WIT_SPEC.rfc7517('4.2')],
      control: 'accept/cnf-more',
    }),
  ];
}

const WHY = 'RFC 7800 3 has one public key; the sentence that binds readers is that of the structure';

/** Row 226 */
function algorithms(): readonly Draft[] {
  const values: readonly Variant<Json | undefined>[] = [
    ['missing', 'a key that does not say its algorithm is refused', undefined],
    ['hs256', 'HS256 is refused', 'HS256'],
    ['none', 'none is refused', 'none'],
    ['eddsa', 'EdDSA is refused', 'EdDSA'],
    ['es256k', 'ES256K is refused', 'ES256K'],
    ['rsa-oaep', 'an algorithm of encryption is refused', 'RSA-OAEP'],
    ['case', 'es256 is refused', 'es256'],
    ['number', 'an algorithm that is no text is refused', 256],
  ];
  return [
    ...ALGORITHMS.map((alg) =>
      accept(226, `accept/cnf-${alg.toLowerCase()}`, `a key of the workload for ${alg} is accepted`, {
        token: token({ cnf: { jwk: confirmed({}, tokenKey(alg, 'wit holder')) } }),
        spec: [WIT_SPEC.cnfAlg],
      }),
    ),
    ...values.map(([id, title, alg]) =>
      refuse(226, `reject/cnf-alg-${id}`, title, CODES, {
        token: token({ cnf: { jwk: confirmed({ alg }) } }),
        spec: [WIT_SPEC.cnfAlg],
        why: 'the proof of possession is judged by this algorithm',
      }),
    ),
    refuse(226, 'reject/cnf-alg-other-type', 'a key for ECDSA is none for RS256', CODES, {
      token: token({ cnf: { jwk: confirmed({ alg: 'RS256' }) } }),
      level: 'should',
      spec: [WIT_SPEC.cnfAlg, WIT_SPEC.rfc7518('3.1')],
    }),
    refuse(226, 'reject/cnf-alg-other-curve', 'a key on P-256 is none for ES384', CODES, {
      token: token({ cnf: { jwk: confirmed({ alg: 'ES384' }) } }),
      level: 'should',
      spec: [WIT_SPEC.cnfAlg, WIT_SPEC.rfc7518('3.4')],
    }),
  ];
}
