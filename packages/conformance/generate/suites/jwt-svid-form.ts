import { type Draft, ok, reject } from '../draft.ts';
import { mint, part, rsaRaw, sha256, signed, tokenKey } from '../jwt/token.ts';
import { ecKey, P256_ORDER } from '../pki/keys.ts';
import { JWT_SPEC } from '../spec-quotes-jwt.ts';
import {
  bundleOf,
  claimsWith,
  either,
  EVIL,
  headerWith,
  KEY,
  refuse,
  SUBJECT,
  token,
} from './jwt-svid-case.ts';

const INPUT = `${part(headerWith())}.${part(claimsWith())}`;
const GOOD = KEY.sign(Buffer.from(INPUT));
const withSignature = (bytes: Uint8Array): string => `${INPUT}.${Buffer.from(bytes).toString('base64url')}`;

/** Rows 198, 199, 212 to 216, 219 and 220: what a token is made of. */
export function jwtFormDrafts(): readonly Draft[] {
  return [
    ...signatures(),
    ...paddings(),
    ...tampered(),
    ...serializations(),
    ...encodings(),
    ...json(),
    ...others(),
  ];
}

/** Row 198: RFC 7518 3.4. */
function signatures(): readonly Draft[] {
  const r = GOOD.subarray(0, 32);
  const s = GOOD.subarray(32);
  // RFC 6979 as well, so that the bytes stay.
  const der = ecKey('jwt a').sign(Buffer.from(INPUT));
  const order = Buffer.from(
    (BigInt(`0x${s.toString('hex')}`) + P256_ORDER).toString(16).padStart(64, '0').slice(-64),
    'hex',
  );
  const refused = (id: string, title: string, bytes: Uint8Array): Draft =>
    refuse(198, `reject/ecdsa-${id}`, title, ['jwt.signature', 'jwt.malformed'], {
      token: withSignature(bytes),
      spec: [JWT_SPEC.rfc7518('3.4')],
    });
  return [
    refused('der', 'a signature in DER is refused', der),
    refused(
      'padded',
      'a signature with zeros before r and s is refused',
      Buffer.concat([Buffer.alloc(1), r, Buffer.alloc(1), s]),
    ),
    refused('r-zero', 'a signature with zero as r is refused', Buffer.concat([Buffer.alloc(32), s])),
    refused(
      's-range',
      'a signature with s beyond the order is refused',
      Buffer.concat([r, Buffer.alloc(32, 0xff), order.subarray(32)]),
    ),
  ];
}

/** Row 199: RFC 8017 8.2.2, what the padding of PKCS #1 must not be. */
function paddings(): readonly Draft[] {
  const key = tokenKey('RS256');
  const input = `${part(headerWith({ alg: 'RS256' }))}.${part(claimsWith())}`;
  const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const digest = sha256(Buffer.from(input));
  const block = (type: number, padding: Buffer, ...rest: readonly Buffer[]): Buffer => {
    const tail = Buffer.concat(rest);
    return Buffer.concat([
      Buffer.from([0, type]),
      padding,
      Buffer.from([0]),
      tail,
      Buffer.alloc(256 - 3 - padding.length - tail.length),
    ]);
  };
  const whole = (bytes: number): Buffer => Buffer.alloc(256 - 3 - bytes, 0xff);
  const size = info.length + digest.length;
  const bent = whole(size);
  bent[10] = 0xfe;
  const sha1 = Buffer.from('3031300d060960864801650304020205000420', 'hex');
  const blocks: Readonly<Record<string, readonly [title: string, block: Buffer]>> = {
    'garbage-after': [
      'what comes after a short padding is refused',
      block(1, Buffer.alloc(8, 0xff), info, digest),
    ],
    'type-2': ['a block of the type for encryption is refused', block(2, whole(size), info, digest)],
    'bent-padding': ['padding that is not all ones is refused', block(1, bent, info, digest)],
    'other-hash': ['the hash of another algorithm is refused', block(1, whole(size), sha1, digest)],
    'no-info': ['a hash without its algorithm is refused', block(1, whole(digest.length), digest)],
  };
  return Object.entries(blocks).map(([id, [title, bytes]]) =>
    refuse(199, `reject/rsa-${id}`, title, ['jwt.signature'], {
      token: `${input}.${rsaRaw(bytes).toString('base64url')}`,
      bundles: { 'example.org': bundleOf(key) },
      spec: [JWT_SPEC.rfc8017],
      control: 'accept/rs256',
    }),
  );
}

/** Row 212: nothing of a token may be changed. */
function tampered(): readonly Draft[] {
  const [header = '', payload = '', signature = ''] = token().split('.');
  const flipped = Buffer.from(GOOD);
  flipped[5] = (flipped[5] ?? 0) ^ 1;
  const forms: Readonly<Record<string, string>> = {
    header: `${part({ ...headerWith(), x: 1 })}.${payload}.${signature}`,
    payload: `${header}.${part(claimsWith({ sub: 'spiffe://example.org/admin' }))}.${signature}`,
    signature: withSignature(flipped),
  };
  return Object.entries(forms).map(([id, form]) =>
    refuse(212, `reject/tampered-${id}`, `a token whose ${id} was changed is refused`, ['jwt.signature'], {
      token: form,
      spec: [JWT_SPEC.signature],
    }),
  );
}

/** Rows 213 and 214: compact, and nothing else. */
function serializations(): readonly Draft[] {
  const [header = '', payload = '', signature = ''] = token().split('.');
  const plan = { spec: [JWT_SPEC.compact] };
  const refused = (row: number, id: string, title: string, form: string): Draft =>
    refuse(row, `reject/${id}`, title, ['jwt.malformed', 'jwt.alg'], { ...plan, token: form });
  return [
    refused(
      213,
      'json-flattened',
      'flattened JSON is refused',
      JSON.stringify({ payload, protected: header, signature }),
    ),
    refused(
      213,
      'json-general',
      'general JSON is refused',
      JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
    ),
    refused(214, 'parts-2', 'two parts are refused', `${header}.${payload}`),
    refused(214, 'parts-4', 'four parts are refused', `${token()}.AAAA`),
    refused(
      214,
      'parts-5',
      'five parts, an encrypted token, are refused',
      `${part({ alg: 'dir', enc: 'A256GCM' })}..AAAAAAAAAAAAAAAA.${payload}.AAAAAAAAAAAAAAAAAAAAAA`,
    ),
    refused(214, 'parts-0', 'an empty text is refused', ''),
    refused(214, 'leading-dot', 'a token without a header is refused', `.${payload}.${signature}`),
  ];
}

/** Row 215: base64url, in its one form. */
function encodings(): readonly Draft[] {
  const [header = '', payload = '', signature = ''] = token().split('.');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet[alphabet.indexOf(signature.at(-1) ?? '') + 1] ?? '';
  const standard = Buffer.from(GOOD).toString('base64').replace(/=+$/, '');
  const refused = (id: string, title: string, form: string): Draft =>
    refuse(215, `reject/base64-${id}`, title, ['jwt.malformed', 'jwt.signature'], {
      token: form,
      spec: [JWT_SPEC.rfc7515('5.2')],
    });
  return [
    refused('padding', 'base64 with its padding is refused', `${header}.${payload}.${signature}==`),
    refused('standard', 'base64 with + and / is refused', `${header}.${payload}.${standard}`),
    refused(
      'newline',
      'a line end within a part is refused',
      `${header}.${payload.slice(0, 8)}\n${payload.slice(8)}.${signature}`,
    ),
    either(
      215,
      'choice/base64-trailing-bits',
      'bits of base64 that mean nothing',
      ['jwt.malformed', 'jwt.signature'],
      {
        token: `${header}.${payload}.${signature.slice(0, -1)}${last}`,
        spec: [JWT_SPEC.rfc4648],
        why: 'a token then has several spellings, which is bad for lists of tokens that were seen',
      },
    ),
  ];
}

/** Row 216: JSON that two readers could read in two ways. */
function json(): readonly Draft[] {
  const claims = JSON.stringify(claimsWith());
  const header = JSON.stringify(headerWith());
  const spec = [JWT_SPEC.rfc7519('4')];
  const codes = ['jwt.malformed'];
  const twice = { spec, why: 'who reads the first and who reads the last see two identities' };
  const input = `${part(headerWith())}.${Buffer.from(claims.replace('{', '{"name":"\u00E9",'), 'latin1').toString('base64url')}`;
  return [
    either(216, 'choice/json-duplicate-sub', 'claims with sub twice', codes, {
      ...twice,
      token: mint(headerWith(), claims.replace('{', '{"sub":"spiffe://example.org/first",'), KEY),
    }),
    either(216, 'choice/json-duplicate-alg', 'a header with alg twice', [...codes, 'jwt.alg'], {
      ...twice,
      token: mint(header.replace('{', '{"alg":"none",'), claimsWith(), KEY),
    }),
    either(216, 'choice/json-bom', 'claims with a byte order mark', codes, {
      spec,
      token: mint(headerWith(), `\uFEFF${claims}`, KEY),
    }),
    either(216, 'choice/json-no-utf-8', 'claims that are no UTF-8', codes, {
      spec,
      token: signed(input, KEY),
    }),
    refuse(216, 'reject/json-array', 'claims that are a list are refused', [...codes, 'jwt.sub'], {
      spec,
      token: mint(headerWith(), `[${claims}]`, KEY),
    }),
  ];
}

/** Rows 219 and 220: the header that carries a token, and reading one without proof. */
function others(): readonly Draft[] {
  const bearer = (id: string, title: string, header: string): Draft => ({
    row: 219,
    id: `bearer/${id}`,
    title,
    level: 'should',
    spec: [JWT_SPEC.bearer],
    op: 'bearer.parse',
    params: { header },
    expect: ok({ token: 'abc.def.ghi' }),
  });
  return [
    bearer('plain', 'the header authorization carries a token', 'Bearer abc.def.ghi'),
    bearer('scheme-case', 'the name of the scheme has no case', 'bearer abc.def.ghi'),
    bearer('two-spaces', 'the scheme may end in more than one space', 'Bearer  abc.def.ghi'),
    ...Object.entries({
      missing: 'Bearer',
      other: 'Basic abc.def.ghi',
      two: 'Bearer abc.def.ghi, Bearer jkl.mno.pqr',
    }).map(([id, header]): Draft => ({
      ...bearer(id, `${JSON.stringify(header)} carries no token`, header),
      control: 'bearer/plain',
      expect: reject('bearer.form'),
    })),
    {
      row: 220,
      id: 'parse/marked',
      title: 'a token that is read without proof says so',
      why: 'it must not pass for one that was validated',
      level: 'ref',
      spec: [JWT_SPEC.kit('jwt.parse')],
      op: 'jwt.parse',
      params: { token: token({ aud: 'somebody' }, {}, EVIL) },
      expect: ok({ id: SUBJECT, audience: ['somebody'], verified: false }),
    },
  ];
}
