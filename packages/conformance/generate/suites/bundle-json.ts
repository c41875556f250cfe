import { type Draft, reject } from '../draft.ts';
import { rsaKey } from '../pki/keys.ts';
import { INT_KEY, leaf, ROOT, ROOT_B, ROOT_KEY } from '../pki/world.ts';
import { type SuiteDraft } from '../render.ts';
import { SPEC } from '../spec-quotes.ts';
import {
  accept,
  bundle,
  BUNDLE_BOOK,
  documentOf,
  either,
  GOOD,
  GOOD_FOUND,
  ignored,
  jwt,
  JWT_KEY,
  JWT_KEY_B,
  MIXED,
  NO_KEYS,
  numbersOf,
  refuse,
  x509,
} from './bundle-json-case.ts';
import { bundleDocumentDrafts } from './bundle-json-document.ts';

const RSA = rsaKey('rsa-2048');
const X5C = ['bundle.x5c', 'bundle.malformed', 'der.malformed'];
const KID = ['bundle.kid', 'bundle.malformed'];
const base64 = (der: Buffer): string => der.toString('base64');

/** Rows 116 and 150 to 175 of the catalogue: SPIFFE bundles as JSON documents. */
export function bundleJsonSuite(): SuiteDraft {
  return {
    suite: 'bundle-json',
    recipes: BUNDLE_BOOK.recipes,
    drafts: [...wholeDrafts(), ...ignoreDrafts(), ...x509Drafts(), ...jwtDrafts(), ...bundleDocumentDrafts()],
  };
}

function wholeDrafts(): readonly Draft[] {
  return [
    accept(
      150,
      'accept/x509-only',
      'authorities for X.509-SVIDs alone',
      documentOf([x509(ROOT), x509(ROOT_B)]),
      {
        x509: [ROOT, ROOT_B],
      },
    ),
    accept(150, 'accept/jwt-only', 'keys for JWT-SVIDs alone', documentOf([jwt('a'), jwt('r', RSA)]), {
      jwt: [
        ['a', JWT_KEY],
        ['r', RSA],
      ],
    }),
    accept(150, 'accept/mixed', 'both kinds, a sequence number and a refresh hint', MIXED, {
      x509: [ROOT],
      jwt: [['a', JWT_KEY]],
      sequence: '7',
      refreshHint: 600,
    }),
    ignored(
      150,
      'accept/with-wit',
      'keys for WIT-SVIDs are no keys for others',
      jwt('w', JWT_KEY, { use: 'wit-svid' }),
    ),
    accept(
      151,
      'accept/empty-keys',
      'a bundle without keys trusts nobody',
      documentOf([]),
      {},
      {
        spec: [SPEC.emptyBundle],
      },
    ),
    refuse(
      152,
      'reject/keys-missing',
      'a document without keys is no bundle',
      '{"spiffe_sequence":1}',
      NO_KEYS,
    ),
    refuse(152, 'reject/keys-null', 'null is no list of keys', '{"keys":null}', NO_KEYS),
    refuse(152, 'reject/keys-not-array', 'an object is no list of keys', '{"keys":{}}', NO_KEYS),
  ];
}

function ignoreDrafts(): readonly Draft[] {
  const kty = { spec: [SPEC.bundleUnknown] };
  const use = { spec: [SPEC.bundleUse] };
  return [
    ignored(
      153,
      'ignore/unknown-kty',
      'an entry of an unknown key type is passed over',
      {
        kty: 'AKP',
        alg: 'ML-DSA-65',
        pub: 'AAAA',
        use: 'jwt-svid',
        kid: 'pq',
      },
      { ...kty, why: 'else the first post-quantum key of a trust domain takes it off the air' },
    ),
    ignored(
      153,
      'ignore/missing-kty',
      'an entry without a key type is passed over',
      jwt('a', JWT_KEY, { kty: undefined }),
      kty,
    ),
    ignored(
      154,
      'ignore/unknown-use',
      'an entry of an unknown use is passed over',
      x509(ROOT, { use: 'foo-svid' }),
      use,
    ),
    ignored(
      154,
      'ignore/missing-use',
      'an entry without a use is passed over',
      x509(ROOT, { use: undefined }),
      use,
    ),
    ignored(
      154,
      'ignore/use-case-differs',
      'the case of a use counts',
      x509(ROOT, { use: 'X509-SVID' }),
      use,
    ),
    ignored(
      155,
      'ignore/unknown-crv[crv=p-192]',
      'an entry on P-192 is passed over',
      jwt('a', JWT_KEY, { crv: 'P-192' }),
      kty,
    ),
    ignored(
      155,
      'ignore/unknown-crv[crv=foo]',
      'an entry on an unknown curve is passed over',
      jwt('a', JWT_KEY, { crv: 'Foo' }),
      kty,
    ),
    accept(
      116,
      'use/jwt-key-not-used-for-x509',
      'a certificate of a key for JWT-SVIDs is no authority for X.509-SVIDs',
      documentOf([x509(ROOT, { use: 'jwt-svid', kid: 'root' }), x509(ROOT_B)]),
      { x509: [ROOT_B], jwt: [['root', ROOT_KEY]] },
      { ...use, why: 'who may sign tokens could sign certificates' },
    ),
  ];
}

function x509Drafts(): readonly Draft[] {
  const empty = { spec: [SPEC.x5cMissing] };
  const open = { spec: [SPEC.x5c] };
  const passed = bundle(GOOD_FOUND);
  const damaged = (slug: string, title: string, value: string): Draft =>
    either(
      158,
      `choice/x5c-${slug}`,
      title,
      documentOf([x509(ROOT, { x5c: [value] }), ...GOOD]),
      {
        ignored: passed,
        refused: reject(...X5C),
      },
      open,
    );
  return [
    ignored(156, 'x5c/missing', 'an entry without x5c is passed over', x509(ROOT, { x5c: undefined }), empty),
    ignored(156, 'x5c/empty', 'an entry with an empty x5c is passed over', x509(ROOT, { x5c: [] }), empty),
    accept(
      157,
      'x5c/two-values',
      'of two certificates the first one counts',
      documentOf([x509(ROOT, { x5c: [BUNDLE_BOOK.base64(ROOT), BUNDLE_BOOK.base64(ROOT_B)] })]),
      { x509: [ROOT] },
      open,
    ),
    damaged('bad-base64', 'text that is no base64', '!!!'),
    damaged('base64url', 'base64url in place of base64', ROOT.der.toString('base64url')),
    damaged('not-a-cert', 'bytes that are no certificate', base64(Buffer.from('no certificate'))),
    either(
      159,
      'choice/x5c-key-differs-from-jwk',
      'a certificate of another key than the entry says',
      documentOf([{ ...x509(ROOT), ...numbersOf(INT_KEY) }, ...GOOD]),
      {
        ignored: passed,
        'certificate-counts': bundle({ ...GOOD_FOUND, x509: [ROOT, ROOT_B] }),
        refused: reject(...X5C),
      },
      { spec: [SPEC.rfc7517('4.7')] },
    ),
    accept(
      160,
      'x509/kid-present',
      'a key ID of an authority does no harm',
      documentOf([x509(ROOT, { kid: 'a' })]),
      { x509: [ROOT] },
      {
        spec: [SPEC.x509NoKid],
      },
    ),
    either(
      161,
      'choice/x509-leaf-cert-in-x5c',
      'the certificate of a workload in place of an authority',
      documentOf([x509(leaf()), ...GOOD]),
      {
        ignored: passed,
        taken: bundle({ ...GOOD_FOUND, x509: [leaf(), ROOT_B] }),
        refused: reject(...X5C, 'x509.ca.flag'),
      },
      open,
    ),
    accept(
      162,
      'x509/duplicate-ca',
      'an authority that stands there twice is one',
      documentOf([x509(ROOT), x509(ROOT)]),
      { x509: [ROOT] },
      {
        level: 'ref',
        spec: [SPEC.kit('bundle.parse')],
      },
    ),
  ];
}

function jwtDrafts(): readonly Draft[] {
  const ref = { level: 'ref', spec: [SPEC.kit('bundle.parse')] } as const;
  const passed = bundle(GOOD_FOUND);
  const { d } = JSON.parse(JSON.stringify(JWT_KEY.privateKey?.export({ format: 'jwk' }))) as { d: string };
  return [
    either(
      163,
      'choice/jwt-kid-missing',
      'a key for JWT-SVIDs without a key ID',
      documentOf([jwt('a', JWT_KEY, { kid: undefined }), ...GOOD]),
      {
        ignored: passed,
        refused: reject(...KID),
      },
      { spec: [SPEC.jwtKid] },
    ),
    either(
      164,
      'choice/jwt-kid-duplicate',
      'two keys with one key ID',
      documentOf([jwt('a'), jwt('a', JWT_KEY_B)]),
      {
        refused: reject(...KID),
        first: bundle({ jwt: [['a', JWT_KEY]] }),
        last: bundle({ jwt: [['a', JWT_KEY_B]] }),
        none: bundle({}),
      },
      { spec: [SPEC.kidUnique], why: 'which key a token means has to be the same for everyone' },
    ),
    accept(
      165,
      'jwt/private-key-member',
      'of a private key the public half is read',
      documentOf([jwt('a', JWT_KEY, { d })]),
      { jwt: [['a', JWT_KEY]] },
      ref,
    ),
    ignored(
      166,
      'jwt/symmetric-key',
      'a symmetric key is passed over',
      { kty: 'oct', k: 'c2VjcmV0', use: 'jwt-svid', kid: 'a' },
      {
        spec: [SPEC.jwtAlgorithms],
        why: 'whoever can read the bundle could sign with it',
      },
    ),
    ignored(
      167,
      'jwt/rsa-e-1',
      'an RSA key with the exponent 1 is passed over',
      jwt('a', RSA, { e: 'AQ' }),
      ref,
    ),
    ignored(
      167,
      'jwt/ec-point-off-curve',
      'a point that is not on its curve is passed over',
      jwt('a', JWT_KEY, { x: numbersOf(ROOT_KEY)['x'] }),
      ref,
    ),
  ];
}
