import {
  basicConstraints,
  type CertificateOptions,
  dns,
  extension,
  type ExtensionSet,
  subjectAltName,
  uri,
} from '../pki/certificates.ts';
import { element, integer, name, octets, oid, sequence, text } from '../pki/der.ts';
import { type Core, type Scenario } from './scenario.ts';
import { leafA } from './world.ts';

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
const constraints = (value: string): ((core: Core) => unknown) =>
  withExtensions({ x: raw('2.5.29.30', value) });
const usage = (value: string): ((core: Core) => unknown) =>
  withExtensions({ keyUsage: raw('2.5.29.15', value) });
const utc = (stamp: string): Buffer => text(0x17, stamp);
const generalized = (stamp: string): Buffer => text(0x18, stamp);
const until = (notAfter: Buffer): ((core: Core) => unknown) => parseLeaf({ notAfter });

function bad(title: string, run: (core: Core) => unknown, twin: (core: Core) => unknown = good): Scenario {
  return { title, code: CODE, bad: run, good: twin };
}

/** How times and extensions have to be encoded: RFC 5280 4.1.2.5 and 4.2. */
export const EXTENSION_SCENARIOS: readonly Scenario[] = [
  bad('bytes after the extensions are refused', parseLeaf({ after: element(0x81, '0000') })),
  bad(
    'basic constraints that spell out FALSE are refused, empty ones are read',
    withExtensions({ x: raw('2.5.29.19', '3003010100') }),
    withExtensions({ x: raw('2.5.29.19', '3000') }),
  ),
  bad(
    'extensions in version 2 are refused, version 2 without them is read',
    parseLeaf({ version: element(0xa0, integer(1)) }),
    parseLeaf({ version: element(0xa0, integer(1)), extensions: NONE() }),
  ),
  bad('a UTCTime without Z is refused', until(utc('300101000000'))),
  bad('a UTCTime without seconds is refused', until(utc('3001010000Z'))),
  bad('a UTCTime with a time zone is refused', until(utc('300101000000+0100'))),
  bad(
    'a UTCTime with another letter at its end is refused, with Z it is read',
    until(utc('300101000000z')),
    until(utc('300101000000Z')),
  ),
  bad(
    'a UTCTime with a colon for ten is refused, with ten it is read',
    until(utc('30010100000:Z')),
    until(utc('300101000010Z')),
  ),
  bad('month 19 is refused, month 12 is read', until(utc('301901000000Z')), until(utc('301201000000Z'))),
  bad('month 0 is refused', until(utc('300001000000Z'))),
  bad(
    '31 February is refused, 28 February is read',
    until(utc('300231000000Z')),
    until(utc('300228000000Z')),
  ),
  bad(
    '29 February of a common year is refused, of a leap year it is read',
    until(utc('300229000000Z')),
    until(utc('320229000000Z')),
  ),
  bad(
    '29 February 2100 is refused, of 2400 it is read',
    until(generalized('21000229000000Z')),
    until(generalized('24000229000000Z')),
  ),
  bad('31 April is refused, 30 April is read', until(utc('300431000000Z')), until(utc('300430000000Z'))),
  bad('day 0 is refused', until(utc('300100000000Z'))),
  bad('hour 24 is refused, 23 is read', until(utc('300101240000Z')), until(utc('300101230000Z'))),
  bad('minute 60 is refused, 59 is read', until(utc('300101006000Z')), until(utc('300101005900Z'))),
  bad('second 72 is refused, 59 is read', until(utc('300101000072Z')), until(utc('300101000059Z'))),
  bad(
    'a GeneralizedTime before 2050 is refused, from then on it is read',
    until(generalized('20491231235959Z')),
    until(generalized('20500101000000Z')),
  ),
  bad('a fraction of a second is refused', until(generalized('20500101000000.5Z'))),
  bad('a time of another type is refused', until(text(0x16, '300101000000Z'))),

  bad(
    'an empty list of extensions is refused',
    parseLeaf({ extensions: NONE(), after: element(0xa3, sequence()) }),
  ),
  bad(
    'an extension twice is refused',
    withExtensions({ a: raw('1.2.3', ''), b: raw('1.2.3', '') }),
    withExtensions({ a: raw('1.2.3', ''), b: raw('1.2.4', '') }),
  ),
  bad('alternative names twice are refused', withExtensions({ again: subjectAltName([ID]) })),
  bad(
    '65 extensions are refused, 64 are read',
    withExtensions(manyExtensions(61)),
    withExtensions(manyExtensions(60)),
  ),
  bad('a key usage with trailing zeros is refused', usage('03020080'), usage('03020780')),
  bad('an empty key usage is refused', usage('030100'), usage('03020780')),
  bad('a key usage with set unused bits is refused', usage('03020788'), usage('03020780')),
  bad(
    'a negative path length is refused',
    withExtensions({ x: raw('2.5.29.19', '30060101ff0201ff') }),
    withExtensions({ x: raw('2.5.29.19', '30060101ff020101') }),
  ),
  bad(
    'a path length without cA is refused',
    withExtensions({ x: basicConstraints({ ca: false, pathLength: 1 }) }),
    withExtensions({ x: basicConstraints({ pathLength: 1 }) }),
  ),
  bad(
    'bytes after basic constraints are refused',
    withExtensions({ x: raw('2.5.29.19', '30000500') }),
    withExtensions({ x: raw('2.5.29.19', '3000') }),
  ),
  bad(
    'an empty extended key usage is refused',
    withExtensions({ extendedKeyUsage: raw('2.5.29.37', '3000') }),
  ),
  bad(
    'an empty list of alternative names is refused',
    withExtensions({ subjectAltName: subjectAltName([]) }),
  ),
  bad(
    'a kind of name that does not exist is refused',
    withExtensions({ subjectAltName: subjectAltName([ID, element(0x89, '00')]) }),
  ),
  bad(
    'a constructed URI name is refused',
    withExtensions({ subjectAltName: subjectAltName([element(0xa6, text(0x86, 'spiffe://a.test/web'))]) }),
  ),
  bad(
    'a URI name that is not ASCII is refused',
    withExtensions({ subjectAltName: subjectAltName([uri('spiffe://a.test/wéb')]) }),
  ),
  bad(
    'a DNS name that is not ASCII is refused',
    withExtensions({ subjectAltName: subjectAltName([ID, dns('é.test')]) }),
    withExtensions({ subjectAltName: subjectAltName([ID, dns('e.test')]) }),
  ),
  bad(
    'name constraints that are empty are refused',
    constraints('3000'),
    constraints('3008a006300482026162'),
  ),
  bad('an empty list of subtrees is refused', constraints('3002a000')),
  bad('subtrees that are NULL are refused', constraints('300405000500')),
  bad('a subtree with a minimum is refused', constraints('300ba009300782026162800100')),
  bad(
    'an authority key identifier with more in it is read, with something else it is refused',
    withExtensions({ authorityKeyId: raw('2.5.29.35', '30020500') }),
    withExtensions({ authorityKeyId: issuerAndSerial() }),
  ),
  bad(
    'a third time in the validity is refused',
    until(Buffer.concat([utc('301201000000Z'), NULL])),
    until(utc('301201000000Z')),
  ),
  bad(
    'bytes after the list of extensions are refused',
    parseLeaf({ extensions: NONE(), after: element(0xa3, sequence(subjectAltName([ID])), NULL) }),
    parseLeaf({ extensions: NONE(), after: element(0xa3, sequence(subjectAltName([ID]))) }),
  ),
  bad(
    'bytes after the value of an extension are refused',
    withExtensions({ x: sequence(oid('1.2.3'), octets(ID), NULL) }),
    withExtensions({ x: sequence(oid('1.2.3'), octets(ID)) }),
  ),
  bad(
    'a third element in basic constraints is refused',
    withExtensions({ x: raw('2.5.29.19', '30080101ff0201010500') }),
    withExtensions({ x: raw('2.5.29.19', '30060101ff020101') }),
  ),
  bad(
    'a third element in name constraints is refused',
    constraints('300aa0063004820261620500'),
    constraints('3008a006300482026162'),
  ),
  bad(
    'bytes after a directory name are refused',
    withExtensions({ subjectAltName: subjectAltName([ID, element(0xa4, name('x'), NULL)]) }),
    withExtensions({ subjectAltName: subjectAltName([ID, element(0xa4, name('x'))]) }),
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

function manyExtensions(count: number): ExtensionSet {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`x${index}`, raw(`1.2.${index + 1}`, '')]),
  );
}

function issuerAndSerial(): Buffer {
  const value = sequence(element(0x80, '01'), element(0xa1, element(0xa4, name('x'))), element(0x82, '01'));
  return extension('2.5.29.35', value);
}
