import { choice, type Draft, ok, reject } from '../draft.ts';
import { edKey, mint, mintHmac, part, signed, tokenKey } from '../jwt/token.ts';
import { JWT_SPEC } from '../spec-quotes-jwt.ts';
import {
  AUDIENCE,
  BUNDLES,
  bundleOf,
  claimsWith,
  either,
  headerWith,
  KEY,
  KEY_B,
  refuse,
  SUBJECT,
  token,
} from './jwt-svid-case.ts';

/** Rows 194 to 197, 200, 201 and 209 to 211: what the header says, and which key that leads to. */
export function jwtHeaderDrafts(): readonly Draft[] {
  const unsigned = (alg: string, signature: string): string =>
    `${part(headerWith({ alg }))}.${part(claimsWith())}.${signature}`;
  const rsa = tokenKey('RS256');
  const p384 = tokenKey('ES384');
  const alg = { spec: [JWT_SPEC.alg, JWT_SPEC.algFirst] };
  const listed = (id: string, title: string, value: string): Draft =>
    refuse(196, `reject/alg-${id}`, title, ['jwt.alg'], { ...alg, token: value });
  return [
    refuse(194, 'reject/alg-none', 'a token without a signature is refused', ['jwt.alg', 'jwt.malformed'], {
      ...alg,
      token: unsigned('none', ''),
    }),
    refuse(194, 'reject/alg-none-junk', 'alg none is refused whatever stands for a signature', ['jwt.alg'], {
      ...alg,
      token: unsigned('none', 'AAAA'),
    }),
    ...['None', 'nOnE'].map((name) =>
      refuse(
        194,
        `reject/alg-${name.toLowerCase()}-${name === 'None' ? 'capital' : 'mixed'}`,
        `alg ${name} is refused`,
        ['jwt.alg', 'jwt.malformed'],
        {
          ...alg,
          token: unsigned(name, ''),
        },
      ),
    ),
    ...hmacs(),
    listed('eddsa', 'EdDSA is refused', mint(headerWith({ alg: 'EdDSA' }), claimsWith(), edKey())),
    listed('es256k', 'ES256K is refused', token({}, { alg: 'ES256K' })),
    listed(
      'hs512',
      'HS512 is refused',
      mintHmac('sha512', 'secret', headerWith({ alg: 'HS512' }), claimsWith()),
    ),
    listed('rsa-oaep', 'an algorithm of encryption is refused', token({}, { alg: 'RSA-OAEP' })),
    listed('missing', 'a header without alg is refused', token({}, { alg: undefined })),
    listed('number', 'an alg that is no text is refused', token({}, { alg: 256 })),
    refuse(197, 'reject/rs256-with-ec-key', 'a key for ECDSA signs no RS256', ['jwt.key', 'jwt.signature'], {
      token: mint(headerWith({ alg: 'RS256' }), claimsWith(), rsa),
      spec: [JWT_SPEC.rfc7518('3.1')],
    }),
    refuse(197, 'reject/es384-with-p256-key', 'ES384 is for P-384 alone', ['jwt.key', 'jwt.signature'], {
      token: mint(headerWith({ alg: 'ES384' }), claimsWith(), KEY),
      spec: [JWT_SPEC.rfc7518('3.4')],
    }),
    refuse(197, 'reject/es256-with-p384-key', 'ES256 is for P-256 alone', ['jwt.key', 'jwt.signature'], {
      token: mint(headerWith({ alg: 'ES256' }), claimsWith(), p384),
      bundles: { 'example.org': bundleOf(p384) },
      spec: [JWT_SPEC.rfc7518('3.4')],
    }),
    {
      ...refuse(197, 'choice/ps256-with-rs256-key', 'a key whose JWK says RS256 signs a PS256', ['jwt.key'], {
        token: mint(headerWith({ alg: 'PS256' }), claimsWith(), tokenKey('PS256')),
        bundles: { 'example.org': bundleOf(rsa, { alg: 'RS256' }) },
        spec: [JWT_SPEC.rfc7518('4.4')],
        level: 'choice',
      }),
      expect: choice({
        accepted: ok({ id: SUBJECT }),
        refused: reject('jwt.key', 'jwt.signature', 'jwt.alg'),
      }),
    },
    ...criticals(),
    ...['at+jwt', 'wit+jwt', ''].map((typ) =>
      refuse(
        201,
        `reject/typ-${typ === '' ? 'empty' : typ.replace('+', '-')}`,
        `typ ${JSON.stringify(typ)} is refused`,
        ['jwt.typ'],
        {
          token: token({}, { typ }),
          spec: [JWT_SPEC.typ],
          why: 'a token that was made for something else must not pass for a JWT-SVID',
        },
      ),
    ),
    refuse(209, 'reject/td-no-bundle', 'a trust domain without a bundle is not trusted', ['jwt.no-bundle'], {
      token: token({ sub: 'spiffe://b.test/web' }),
      spec: [JWT_SPEC.ownTd],
    }),
    refuse(210, 'reject/td-cross', 'one trust domain does not vouch for another', ['jwt.signature'], {
      token: token({ sub: 'spiffe://b.test/web' }, {}, KEY),
      bundles: { ...BUNDLES, 'b.test': bundleOf(KEY_B) },
      spec: [JWT_SPEC.ownTd],
      control: 'accept/federated-td',
      why: 'both are trusted, and both call their key the same',
    }),
    refuse(211, 'reject/kid-unknown', 'a key that the bundle does not have', ['jwt.kid', 'jwt.key'], {
      token: token({}, { kid: 'key-2' }),
      spec: [JWT_SPEC.bundle],
    }),
    refuse(
      211,
      'reject/kid-other-use',
      'a key that is for X.509-SVIDs proves no token',
      ['jwt.no-bundle', 'jwt.kid', 'jwt.key'],
      {
        token: token(),
        bundles: { 'example.org': bundleOf(KEY, { use: 'wit-svid' }) },
        spec: [JWT_SPEC.bundle],
        why: 'whoever issues something else for a trust domain must not be able to issue JWT-SVIDs too',
      },
    ),
  ];
}

/** Row 195: what everybody can read is no secret. */
function hmacs(): readonly Draft[] {
  const secrets = {
    pem: KEY.publicKey.export({ format: 'pem', type: 'spki' }),
    der: KEY.publicKey.export({ format: 'der', type: 'spki' }),
    jwk: JSON.stringify(KEY.publicKey.export({ format: 'jwk' })),
  };
  return Object.entries(secrets).map(([form, secret]) =>
    refuse(
      195,
      `reject/hs256-with-${form}`,
      `HS256 with the public key as ${form.toUpperCase()} is refused`,
      ['jwt.alg'],
      {
        token: mintHmac('sha256', secret, headerWith({ alg: 'HS256' }), claimsWith()),
        spec: [JWT_SPEC.alg],
        why: 'a library that picks the operation by alg takes the public key for a shared secret',
      },
    ),
  );
}

/** Row 200: RFC 7515 4.1.11. */
function criticals(): readonly Draft[] {
  const plan = { spec: [JWT_SPEC.rfc7515('4.1.11')] };
  const refused = (id: string, title: string, value: string): Draft =>
    refuse(200, `reject/${id}`, title, ['jwt.crit', 'jwt.header', 'jwt.malformed', 'jwt.signature'], {
      ...plan,
      token: value,
    });
  const input = `${part(headerWith({ b64: false, crit: ['b64'] }))}.${JSON.stringify({ ...claimsWith(), aud: AUDIENCE.replaceAll('.', '') }).replaceAll('.', '')}`;
  return [
    refused(
      'crit-unknown',
      'an extension that nobody knows is refused',
      token({}, { crit: ['exp-at'], 'exp-at': 1 }),
    ),
    either(
      200,
      'choice/crit-empty',
      'an empty list of extensions',
      ['jwt.crit', 'jwt.header', 'jwt.malformed'],
      {
        ...plan,
        token: token({}, { crit: [] }),
        why: 'producers MUST NOT write it; recipients may refuse what breaks that rule',
      },
    ),
    refused(
      'crit-absent-header',
      'an extension that is not there is refused',
      token({}, { crit: ['nonce'] }),
    ),
    refused('b64-false', 'an unencoded payload is refused', signed(input, KEY)),
  ];
}
