import {
  basicConstraints,
  dns,
  extendedKeyUsage,
  extension,
  type ExtensionSet,
  type Issued,
  issueCa,
  issueSvid,
  keyUsage,
  NOW,
  subjectAltName,
  uri,
} from '../pki/certificates.ts';
import { bits, element, name, octets, oid, sequence } from '../pki/der.ts';
import { ecKey, publicOnly, rsaSpki, type TestKey } from '../pki/keys.ts';
import { check, type Core, type Scenario } from './scenario.ts';
import { BUNDLE_A, BUNDLES_AB, CHAIN_A, INT_A, KEYS, leafA, ROOT_A } from './world.ts';

const accepted = (core: Core): unknown => check(core, CHAIN_A, BUNDLE_A);
const judged =
  (leaf: Issued) =>
  (core: Core): unknown =>
    check(core, [leaf, INT_A], BUNDLE_A);
const withExtensions = (extensions: ExtensionSet): ((core: Core) => unknown) => judged(leafA({ extensions }));
const withNames = (...names: readonly Buffer[]): ((core: Core) => unknown) =>
  withExtensions({ subjectAltName: subjectAltName(names) });

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const UNKNOWN = '1.3.6.1.4.1.55738.666.1';

/** What a leaf has to be: X509-SVID 2 to 5. */
export const LEAF_SCENARIOS: readonly Scenario[] = [
  {
    title: 'X-01 a leaf without a URI name is refused, one with a URI name is accepted',
    code: 'ERR_CHAIN_ID',
    bad: withNames(dns('a.test')),
    good: accepted,
  },
  {
    title: 'X-01 a leaf without alternative names is refused, one with them is accepted',
    code: 'ERR_CHAIN_ID',
    bad: withExtensions({ subjectAltName: undefined }),
    good: accepted,
  },
  {
    title: 'X-02 two SPIFFE IDs are refused, one is accepted',
    code: 'ERR_CHAIN_ID',
    bad: withNames(uri('spiffe://a.test/web'), uri('spiffe://a.test/admin')),
    good: withNames(uri('spiffe://a.test/web')),
  },
  {
    title: 'X-02 a SPIFFE ID beside another URI is refused, beside DNS names it is accepted (X-03)',
    code: 'ERR_CHAIN_ID',
    bad: withNames(uri('spiffe://a.test/web'), uri('https://a.test/web')),
    good: withNames(dns('a.test'), uri('spiffe://a.test/web'), dns('b.test'), dns('c.test')),
  },
  {
    title: 'X-02 the same SPIFFE ID twice is refused, once it is accepted',
    code: 'ERR_CHAIN_ID',
    bad: withNames(uri('spiffe://a.test/web'), uri('spiffe://a.test/web')),
    good: accepted,
  },
  {
    title: 'X-04 the ID of a trust domain is no leaf, an ID with a path is (X-23)',
    code: 'ERR_CHAIN_ID',
    bad: withNames(uri('spiffe://a.test')),
    good: withNames(uri('spiffe://a.test/a')),
  },
  {
    title: 'X-05 an empty subject needs critical names, and with them is accepted (X-06)',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged(leafA({ subject: '' })),
    good: judged(
      leafA({
        subject: '',
        extensions: { subjectAltName: subjectAltName([uri('spiffe://a.test/web')], true) },
      }),
    ),
  },
  {
    title: 'X-10 an authority does not authenticate, not even with a SPIFFE ID, its workload does',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: (core) => {
      const names = subjectAltName([uri('spiffe://a.test/ca')]);
      const ca = issueCa({
        key: KEYS.intA,
        subject: 'intermediate A',
        issuer: ROOT_A,
        extensions: { names },
      });
      return check(core, [ca], BUNDLE_A);
    },
    good: accepted,
  },
  {
    title: 'X-11 a leaf that is a CA is refused, basic constraints that say otherwise are accepted (X-21)',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ basicConstraints: basicConstraints({}) }),
    good: withExtensions({ basicConstraints: basicConstraints({ ca: false }) }),
  },
  {
    title: 'X-13 a leaf without key usage is refused, one with it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ keyUsage: undefined }),
    good: accepted,
  },
  {
    title:
      'X-15 a leaf without digitalSignature is refused, with key agreement beside it it is accepted (X-16)',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ keyUsage: keyUsage(2, 4) }),
    good: withExtensions({ keyUsage: keyUsage(0, 2, 4) }),
  },
  {
    title: 'X-17 a leaf with keyCertSign is refused, without it is accepted (X-21)',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ keyUsage: keyUsage(0, 5) }),
    good: accepted,
  },
  {
    title: 'X-17 a leaf with cRLSign is refused, without it is accepted (X-21)',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ keyUsage: keyUsage(0, 6) }),
    good: accepted,
  },
  {
    title: 'X-19 a client whose leaf is for servers only is refused, one for clients only is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ extendedKeyUsage: extendedKeyUsage(SERVER_AUTH) }),
    good: withExtensions({ extendedKeyUsage: extendedKeyUsage(CLIENT_AUTH) }),
  },
  {
    title: 'X-19 a server whose leaf is for clients only is refused, one for servers only is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: (core) => {
      const leaf = leafA({ extensions: { extendedKeyUsage: extendedKeyUsage(CLIENT_AUTH) } });
      return check(core, [leaf, INT_A], BUNDLE_A, { role: 'server' });
    },
    good: (core) => {
      const leaf = leafA({ extensions: { extendedKeyUsage: extendedKeyUsage(SERVER_AUTH) } });
      return check(core, [leaf, INT_A], BUNDLE_A, { role: 'server' });
    },
  },
  {
    title: 'X-19 another purpose is refused, any purpose is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ extendedKeyUsage: extendedKeyUsage('1.3.6.1.5.5.7.3.4') }),
    good: withExtensions({ extendedKeyUsage: extendedKeyUsage('2.5.29.37.0') }),
  },
  {
    title: 'X-18 an unknown critical extension is refused, no extended key usage is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ unknown: extension(UNKNOWN, octets(Buffer.from('x')), true) }),
    good: withExtensions({ extendedKeyUsage: undefined }),
  },
  {
    title:
      'X-20 a critical extension nobody knows is refused, the same one is accepted when it is not critical',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: withExtensions({ unknown: extension(UNKNOWN, element(0x05), true) }),
    good: withExtensions({ unknown: extension(UNKNOWN, element(0x05)) }),
  },
  {
    title: 'X-22 a URI of another scheme is refused, spiffe is accepted',
    code: 'ERR_CHAIN_ID',
    bad: withNames(uri('https://a.test/web')),
    good: accepted,
  },
  ...[
    'spiffe://A.test/web',
    'spiffe://a.test//web',
    'spiffe://a.test/a%2fb',
    'spiffe://a.test/../x',
    'spiffe://a.test/web?',
  ].map((id): Scenario => ({
    title: `X-24 ${id} is no SPIFFE ID and refused, a legal one is accepted`,
    code: 'ERR_CHAIN_ID',
    bad: withNames(uri(id)),
    good: accepted,
  })),
  {
    title:
      'X-24 a SPIFFE ID written into a DNS name or a directory name is none, the one in a URI name counts',
    code: 'ERR_CHAIN_ID',
    bad: withNames(dns('x, URI:spiffe://a.test/admin'), element(0xa4, name('x, URI:spiffe://a.test/admin'))),
    good: withNames(dns('x, URI:spiffe://a.test/admin'), uri('spiffe://a.test/web')),
  },
  {
    title: 'X-24 a SPIFFE ID in the common name is none, in a URI name it is',
    code: 'ERR_CHAIN_ID',
    bad: judged(leafA({ subject: 'spiffe://a.test/web', extensions: { subjectAltName: undefined } })),
    good: accepted,
  },
  {
    title: 'X-20 a leaf of version 1 is refused, of version 3 it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: (core) => {
      const { key } = leafA();
      const none = {
        keyUsage: undefined,
        extendedKeyUsage: undefined,
        authorityKeyId: undefined,
        subjectAltName: undefined,
      };
      const target = core.Certificate.parse(leafA({ key, version: null, extensions: none }).der);
      const [int, root] = [INT_A, ROOT_A].map(({ der }) => core.Certificate.parse(der));
      if (int === undefined || root === undefined) throw new Error('no issuers');
      return core.findPath({ target, intermediates: [int], anchors: [root], at: NOW, role: 'client' });
    },
    good: accepted,
  },
  {
    title: 'X-20 an expired leaf is refused, in the last second of its validity it is accepted',
    code: 'ERR_CHAIN_EXPIRED',
    bad: judged(leafA({ notAfter: NOW - 1000 })),
    good: judged(leafA({ notAfter: NOW })),
  },
  {
    title: 'X-20 a leaf of tomorrow is refused, in the first second of its validity it is accepted',
    code: 'ERR_CHAIN_NOT_YET_VALID',
    bad: judged(leafA({ notBefore: NOW + 1000 })),
    good: judged(leafA({ notBefore: NOW })),
  },
  {
    title: 'X-20 a leaf with serial number zero is refused, with one it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: judged(leafA({ serial: 0 })),
    good: judged(leafA({ serial: 1 })),
  },
  {
    title: 'a leaf with an EC key on another curve is refused, on P-256 it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged(leafA({ key: ecKey('leaf', 'k256') })),
    good: judged(leafA({ key: ecKey('leaf') })),
  },
  {
    title: 'a leaf with an EC key that spells its curve out is refused, with a named curve it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged(leafA({ key: publicOnly(KEYS.leaf, ecSpki(sequence())) })),
    good: judged(leafA({ key: publicOnly(KEYS.leaf, ecSpki(oid('1.2.840.10045.3.1.7'))) })),
  },
  {
    title: 'a leaf with an Ed448 key is refused, with an Ed25519 key it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged(
      leafA({ key: publicOnly(KEYS.leaf, sequence(sequence(oid('1.3.101.113')), bits(Buffer.alloc(57)))) }),
    ),
    good: accepted,
  },
  {
    title: 'a leaf with RSA of 1024 bits is refused, of 2048 bits it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged(leafA({ key: rsaPublic(1024) })),
    good: judged(leafA({ key: rsaPublic(2048) })),
  },
  {
    title: 'a leaf with RSA of 8256 bits is refused, of 8192 bits it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged(leafA({ key: rsaPublic(8256) })),
    good: judged(leafA({ key: rsaPublic(8192) })),
  },
  {
    title: 'a leaf with RSA and a long exponent is refused, with an ordinary one it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged(leafA({ key: rsaPublic(2048, Buffer.from('0100000001', 'hex')) })),
    good: judged(leafA({ key: rsaPublic(2048) })),
  },
  {
    title: 'X-25 an SVID of a trust domain nobody knows is refused, of one we know it is accepted',
    code: 'ERR_BUNDLE_UNKNOWN',
    bad: judged(leafA({}, 'spiffe://c.test/web')),
    good: accepted,
  },
  {
    title: 'X-31 a trust domain without authorities vouches for nobody, with one it does',
    code: 'ERR_BUNDLE_EMPTY',
    bad: (core) => check(core, CHAIN_A, { 'a.test': [] }),
    good: accepted,
  },
  {
    title: 'X-10 a self-signed leaf that lies in the bundle is refused, a leaf below the bundle is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const own = issueSvid('spiffe://a.test/web', { key: KEYS.leaf, subject: 'web' });
      return check(core, [own], { 'a.test': [own, ROOT_A] });
    },
    good: (core) => check(core, CHAIN_A, { 'a.test': [leafA(), ROOT_A] }),
  },
  {
    title: 'X-10 a self-signed CA leaf that lies in the bundle is refused, a leaf below it is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: (core) => {
      const names = subjectAltName([uri('spiffe://a.test/ca')]);
      const own = issueCa({ key: KEYS.leaf, subject: 'web', extensions: { names } });
      return check(core, [own], { 'a.test': [own] });
    },
    good: accepted,
  },
  {
    title: 'an empty chain is refused, one with a leaf is accepted',
    code: 'ERR_CHAIN_MALFORMED',
    bad: (core) => check(core, [], BUNDLES_AB),
    good: (core) => check(core, CHAIN_A, BUNDLES_AB),
  },
  {
    title: 'a leaf that does not parse is refused, an extra certificate that does not parse is passed over',
    code: 'ERR_CHAIN_MALFORMED',
    bad: (core) => check(core, [{ ...INT_A, der: Buffer.from('3000', 'hex') }, ...CHAIN_A], BUNDLE_A),
    good: (core) => check(core, [leafA(), { ...INT_A, der: Buffer.from('3000', 'hex') }, INT_A], BUNDLE_A),
  },
  {
    title: 'a moment that is none is refused, a Date is accepted',
    code: 'ERR_CONFIG_OPTION',
    bad: (core) => check(core, CHAIN_A, BUNDLE_A, { at: Number.NaN }),
    good: (core) => check(core, CHAIN_A, BUNDLE_A, { at: new Date(NOW) as never }),
  },
  {
    title: 'a role that is none is refused, a server is accepted',
    code: 'ERR_CONFIG_OPTION',
    bad: (core) => {
      const leaf = leafA({ extensions: { extendedKeyUsage: undefined } });
      return check(core, [leaf, INT_A], BUNDLE_A, { role: 'peer' as never });
    },
    good: (core) => check(core, CHAIN_A, BUNDLE_A, { role: 'server' }),
  },
];

/** A key nobody has the private half of, which a leaf does not need to be judged. */
function rsaPublic(bitLength: number, exponent: Buffer = Buffer.from('010001', 'hex')): TestKey {
  const modulus = Buffer.alloc(bitLength / 8 + 1, 0xa5);
  modulus[0] = 0;
  return publicOnly(KEYS.leaf, rsaSpki(modulus, exponent));
}

function ecSpki(parameters: Buffer): Buffer {
  return sequence(sequence(oid('1.2.840.10045.2.1'), parameters), bits(Buffer.alloc(65)));
}
