import { Buffer } from 'node:buffer';
import { verify, X509Certificate } from 'node:crypto';

import { beforeAll, expect, test } from 'vitest';

import { createTestCa, LEAF_DEFECTS, type LeafDefect, manualClock, type TestCa } from '../src/index.ts';
import {
  extension,
  generalNames,
  keyUsages,
  type ReadCertificate,
  readCertificate,
} from './read-certificate.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
const KEY_USAGE = 15;
const SUBJECT_ALT_NAME = 17;
const BASIC_CONSTRAINTS = 19;
const EXTENDED_KEY_USAGE = 37;

let ca: TestCa;
beforeAll(async () => {
  ca = await createTestCa({ trustDomain: 'a.test', clock: manualClock(NOW) });
});

/** What to look at, so that a check is one line. */
interface Facts {
  readonly der: Uint8Array;
  readonly read: ReadCertificate;
  readonly usages: readonly string[];
  /** The subject alternative names, as tag and text, with commas between them. */
  readonly names: string;
  readonly extendedUsages: string;
  readonly certificate: () => X509Certificate;
}

function factsOf(der: Uint8Array): Facts {
  const read = readCertificate(der);
  const names = extension(read, SUBJECT_ALT_NAME);
  return {
    der,
    read,
    usages: keyUsages(extension(read, KEY_USAGE)?.value ?? Buffer.from('03020700', 'hex')),
    names: names === undefined ? '' : generalNames(names.value).join(),
    extendedUsages: extension(read, EXTENDED_KEY_USAGE)?.value.toString('hex') ?? '',
    certificate: () => new X509Certificate(der),
  };
}

const URI = '86 spiffe://a.test/workload';
const SERVER_AUTH = '06082b06010505070301';
const CLIENT_AUTH = '06082b06010505070302';

/** For each defect: what is wrong, as a statement that is false for a good certificate. */
const SHOWS: Readonly<Record<LeafDefect, (facts: Facts) => boolean>> = {
  'leaf-is-ca': ({ read }) => extension(read, BASIC_CONSTRAINTS)?.value.toString('hex') === '30030101ff',
  'leaf-key-cert-sign': ({ usages }) => usages.includes('keyCertSign'),
  'leaf-crl-sign': ({ usages }) => usages.includes('cRLSign'),
  'leaf-no-digital-signature': ({ usages }) => usages.length === 1 && !usages.includes('digitalSignature'),
  'leaf-no-key-usage': ({ read }) => extension(read, KEY_USAGE) === undefined,
  'key-usage-not-critical': ({ read, usages }) =>
    extension(read, KEY_USAGE)?.critical === '' && usages.includes('digitalSignature'),
  'no-san': ({ names, certificate }) => names === '' && certificate().subject !== undefined,
  'no-uri-san': ({ names }) => names === '82 workload.a.test',
  'two-uri-sans': ({ names }) => names === [URI, '86 spiffe://a.test/second'].join(),
  'same-uri-twice': ({ names }) => names === [URI, URI].join(),
  'extra-https-uri-san': ({ names }) => names === [URI, '86 https://a.test/second'].join(),
  'uri-san-not-spiffe': ({ names }) => names === '86 https://a.test/workload',
  'uri-san-invalid-upper-case': ({ names }) => names === '86 spiffe://A.TEST/workload',
  'uri-san-invalid-double-slash': ({ names }) => names === '86 spiffe://a.test//workload',
  'uri-san-invalid-percent': ({ names }) => names === '86 spiffe://a.test/work%2fload',
  'uri-san-too-long': ({ names }) => names.length === '86 '.length + 2049,
  'uri-san-in-dns-name': ({ names }) => names === '82 workload.test, URI:spiffe://a.test/workload',
  'no-path': ({ names }) => names === '86 spiffe://a.test',
  'wrong-eku-server-only': ({ extendedUsages }) => extendedUsages === `300a${SERVER_AUTH}`,
  'wrong-eku-client-only': ({ extendedUsages }) => extendedUsages === `300a${CLIENT_AUTH}`,
  'wrong-eku-code-signing': ({ extendedUsages }) => extendedUsages === '300a06082b06010505070303',
  'wrong-eku-any': ({ extendedUsages }) => extendedUsages === '30060604551d2500',
  expired: ({ certificate }) => Date.parse(certificate().validTo) === NOW - 3_600_000,
  'not-yet-valid': ({ certificate }) => Date.parse(certificate().validFrom) === NOW + 3_600_000,
  'unknown-critical-extension': ({ read }) =>
    read.extensions.some((e) => e.oid === '883701' && e.critical === 'ff'),
  'duplicate-extension': ({ read }) =>
    new Set(read.extensions.map(({ oid }) => oid)).size === read.extensions.length - 1,
  'empty-subject-non-critical-san': ({ read }) =>
    read.subject === '3000' && extension(read, SUBJECT_ALT_NAME)?.critical === '',
  'bad-signature': ({ certificate }) => !certificate().verify(issuerKey()),
  'sha1-signature': ({ read, certificate }) =>
    read.innerAlgorithm === '300906072a8648ce3d0401' &&
    read.innerAlgorithm === read.outerAlgorithm &&
    certificate().verify(issuerKey()),
  'signature-algorithm-mismatch': ({ read }) => read.innerAlgorithm !== read.outerAlgorithm,
  'weak-key': ({ certificate }) => certificate().publicKey.asymmetricKeyDetails?.modulusLength === 1024,
  v1: ({ read }) => read.version === undefined && read.extensions.length > 3,
  'time-out-of-range': ({ read }) => read.notBefore === '260601110072Z',
  'non-der-boolean': ({ read }) => read.extensions.some(({ critical }) => critical === '01'),
  'trailing-bytes': ({ read }) => read.rest.toString('hex') === '0500',
};

function issuerKey(): X509Certificate['publicKey'] {
  return new X509Certificate(ca.der).publicKey;
}

const names = Object.keys(LEAF_DEFECTS) as LeafDefect[];

test('every defect of a leaf has a description', () => {
  expect(names).toEqual(Object.keys(SHOWS));
  expect(Object.values(LEAF_DEFECTS).filter((text) => text.length < 10)).toEqual([]);
});

test.for(names)('a leaf with the defect %s has it, and a good one does not', async (defect) => {
  const good = factsOf((await ca.issue()).chainDer[0] ?? new Uint8Array());
  expect(SHOWS[defect](good)).toBe(false);
  const spoilt = factsOf((await ca.issue({ defects: [defect] })).chainDer[0] ?? new Uint8Array());
  expect(SHOWS[defect](spoilt)).toBe(true);
});

test.for(names.filter((name) => name !== 'bad-signature' && name !== 'sha1-signature'))(
  'the signature of a leaf with the defect %s is good over its changed bytes',
  async (defect) => {
    const { signed, signature } = readCertificate(
      (await ca.issue({ defects: [defect] })).chainDer[0] ?? new Uint8Array(),
    );
    expect(verify('sha256', signed, issuerKey(), signature)).toBe(true);
  },
);

test('a good leaf is an X.509-SVID to the letter (X-01, X-05, X-11, X-13, X-15, X-17, X-18, X-19)', async () => {
  const svid = await ca.issue({ path: '/web' });
  const {
    read,
    usages,
    names: sans,
    extendedUsages,
    certificate,
  } = factsOf(svid.chainDer[0] ?? new Uint8Array());
  expect(read.version).toBe(2);
  expect(sans).toBe('86 spiffe://a.test/web');
  expect(read.subject).toBe('3000');
  expect(extension(read, SUBJECT_ALT_NAME)?.critical).toBe('ff');
  expect(extension(read, BASIC_CONSTRAINTS)).toMatchObject({
    critical: 'ff',
    value: Buffer.from('3000', 'hex'),
  });
  expect(usages).toEqual(['digitalSignature', 'keyAgreement']);
  expect(extension(read, KEY_USAGE)?.critical).toBe('ff');
  expect(extendedUsages).toBe(`3014${SERVER_AUTH}${CLIENT_AUTH}`);
  expect(read.notBefore).toBe('260601120000Z');
  expect(read.notAfter).toBe('260601130000Z');
  expect(certificate().verify(issuerKey())).toBe(true);
  expect(certificate().checkIssued(new X509Certificate(ca.der))).toBe(true);
});

test('defects combine', async () => {
  const { chainDer } = await ca.issue({ defects: ['leaf-is-ca', 'two-uri-sans', 'v1', 'expired'] });
  const facts = factsOf(chainDer[0] ?? new Uint8Array());
  for (const defect of ['leaf-is-ca', 'two-uri-sans', 'v1', 'expired'] as const) {
    expect([defect, SHOWS[defect](facts)]).toEqual([defect, true]);
  }
});

test('a defect that is not known is refused with the names of those that are', async () => {
  await expect(ca.issue({ defects: ['leaf-is-cat' as LeafDefect] })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
    hint: expect.stringContaining('leaf-is-ca,') as string,
  });
  await expect(ca.issue({ defects: ['toString' as LeafDefect] })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
});

test('a SHA-1 signature needs an authority whose keys have one', async () => {
  const ed = await createTestCa({ trustDomain: 'a.test', keyType: 'ed25519' });
  await expect(ed.issue({ defects: ['sha1-signature'] })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
  await expect(ed.issue({ defects: ['bad-signature'] })).resolves.toBeDefined();
});
