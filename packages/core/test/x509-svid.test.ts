import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';

import { describe, expect, test } from 'vitest';

import { X509Svid } from '../src/x509-svid.ts';
import { CHAIN_A, INT_A, intermediateA, KEYS, leafA, ROOT_A, ROOT_B, rootA } from './corpus/world.ts';
import { failureOf } from './failure-of.ts';
import { extendedKeyUsage, extension, issueCa, issueSvid, NOW } from './pki/certificates.ts';
import { bits, oid, sequence } from './pki/der.ts';
import { ecKey, ed25519Key, rsaKey, testKey } from './pki/keys.ts';
import { certificatesPem, encryptedKeyPem, keyPem, legacyEncryptedKeyPem, pem, pkcs8 } from './pki/pem.ts';

const HOUR = 3_600_000;
const PEM = { certificates: certificatesPem(...CHAIN_A), privateKey: keyPem(KEYS.leaf) };

function serials(svid: X509Svid): readonly string[] {
  return svid.certificates.map(({ serialNumber }) => serialNumber);
}

describe('reading our own SVID', () => {
  test('X-01 gives ID, chain, key and validity of an ordinary one, without warnings', () => {
    const svid = X509Svid.fromPem({ ...PEM, hint: 'internal' });
    expect(svid.id.toString()).toBe('spiffe://a.test/web');
    expect(svid.certificates.map(({ der }) => Buffer.from(der))).toEqual(CHAIN_A.map(({ der }) => der));
    expect(svid.leaf).toBe(svid.certificates[0]);
    expect(svid.privateKey.equals(KEYS.leaf.privateKey)).toBe(true);
    expect([svid.notBefore, svid.notAfter, svid.expiresAt]).toEqual([
      NOW - 24 * HOUR,
      NOW + 24 * HOUR,
      NOW + 24 * HOUR,
    ]);
    expect(svid.hint).toBe('internal');
    expect(svid.warnings).toEqual([]);
    expect(svid.fingerprint).toBe(
      new X509Certificate(leafA().der).fingerprint256.replaceAll(':', '').toLowerCase(),
    );
  });

  test('the same credential bundle serves for certificates and key', () => {
    const bundle = PEM.privateKey + PEM.certificates;
    expect(
      X509Svid.fromPem({ certificates: bundle, privateKey: Buffer.from(bundle) }).certificates,
    ).toHaveLength(2);
  });

  test('certificates that are neither bytes nor a list are refused, however many bytes there are', () => {
    const { privateKey } = KEYS.leaf;
    const read = (certificates: unknown): string =>
      failureOf(() => X509Svid.fromDer({ certificates: certificates as Uint8Array, privateKey })).code;
    for (const certificates of [
      undefined,
      'x',
      [],
      ['x'],
      Buffer.alloc(0),
      Buffer.alloc(1_000_000),
      Buffer.alloc(9, 0xff),
    ]) {
      expect(read(certificates)).toBe('ERR_SVID_CERTIFICATE_INVALID');
    }
  });

  test('DER gives the same as PEM, as one piece and as a list', () => {
    const ders = CHAIN_A.map(({ der }) => der);
    const whole = X509Svid.fromDer({ certificates: Buffer.concat(ders), privateKey: pkcs8(KEYS.leaf) });
    const list = X509Svid.fromDer({ certificates: ders, privateKey: KEYS.leaf.privateKey });
    for (const svid of [whole, list]) expect(svid.toJSON()).toEqual(X509Svid.fromPem(PEM).toJSON());
    expect(whole.certificates).toHaveLength(2);
  });

  test.for([
    ['EC P-256', ecKey('own')],
    ['EC P-384', ecKey('own', 'p384')],
    ['EC P-521', ecKey('own', 'p521')],
    ['RSA 2048', rsaKey(2048)],
    ['Ed25519', ed25519Key('own')],
  ] as const)('a key of type %s is read from each of its encodings', ([type, key]) => {
    const certificates = certificatesPem(issueSvid('spiffe://a.test/web', { key, issuer: INT_A }), INT_A);
    const encodings = [keyPem(key)];
    if (type.startsWith('EC')) {
      const sec1 = key.privateKey.export({ format: 'der', type: 'sec1' });
      encodings.push(pem('EC PARAMETERS', oid('1.2.840.10045.3.1.7')) + pem('EC PRIVATE KEY', sec1));
    }
    if (type.startsWith('RSA')) {
      encodings.push(pem('RSA PRIVATE KEY', key.privateKey.export({ format: 'der', type: 'pkcs1' })));
    }
    for (const privateKey of encodings) {
      const svid = X509Svid.fromPem({ certificates, privateKey });
      expect(svid.leaf.keyType).toBe(type);
      expect(svid.privateKey.equals(key.privateKey)).toBe(true);
    }
  });

  const mlDsa = mlDsaKey();
  test.runIf(mlDsa)('an ML-DSA key is read where Node.js supports it', () => {
    const key = mlDsa ?? KEYS.leaf;
    const leaf = issueSvid('spiffe://a.test/web', { key, issuer: INT_A });
    const svid = X509Svid.fromPem({ certificates: certificatesPem(leaf, INT_A), privateKey: keyPem(key) });
    expect(svid.leaf.keyType).toBe('ML-DSA-65');
    expect(svid.privateKey.equals(key.privateKey)).toBe(true);
  });

  test('an ML-DSA certificate with a key that is not its own is refused, with or without support', () => {
    const spki = sequence(sequence(oid('2.16.840.1.101.3.4.3.18')), bits(Buffer.alloc(1952)));
    const leaf = issueSvid('spiffe://a.test/web', { key: { ...KEYS.leaf, spki }, issuer: INT_A });
    const read = (): unknown => X509Svid.fromPem({ ...PEM, certificates: certificatesPem(leaf) });
    expect(failureOf(read).code).toBe('ERR_SVID_KEY_MISMATCH');
  });
});

describe('putting a chain right', () => {
  const middle = issueCa({ key: KEYS.intA2, subject: 'middle', issuer: ROOT_A, serial: 2 });
  const low = issueCa({ key: KEYS.intA, subject: 'low', issuer: middle, serial: 3 });
  const leaf = leafA({ issuer: low, serial: 4 });

  test('a chain in any order is put in order, and says so', () => {
    for (const order of [
      [low, middle, leaf],
      [middle, low, leaf],
      [leaf, middle, low],
    ]) {
      const svid = X509Svid.fromPem({ ...PEM, certificates: certificatesPem(...order) });
      expect(serials(svid)).toEqual(['4', '3', '2']);
      expect(svid.warnings).toEqual(['the chain was put in order: leaf first, then each issuer']);
    }
  });

  test('a self-signed root is left out, and says so; one that another signed stays', () => {
    const svid = X509Svid.fromPem({ ...PEM, certificates: certificatesPem(leaf, low, middle, ROOT_A) });
    expect(serials(svid)).toEqual(['4', '3', '2']);
    expect(svid.warnings).toEqual(['a self-signed root was left out of the chain']);
    const renewed = issueCa({ key: KEYS.rootA2, subject: 'root A', issuer: ROOT_A, serial: 5 });
    const below = leafA({ issuer: renewed, serial: 4 });
    expect(serials(X509Svid.fromPem({ ...PEM, certificates: certificatesPem(below, renewed) }))).toEqual([
      '4',
      '5',
    ]);
  });

  test('what did not issue the leaf is left out, a repeated certificate is kept once', () => {
    const stranger = issueCa({ key: KEYS.intB, subject: 'stranger', issuer: ROOT_B });
    const svid = X509Svid.fromPem({
      ...PEM,
      certificates: certificatesPem(leaf, low, low, leaf, middle, stranger),
    });
    expect(serials(svid)).toEqual(['4', '3', '2']);
    expect(svid.warnings).toEqual(['1 certificates that did not issue the leaf were left out']);
  });

  test('it expires with its first link: an intermediate that ends before the leaf counts', () => {
    const short = intermediateA({ notAfter: NOW + HOUR });
    const svid = X509Svid.fromPem({ ...PEM, certificates: certificatesPem(leafA({ issuer: short }), short) });
    expect([svid.notAfter, svid.expiresAt]).toEqual([NOW + 24 * HOUR, NOW + HOUR]);
  });

  test('of two certificates of one issuer the one that lives longer counts', () => {
    const short = intermediateA({ notAfter: NOW + HOUR });
    const crossSigned = intermediateA({ issuer: ROOT_B });
    const svid = X509Svid.fromPem({ ...PEM, certificates: certificatesPem(leafA(), short, crossSigned) });
    expect(svid.certificates).toHaveLength(3);
    expect(svid.expiresAt).toBe(NOW + 24 * HOUR);
  });

  test('X-13 X-19 what is against the letter of the standard is a warning and no failure', () => {
    const relaxed = leafA({
      extensions: {
        keyUsage: extension('2.5.29.15', bits(Buffer.from([0x80]), 7)),
        extendedKeyUsage: extendedKeyUsage('1.3.6.1.5.5.7.3.2'),
      },
    });
    expect(X509Svid.fromPem({ ...PEM, certificates: certificatesPem(relaxed, INT_A) }).warnings).toEqual([
      'the key usage of the leaf is not critical',
      'the extended key usage of the leaf lacks clientAuth or serverAuth',
    ]);
  });
});

describe('what is shown of an SVID', () => {
  // Bytes that would be found again in any encoding of the key.
  const marked = ecKey('a key that must not be seen');
  const secret = pkcs8(marked);
  const scalar = Buffer.from(marked.privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  const marks = [
    ...[secret, scalar].flatMap((bytes) => [
      bytes.toString('hex'),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ]),
    secret.toString('base64').slice(20, 50),
    scalar.toString('hex').slice(8, 40),
    [...scalar.subarray(4, 12)].join(', '),
  ];
  const expectNoKey = (text: string): void => {
    for (const mark of marks) expect(text).not.toContain(mark);
  };
  const leaf = issueSvid('spiffe://a.test/web', { key: marked, issuer: INT_A });
  const svid = X509Svid.fromPem({ certificates: certificatesPem(leaf, INT_A), privateKey: keyPem(marked) });
  const shown = ['fingerprint', 'id', 'notAfter', 'notBefore', 'serialNumber'];

  test('JSON has ID, serial number, validity and fingerprint, and nothing else', () => {
    expect(Object.keys(JSON.parse(JSON.stringify(svid)) as object).toSorted()).toEqual(shown);
  });

  test('inspect shows the same, however deep it looks', () => {
    const text = inspect({ nested: [svid] }, { depth: 20, showHidden: true, breakLength: Infinity });
    expectNoKey(text);
    expect(text).toContain('spiffe://a.test/web');
    expectNoKey(inspect(Object.fromEntries(Object.entries(svid)), { depth: 20, showHidden: true }));
  });

  test('no error on the way shows any of the key', () => {
    const broken = [
      pem('PRIVATE KEY', secret.subarray(0, -3)),
      pem('PRIVATE KEY', Buffer.concat([secret.subarray(2), secret])),
      pem('CERTIFICATE', secret),
      pem('PUBLIC KEY', secret),
      pem('PRIVATE KEY', secret).replace('-----END', '----END'),
      pem('PRIVATE KEY', secret).replace('M', '*'),
      pem('PRIVATE KEY', secret).slice(0, 100),
      keyPem(marked) + keyPem(marked),
      encryptedKeyPem(marked),
      legacyEncryptedKeyPem(),
    ];
    for (const privateKey of broken) {
      for (const certificates of [certificatesPem(leaf, INT_A), privateKey, certificatesPem(leafA())]) {
        const error = failureOf(() => X509Svid.fromPem({ certificates, privateKey, file: '/mount/tls.crt' }));
        expectNoKey(
          inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error) + String(error.stack),
        );
      }
    }
    const byDer = failureOf(() =>
      X509Svid.fromDer({ certificates: [leaf.der], privateKey: secret.subarray(1) }),
    );
    expectNoKey(inspect(byDer, { depth: 20, showHidden: true }));
  });

  test('the key itself is there for TLS, but not among the properties that are listed', () => {
    expect(Object.keys(svid)).not.toContain('privateKey');
    expect(svid.privateKey.type).toBe('private');
    expect(Object.isFrozen(svid) && Object.isFrozen(svid.certificates)).toBe(true);
  });
});

test('errors name the file they are about: that of the key for the key, that of the certificates for the rest', () => {
  const files = { file: '/mount/tls.crt', keyFile: '/mount/tls.key' };
  expect(failureOf(() => X509Svid.fromPem({ ...PEM, ...files, privateKey: 'x' })).file).toBe(
    '/mount/tls.key',
  );
  expect(failureOf(() => X509Svid.fromPem({ ...PEM, ...files, certificates: 'x' })).file).toBe(
    '/mount/tls.crt',
  );
  const rooted = certificatesPem(rootA());
  expect(failureOf(() => X509Svid.fromPem({ ...PEM, ...files, certificates: rooted }))).toMatchObject({
    code: 'ERR_SVID_KEY_MISMATCH',
    file: '/mount/tls.crt',
  });
});

function mlDsaKey(): ReturnType<typeof testKey> | undefined {
  try {
    const { privateKey } = generateKeyPairSync('ml-dsa-65' as 'ed25519');
    return testKey(privateKey, sequence(oid('2.16.840.1.101.3.4.3.18')), null);
  } catch {
    return undefined;
  }
}
