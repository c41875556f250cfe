import { type Json } from '../../src/json.ts';
import { type Draft } from '../draft.ts';
import { bundleText, edKey, jwkOf, mint, mintHmac, part, tokenKey } from '../jwt/token.ts';
import { WIT_SPEC } from '../spec-quotes-wit.ts';
import { SPEC } from '../spec-quotes.ts';
import {
  accept,
  BUNDLES,
  bundleOf,
  claimsWith,
  either,
  EVIL,
  headerWith,
  KEY,
  KEY_B,
  refuse,
  token,
  type Variant,
} from './wit-svid-case.ts';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];

/** Rows 221 to 223 and 230: what the header says, and which key that leads to. */
export function witHeaderDrafts(): readonly Draft[] {
  return [...algorithms(), ...types(), ...keyIds(), ...domains(), ...others()];
}

function algorithms(): readonly Draft[] {
  const alg = { spec: [WIT_SPEC.alg] };
  const codes = ['jwt.alg', 'jwt.malformed'];
  const unsigned = `${part(headerWith({ alg: 'none' }))}.${part(claimsWith())}.`;
  const listed: readonly Variant<string>[] = [
    ['none', 'a token without a signature is refused', unsigned],
    ['none-junk', 'alg none is refused whatever stands for a signature', `${unsigned}AAAA`],
    ['eddsa', 'EdDSA is refused', mint(headerWith({ alg: 'EdDSA' }), claimsWith(), edKey())],
    ['es256k', 'ES256K is refused', token({}, { alg: 'ES256K' })],
    ['hs512', 'HS512 is refused', mintHmac('sha512', 'secret', headerWith({ alg: 'HS512' }), claimsWith())],
    ['missing', 'a header without alg is refused', token({}, { alg: undefined })],
    ['number', 'an alg that is no text is refused', token({}, { alg: 256 })],
  ];
  const pem = KEY.publicKey.export({ format: 'pem', type: 'spki' });
  const hmac = mintHmac('sha256', pem, headerWith({ alg: 'HS256' }), claimsWith());
  return [
    ...ALGORITHMS.map((name) => {
      const key = tokenKey(name, 'wit a');
      return accept(221, `accept/${name.toLowerCase()}`, `a token signed by ${name} is accepted`, {
        token: token({}, {}, key),
        bundles: { 'example.org': bundleOf(key) },
        spec: [WIT_SPEC.alg],
      });
    }),
    ...listed.map(([id, title, value]) =>
      refuse(221, `reject/alg-${id}`, title, codes, { ...alg, token: value }),
    ),
    refuse(221, 'reject/hs256-with-pem', 'HS256 with the public key as a secret is refused', codes, {
      ...alg,
      token: hmac,
      why: 'a library that picks the operation by alg takes the public key for a shared secret',
    }),
    refuse(221, 'reject/rs256-with-ec-key', 'a key for ECDSA signs no RS256', ['jwt.key', 'jwt.signature'], {
      token: mint(headerWith({ alg: 'RS256' }), claimsWith(), tokenKey('RS256')),
      spec: [WIT_SPEC.rfc7518('3.1')],
    }),
    refuse(221, 'reject/es384-with-p256-key', 'ES384 is for P-384 alone', ['jwt.key', 'jwt.signature'], {
      token: mint(headerWith({ alg: 'ES384' }), claimsWith(), KEY),
      spec: [WIT_SPEC.rfc7518('3.4')],
    }),
  ];
}

/** Row 222 */
function types(): readonly Draft[] {
  const values: readonly Variant<Json | undefined>[] = [
    ['missing', 'a token without typ is refused', undefined],
    ['jwt', 'typ JWT is refused', 'JWT'],
    ['jose', 'typ JOSE is refused', 'JOSE'],
    ['at-jwt', 'typ at+jwt is refused', 'at+jwt'],
    ['wpt-jwt', 'a proof of possession is no WIT-SVID', 'wpt+jwt'],
    ['empty', 'an empty typ is refused', ''],
    ['number', 'a typ that is no text is refused', 7],
  ];
  const same: readonly Variant<Json>[] = [
    ['capital', 'typ WIT+JWT', 'WIT+JWT'],
    ['prefix', 'typ application/wit+jwt', 'application/wit+jwt'],
  ];
  return [
    ...values.map(([id, title, typ]) =>
      refuse(222, `reject/typ-${id}`, title, ['jwt.typ', 'jwt.malformed'], {
        token: token({}, { typ }),
        spec: [WIT_SPEC.typ],
        why: 'a token that was made for something else must not pass for a WIT-SVID',
      }),
    ),
    ...same.map(([id, title, typ]) =>
      either(222, `choice/typ-${id}`, title, ['jwt.typ'], {
        token: token({}, { typ }),
        spec: [WIT_SPEC.typ, WIT_SPEC.rfc7515('4.1.9')],
        why: 'to RFC 7515 it is the same media type; the standard has one text',
      }),
    ),
    refuse(
      222,
      'reject/jwt-svid',
      'a JWT-SVID is no WIT-SVID',
      ['jwt.typ', 'jwt.kid', 'jwt.no-bundle', 'jwt.aud', 'jwt.cnf'],
      {
        token: mint(headerWith({ typ: 'JWT' }), { ...claimsWith({ cnf: undefined }), aud: 'x' }, KEY),
        spec: [WIT_SPEC.typ, WIT_SPEC.cnf],
        why: 'whoever has seen a bearer token must not be able to pass for its subject in another way',
      },
    ),
  ];
}

/** Row 223: which key of the bundle. */
function keyIds(): readonly Draft[] {
  const codes = ['jwt.kid', 'jwt.key'];
  const uses: readonly Variant<string>[] = [
    ['jwt', 'a key that is for JWT-SVIDs proves no WIT-SVID', 'jwt-svid'],
    ['x509', 'a key that is for X.509-SVIDs proves no WIT-SVID', 'x509-svid'],
    ['unknown', 'a key that is for something unknown proves no WIT-SVID', 'sig'],
  ];
  const both = bundleText(
    jwkOf(KEY, { kid: 'key-1', use: 'wit-svid' }),
    jwkOf(EVIL, { kid: 'key-2', use: 'jwt-svid' }),
  );
  const clash = bundleText(
    jwkOf(KEY, { kid: 'key-1', use: 'wit-svid' }),
    jwkOf(EVIL, { kid: 'key-1', use: 'jwt-svid' }),
  );
  return [
    refuse(223, 'reject/kid-missing', 'a token that does not name its key is refused', codes, {
      token: token({}, { kid: undefined }),
      spec: [WIT_SPEC.kid],
    }),
    refuse(223, 'reject/kid-number', 'a kid that is no text is refused', [...codes, 'jwt.malformed'], {
      token: token({}, { kid: 1 }),
      spec: [WIT_SPEC.kidCase],
    }),
    refuse(223, 'reject/kid-case', 'the case of a kid counts', codes, {
      token: token({}, { kid: 'KEY-1' }),
      spec: [WIT_SPEC.kidCase],
    }),
    refuse(223, 'reject/kid-unknown', 'a key that the bundle does not have', codes, {
      token: token({}, { kid: 'key-2' }),
      spec: [WIT_SPEC.use],
    }),
    accept(223, 'accept/kid-opaque', 'a kid is any text', {
      token: token({}, { kid: 'Ä/../ 1' }),
      bundles: { 'example.org': bundleOf(KEY, { kid: 'Ä/../ 1' }) },
      spec: [WIT_SPEC.kidCase],
    }),
    accept(223, 'accept/among-others', 'the key is found among those for other SVIDs', {
      token: token(),
      bundles: { 'example.org': both },
      spec: [WIT_SPEC.use],
    }),
    refuse(
      223,
      'reject/kid-among-others',
      'a key for JWT-SVIDs beside it proves nothing',
      [...codes, 'jwt.signature'],
      {
        token: token({}, { kid: 'key-2' }, EVIL),
        bundles: { 'example.org': both },
        spec: [WIT_SPEC.use],
        control: 'accept/among-others',
      },
    ),
    ...uses.map(([id, title, use]) =>
      refuse(223, `reject/use-${id}`, title, ['jwt.no-bundle', ...codes], {
        token: token(),
        bundles: { 'example.org': bundleOf(KEY, { use }) },
        spec: [WIT_SPEC.use, WIT_SPEC.noKeys],
        why: 'whoever issues something else for a trust domain must not be able to issue WIT-SVIDs too',
      }),
    ),
    either(
      223,
      'choice/kid-of-two-uses',
      'a kid that a key for JWT-SVIDs has as well',
      ['bundle.kid', 'jwt.kid'],
      {
        token: token(),
        bundles: { 'example.org': clash },
        spec: [WIT_SPEC.kidUnique],
        why: 'it binds who publishes the bundle; whoever reads it may take it for damaged',
      },
    ),
    refuse(
      223,
      'reject/kid-of-other-use',
      'the key for JWT-SVIDs of the same kid proves nothing',
      ['bundle.kid', 'jwt.kid', 'jwt.signature'],
      {
        token: token({}, {}, EVIL),
        bundles: { 'example.org': clash },
        spec: [WIT_SPEC.use],
      },
    ),
  ];
}

/** Row 221: whose key it is. */
function domains(): readonly Draft[] {
  return [
    accept(
      221,
      'accept/federated-td',
      'a token of another trust domain is judged by the bundle of that one',
      {
        token: token({ sub: 'spiffe://b.test/web' }, {}, KEY_B),
        bundles: { ...BUNDLES, 'b.test': bundleOf(KEY_B) },
        spec: [WIT_SPEC.validation, SPEC.neverMerge],
        id: 'spiffe://b.test/web',
      },
    ),
    refuse(221, 'reject/td-cross', 'one trust domain does not vouch for another', ['jwt.signature'], {
      token: token({ sub: 'spiffe://b.test/web' }),
      bundles: { ...BUNDLES, 'b.test': bundleOf(KEY_B) },
      spec: [SPEC.neverMerge],
      control: 'accept/federated-td',
      why: 'both are trusted, and both call their key the same',
    }),
    refuse(221, 'reject/td-no-bundle', 'a trust domain without a bundle is not trusted', ['jwt.no-bundle'], {
      token: token({ sub: 'spiffe://b.test/web' }),
      spec: [SPEC.neverMerge],
    }),
    refuse(221, 'reject/other-key', 'a token that another key signed is refused', ['jwt.signature'], {
      token: token({}, {}, EVIL),
      spec: [WIT_SPEC.rfc7515('5.2')],
    }),
  ];
}

/** Row 230: what else is in the header. */
function others(): readonly Draft[] {
  const offered = { ...jwkOf(EVIL, {}), kid: 'key-1' };
  const critical = ['jwt.crit', 'jwt.header', 'jwt.malformed', 'jwt.signature'];
  return [
    accept(230, 'accept/unknown-header', 'a header that nobody knows is passed over', {
      token: token({}, { 'x-more': { a: 1 } }),
      level: 'should',
      spec: [WIT_SPEC.headers],
    }),
    either(230, 'choice/header-jwk', 'a header jwk that nobody needs', ['jwt.header', 'jwt.key'], {
      token: token({}, { jwk: offered }),
      spec: [WIT_SPEC.headers],
      why: 'it is no unknown header: RFC 7515 has it, and some libraries refuse it',
    }),
    refuse(
      230,
      'reject/header-jwk-as-key',
      'the key that a header offers is not believed',
      ['jwt.signature', 'jwt.header', 'jwt.key'],
      {
        token: token({}, { jwk: offered }, EVIL),
        spec: [WIT_SPEC.use],
        why: 'otherwise everybody could sign for everybody',
      },
    ),
    refuse(230, 'reject/crit-unknown', 'an extension that nobody knows is refused', critical, {
      token: token({}, { crit: ['x-more'], 'x-more': 1 }),
      spec: [WIT_SPEC.headers, WIT_SPEC.rfc7515('4.1.11')],
      control: 'accept/unknown-header',
    }),
    refuse(230, 'reject/crit-absent-header', 'an extension that is not there is refused', critical, {
      token: token({}, { crit: ['x-more'] }),
      spec: [WIT_SPEC.rfc7515('4.1.11')],
    }),
    either(
      230,
      'choice/crit-empty',
      'an empty list of extensions',
      ['jwt.crit', 'jwt.header', 'jwt.malformed'],
      {
        token: token({}, { crit: [] }),
        spec: [WIT_SPEC.rfc7515('4.1.11')],
        why: 'producers MUST NOT write it; recipients may refuse what breaks that rule',
      },
    ),
  ];
}
