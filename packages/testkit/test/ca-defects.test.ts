import { Buffer } from 'node:buffer';
import { verify, X509Certificate } from 'node:crypto';

import { beforeAll, expect, test } from 'vitest';

import { CA_DEFECTS, type CaDefect, createTestCa, manualClock, type TestCa } from '../src/index.ts';
import {
  extension,
  generalNames,
  keyUsages,
  type ReadCertificate,
  readCertificate,
} from './read-certificate.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
const KEY_ID = 14;
const KEY_USAGE = 15;
const SUBJECT_ALT_NAME = 17;
const BASIC_CONSTRAINTS = 19;
const NAME_CONSTRAINTS = 30;
const AUTHORITY_KEY_ID = 35;
const EXTENDED_KEY_USAGE = 37;

let root: TestCa;
let other: TestCa;
beforeAll(async () => {
  const clock = manualClock(NOW);
  root = await createTestCa({ trustDomain: 'a.test', clock });
  other = await createTestCa({ trustDomain: 'b.test', clock });
});

interface Facts {
  readonly read: ReadCertificate;
  readonly certificate: X509Certificate;
  readonly value: (arc: number) => string | undefined;
  readonly issuer: TestCa;
}

/** The subtrees of name constraints: `a0` permitted, `a1` excluded. */
function constraint(group: 'a0' | 'a1', tag: number, name: string): string {
  const base = Buffer.concat([Buffer.from([tag, name.length]), Buffer.from(name)]);
  const subtree = Buffer.concat([Buffer.from([0x30, base.length]), base]);
  return `30${hex(subtree.length + 2)}${group}${hex(subtree.length)}${subtree.toString('hex')}`;
}

function hex(length: number): string {
  return length.toString(16).padStart(2, '0');
}

function usagesOf({ read }: Facts): string[] {
  return keyUsages(extension(read, KEY_USAGE)?.value ?? Buffer.from('03020700', 'hex'));
}

function namesOf({ read }: Facts): string[] {
  return generalNames(extension(read, SUBJECT_ALT_NAME)?.value ?? Buffer.from('3000', 'hex'));
}

function otherKeyId(): string | undefined {
  return extension(readCertificate(other.der), KEY_ID)?.value.toString('hex');
}

/** For each defect: what is wrong, as a statement that is false for a good certificate. */
const SHOWS: Readonly<Record<CaDefect, (facts: Facts) => boolean>> = {
  'not-ca': ({ value, certificate }) => value(BASIC_CONSTRAINTS) === '3000' && !certificate.ca,
  'no-basic-constraints': ({ value }) => value(BASIC_CONSTRAINTS) === undefined,
  'no-key-cert-sign': (facts) =>
    facts.value(KEY_USAGE) !== undefined && !usagesOf(facts).includes('keyCertSign'),
  'no-key-usage': ({ value }) => value(KEY_USAGE) === undefined,
  expired: ({ certificate }) => Date.parse(certificate.validTo) === NOW - 3_600_000,
  'not-yet-valid': ({ certificate }) => Date.parse(certificate.validFrom) === NOW + 3_600_000,
  'path-length-0': ({ value }) => value(BASIC_CONSTRAINTS) === '30060101ff020100',
  'permits-other-uri': ({ value, read }) =>
    value(NAME_CONSTRAINTS) === constraint('a0', 0x86, 'other.test') &&
    extension(read, NAME_CONSTRAINTS)?.critical === 'ff',
  'excludes-own-uri': ({ value }) => value(NAME_CONSTRAINTS) === constraint('a1', 0x86, 'a.test'),
  'permits-other-uri-non-critical': ({ value, read }) =>
    value(NAME_CONSTRAINTS) === constraint('a0', 0x86, 'other.test') &&
    extension(read, NAME_CONSTRAINTS)?.critical === '',
  'permits-other-dns': ({ value }) => value(NAME_CONSTRAINTS) === constraint('a0', 0x82, 'other.test'),
  'excludes-own-dns': ({ value }) => value(NAME_CONSTRAINTS) === constraint('a1', 0x82, 'a.test'),
  'unsupported-name-constraint': ({ value, read }) =>
    value(NAME_CONSTRAINTS)?.startsWith('3022a020301ea41c301a3118301606035504030c0f') === true &&
    extension(read, NAME_CONSTRAINTS)?.critical === 'ff',
  'copied-skid': ({ value }) => value(KEY_ID) === otherKeyId(),
  'copied-subject': ({ read }) => read.subject === readCertificate(other.der).subject,
  'no-skid': ({ value }) => value(KEY_ID) === undefined,
  'wrong-eku': ({ value }) => value(EXTENDED_KEY_USAGE) === '300a06082b06010505070303',
  'unknown-critical-extension': ({ read }) =>
    read.extensions.some((e) => e.oid === '883701' && e.critical === 'ff'),
  'id-with-path': (facts) => namesOf(facts).join() === '86 spiffe://a.test/ca',
  'foreign-td-id': (facts) => namesOf(facts).join() === '86 spiffe://foreign.test',
  'bad-signature': ({ certificate, issuer }) => !certificate.verify(publicKey(issuer)),
  'sha1-signature': ({ read, certificate, issuer }) =>
    read.innerAlgorithm === '300906072a8648ce3d0401' && certificate.verify(publicKey(issuer)),
  'weak-key': ({ certificate }) => certificate.publicKey.asymmetricKeyDetails?.modulusLength === 1024,
  v1: ({ read }) => read.version === undefined && read.extensions.length > 3,
};

function publicKey(ca: TestCa): X509Certificate['publicKey'] {
  return new X509Certificate(ca.der).publicKey;
}

function factsOf(ca: TestCa, issuer: TestCa): Facts {
  const read = readCertificate(ca.der);
  return {
    read,
    certificate: new X509Certificate(ca.der),
    value: (arc) => extension(read, arc)?.value.toString('hex'),
    issuer,
  };
}

const names = Object.keys(CA_DEFECTS) as CaDefect[];

test('every defect of a CA has a description', () => {
  expect(names).toEqual(Object.keys(SHOWS));
  expect(Object.values(CA_DEFECTS).filter((text) => text.length < 10)).toEqual([]);
});

test.for(names)('an intermediate with the defect %s has it, and a good one does not', async (defect) => {
  expect(SHOWS[defect](factsOf(await root.intermediate(), root))).toBe(false);
  const spoilt = await root.intermediate({ defects: [defect], copyFrom: other });
  expect(SHOWS[defect](factsOf(spoilt, root))).toBe(true);
  expect((await spoilt.issue()).chainDer).toHaveLength(2);
});

// The root signs itself: with a weak key by RSA, so the algorithm of the other test does not apply.
test.for(names.filter((name) => name !== 'weak-key'))('a root with the defect %s has it', async (defect) => {
  const clock = manualClock(NOW);
  const options = { trustDomain: 'a.test', clock, defects: [defect], copyFrom: other };
  const spoilt = await createTestCa(options);
  expect(SHOWS[defect](factsOf(spoilt, spoilt))).toBe(true);
  expect((await spoilt.issue()).chainDer).toHaveLength(1);
});

test.for(names.filter((name) => name !== 'bad-signature' && name !== 'sha1-signature'))(
  'the signature of an intermediate with the defect %s is good over its changed bytes',
  async (defect) => {
    const spoilt = await root.intermediate({ defects: [defect], copyFrom: other });
    const { signed, signature } = readCertificate(spoilt.der);
    expect(verify('sha256', signed, publicKey(root), signature)).toBe(true);
  },
);

test('a root with the defect weak-key has an RSA key of 1024 bits and signs with it', async () => {
  const weak = await createTestCa({ trustDomain: 'a.test', clock: manualClock(NOW), defects: ['weak-key'] });
  expect(SHOWS['weak-key'](factsOf(weak, weak))).toBe(true);
  const [leaf = new Uint8Array()] = (await weak.issue()).chainDer;
  expect(new X509Certificate(leaf).verify(publicKey(weak))).toBe(true);
});

test('a good CA is a signing certificate to the letter (ID-21, ID-22, ID-23, X-07, X-08, X-09, X-11, X-13, X-14)', async () => {
  const intermediate = await root.intermediate();
  for (const facts of [factsOf(root, root), factsOf(intermediate, root)]) {
    expect(facts.read.version).toBe(2);
    expect(namesOf(facts)).toEqual(['86 spiffe://a.test']);
    expect(usagesOf(facts)).toEqual(['keyCertSign', 'cRLSign']);
    expect(extension(facts.read, KEY_USAGE)?.critical).toBe('ff');
    expect(extension(facts.read, BASIC_CONSTRAINTS)?.critical).toBe('ff');
    expect(facts.certificate.ca).toBe(true);
    expect(facts.certificate.verify(publicKey(root))).toBe(true);
    // AuthorityKeyIdentifier wraps in [0] what SubjectKeyIdentifier wraps in OCTET STRING.
    const rootKeyId = extension(readCertificate(root.der), KEY_ID)?.value.subarray(2).toString('hex');
    expect(facts.value(AUTHORITY_KEY_ID)?.slice(8)).toBe(rootKeyId);
  }
});

test('what a CA without key identifier signs does not name its key', async () => {
  const nameless = await createTestCa({ trustDomain: 'a.test', defects: ['no-skid'] });
  const [leaf = new Uint8Array()] = (await nameless.issue()).chainDer;
  expect(extension(readCertificate(leaf), AUTHORITY_KEY_ID)).toBeUndefined();
  expect(new X509Certificate(leaf).verify(publicKey(nameless))).toBe(true);
});

test('what a CA with a copied key identifier signs names the copied key', async () => {
  const copy = await createTestCa({
    trustDomain: 'a.test',
    defects: ['copied-skid', 'copied-subject'],
    copyFrom: root,
  });
  const [leaf = new Uint8Array()] = (await copy.issue()).chainDer;
  const certificate = new X509Certificate(leaf);
  // Name and key identifier both point to the root that was copied; only the signature tells.
  expect(certificate.checkIssued(new X509Certificate(root.der))).toBe(true);
  expect(certificate.verify(publicKey(root))).toBe(false);
  expect(certificate.verify(publicKey(copy))).toBe(true);
});

test('a copying defect without something to copy is refused', async () => {
  await expect(createTestCa({ trustDomain: 'a.test', defects: ['copied-skid'] })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
});

test('name constraints may be given by name', async () => {
  const ca = await root.intermediate({ permittedUris: ['a.test'], excludedDnsNames: ['b.test'] });
  const value = extension(readCertificate(ca.der), NAME_CONSTRAINTS)?.value.toString('latin1') ?? '';
  expect(value).toContain('\u0086\u0006a.test');
  expect(value).toContain('\u0082\u0006b.test');
});
