import { type CertificateOptions, extension, type ExtensionSet, uri } from '../pki/certificates.ts';
import { bits, element, integer, octets, oid, sequence, set, text } from '../pki/der.ts';
import { publicOnly, RSA_SHA256, rsaSpki, type TestKey } from '../pki/keys.ts';
import { type Core, type Scenario } from './scenario.ts';
import { KEYS, leafA } from './world.ts';

const CODE = 'ERR_CERTIFICATE_INVALID';
const parse =
  (der: Buffer) =>
  (core: Core): unknown =>
    core.Certificate.parse(der);
const parseLeaf = (changes: Partial<CertificateOptions>): ((core: Core) => unknown) =>
  parse(leafA(changes).der);
const withExtensions = (extensions: ExtensionSet): ((core: Core) => unknown) => parseLeaf({ extensions });
const good = parse(leafA().der);

const NULL = element(0x05);
const ID = uri('spiffe://a.test/web');
const raw = (dotted: string, value: string | Buffer): Buffer =>
  extension(dotted, typeof value === 'string' ? Buffer.from(value, 'hex') : value);
const unknown = (encodedOid: string): ((core: Core) => unknown) =>
  withExtensions({ x: sequence(element(0x06, encodedOid), octets(Buffer.alloc(0))) });
const certificate = (...after: readonly Buffer[]): Buffer =>
  sequence(leafA().der.subarray(4, -74), KEYS.intA.algorithm, ...after);

function bad(title: string, run: (core: Core) => unknown, twin: (core: Core) => unknown = good): Scenario {
  return { title, code: CODE, bad: run, good: twin };
}

/** How a certificate has to be encoded: X.690 10 and 11, RFC 5280 4.1 and 4.2. */
export const ENCODING_SCENARIOS: readonly Scenario[] = [
  bad('bytes after the certificate are refused', parse(Buffer.concat([leafA().der, Buffer.from([0])]))),
  bad('a text in place of bytes is refused', (core) => core.Certificate.parse('x' as never)),
  bad('no bytes at all are refused', parse(Buffer.alloc(0))),
  bad('a certificate that is cut off is refused', parse(leafA().der.subarray(0, -1))),
  bad('a certificate of more than 64 KiB is refused, of 60 KiB it is read', large(70_000), large(60_000)),
  bad('an indefinite length is refused', parse(lengthened('80'))),
  bad('a length with padding is refused', parse(lengthened('83'))),
  bad('a length beyond its container is refused', parse(overlong())),
  bad(
    'a signature that is not of whole bytes is refused',
    parse(certificate(bits(Buffer.alloc(64), 1))),
    parse(certificate(bits(Buffer.alloc(64)))),
  ),
  bad(
    'a BOOLEAN of 1 is refused, of 255 it is read',
    withExtensions(critical('01')),
    withExtensions(critical('ff')),
  ),
  bad(
    'a BOOLEAN that says the default is refused',
    withExtensions(critical('00')),
    withExtensions(critical('ff')),
  ),
  bad('an INTEGER without content is refused', parseLeaf({ serial: element(0x02) })),
  bad(
    'an INTEGER with padding is refused, with its sign octet it is read',
    parseLeaf({ serial: element(0x02, '0001') }),
    parseLeaf({ serial: element(0x02, '0081') }),
  ),
  bad('a negative serial number is refused', parseLeaf({ serial: element(0x02, '81') })),
  bad(
    'a serial number of 21 octets is refused, of 20 it is read',
    parseLeaf({ serial: integer(1n << 160n) }),
    parseLeaf({ serial: integer((1n << 160n) - 1n) }),
  ),
  bad('version 4 is refused', parseLeaf({ version: element(0xa0, integer(3)) })),
  bad(
    'a version that spells out the default is refused',
    parseLeaf({ version: element(0xa0, integer(0)), extensions: NONE() }),
  ),
  bad('two different signature algorithms are refused', parseLeaf({ innerAlgorithm: RSA_SHA256 })),
  bad(
    'a BMP string is read in a name, an empty relative name is refused',
    parseLeaf({ subject: sequence(set()) }),
    parseLeaf({ subject: sequence(set(sequence(oid('2.5.4.3'), element(0x1e, '0078')))) }),
  ),
  bad(
    'a tag of more than one byte is refused',
    parseLeaf({ subject: sequence(set(sequence(oid('2.5.4.3'), element(0x1f, '00')))) }),
  ),
  bad(
    'UTF-8 that is none is refused in a name',
    parseLeaf({ subject: named(0x0c, 'f26f') }),
    parseLeaf({ subject: named(0x0c, 'c3b6') }),
  ),
  bad(
    'half a character of UTF-16 is refused in a name',
    parseLeaf({ subject: named(0x1e, '007800') }),
    parseLeaf({ subject: named(0x1e, '0078') }),
  ),
  bad(
    'half a character of UTF-32 is refused in a name',
    parseLeaf({ subject: named(0x1c, '0000') }),
    parseLeaf({ subject: named(0x1c, '00000078') }),
  ),
  bad(
    'an OCTET STRING is refused in a name, a PrintableString is read',
    parseLeaf({ subject: named(0x04, '78') }),
    parseLeaf({ subject: named(0x13, '78') }),
  ),
  bad(
    'half of a surrogate pair is refused in a name',
    parseLeaf({ subject: named(0x1e, 'd83d') }),
    parseLeaf({ subject: named(0x1e, 'd7ff') }),
  ),
  bad(
    'a character beyond Unicode is refused in a name',
    parseLeaf({ subject: named(0x1c, '00110000') }),
    parseLeaf({ subject: named(0x1c, '0010ffff') }),
  ),
  bad(
    'bytes after an attribute are refused',
    parseLeaf({ subject: sequence(set(sequence(oid('2.5.4.3'), text(0x0c, 'x'), element(0x05)))) }),
  ),
  bad('an object identifier that is cut off is refused', unknown('2a86'), unknown('2a8648')),
  bad('an object identifier with padding is refused', unknown('2a8001'), unknown('2a8101')),
  bad(
    'an object identifier of 65 octets is refused, of 64 it is read',
    unknown(`2a${'81'.repeat(63)}01`),
    unknown(`2a${'81'.repeat(62)}01`),
  ),
  bad('an empty object identifier is refused', unknown(''), unknown('2a')),

  // Every list ends where its last element does.
  bad(
    'bytes after the signature are refused',
    parse(certificate(bits(Buffer.alloc(64)), NULL)),
    parse(certificate(bits(Buffer.alloc(64)))),
  ),
  bad('bytes after the version are refused', parseLeaf({ version: element(0xa0, integer(2), NULL) })),
  bad(
    'bytes after the bits of a key are refused',
    parseLeaf({ key: spki(sequence(sequence(oid('1.3.101.112')), bits(Buffer.alloc(32)), NULL)) }),
    parseLeaf({ key: spki(sequence(sequence(oid('1.3.101.112')), bits(Buffer.alloc(32)))) }),
  ),
  bad(
    'bytes after the name of a curve are refused',
    parseLeaf({
      key: spki(
        sequence(
          sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'), NULL),
          bits(Buffer.alloc(65)),
        ),
      ),
    }),
    parseLeaf({
      key: spki(
        sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bits(Buffer.alloc(65))),
      ),
    }),
  ),
  bad(
    'bytes after the NULL of RSA are refused',
    parseLeaf({ key: spki(sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL, NULL), bits(rsaNumbers()))) }),
    parseLeaf({ key: spki(sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(rsaNumbers()))) }),
  ),
  bad(
    'bytes after the numbers of RSA are refused',
    parseLeaf({
      key: spki(
        sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(Buffer.concat([rsaNumbers(), NULL]))),
      ),
    }),
    parseLeaf({ key: spki(sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(rsaNumbers()))) }),
  ),
  bad(
    'a third number of RSA is refused',
    parseLeaf({
      key: spki(sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(rsaNumbers(integer(3))))),
    }),
    parseLeaf({ key: spki(sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(rsaNumbers()))) }),
  ),
  bad(
    'a serial number that is no INTEGER is refused',
    parseLeaf({ serial: element(0x04, '07') }),
    parseLeaf({ serial: element(0x02, '07') }),
  ),
  bad(
    'a last element without its length is refused',
    withExtensions({ x: raw('2.5.29.14', '04') }),
    withExtensions({ x: raw('2.5.29.14', '0400') }),
  ),
  bad(
    'a length of seven octets is refused',
    parse(Buffer.concat([Buffer.from('30870000000000017b', 'hex'), leafA().der])),
  ),
  bad(
    'RSA with a negative modulus is refused, with a positive one it is read',
    parseLeaf({ key: rsa('a5') }),
    parseLeaf({ key: rsa('00a5') }),
  ),
  bad(
    'RSA without its NULL is refused',
    parseLeaf({
      key: spki(
        sequence(sequence(oid('1.2.840.113549.1.1.1')), bits(Buffer.from('3006020103020103', 'hex'))),
      ),
    }),
  ),
  bad(
    'Ed25519 with parameters is refused, without them it is read',
    parseLeaf({
      key: spki(sequence(sequence(oid('1.3.101.112'), element(0x05)), bits(Buffer.alloc(32)))),
    }),
  ),
];

function NONE(): ExtensionSet {
  return {
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    authorityKeyId: undefined,
    subjectAltName: undefined,
  };
}

function spki(key: Buffer): TestKey {
  return publicOnly(KEYS.leaf, key);
}

function rsaNumbers(...more: readonly Buffer[]): Buffer {
  return sequence(integer((1n << 2047n) + 1n), integer(65_537), ...more);
}

function named(tag: number, value: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), element(tag, value))));
}

function critical(value: string): ExtensionSet {
  return { subjectAltName: sequence(oid('2.5.29.17'), element(0x01, value), octets(sequence(ID))) };
}

function rsa(firstOctets: string): TestKey {
  const modulus = Buffer.concat([Buffer.from(firstOctets, 'hex'), Buffer.alloc(255, 0xa5)]);
  return publicOnly(KEYS.leaf, rsaSpki(modulus, Buffer.from('010001', 'hex')));
}

function large(bytes: number): (core: Core) => unknown {
  return withExtensions({ x: extension('1.2.3', octets(Buffer.alloc(bytes))) });
}

/** The outer length, written as one of these: without an end, or with an octet too many. */
function lengthened(first: string): Buffer {
  const { der } = leafA();
  const content = der.subarray(4);
  const padded =
    first === '80'
      ? Buffer.from('3080', 'hex')
      : Buffer.concat([Buffer.from('308300', 'hex'), der.subarray(2, 4)]);
  return Buffer.concat([padded, content, Buffer.from(first === '80' ? '0000' : '', 'hex')]);
}

/** The last element claims a byte more than there is. */
function overlong(): Buffer {
  const der = Buffer.from(leafA().der);
  const at = der.length - 66;
  der[at] = (der[at] ?? 0) + 1;
  return der;
}
