import { Buffer } from 'node:buffer';
import { createPublicKey, X509Certificate } from 'node:crypto';

import { SpiffeId, TrustDomain } from '@svidkit/core';
import { expect, test } from 'vitest';

import {
  type CaOptions,
  createTestCa,
  type KeyType,
  manualClock,
  testBundle,
  testBundleOf,
  testBundleSet,
  type TestSvid,
} from '../src/index.ts';
import { extension, generalNames, keyUsages, readCertificate } from './read-certificate.ts';

const KEY_TYPES: readonly KeyType[] = ['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519'];

function leafOf(svid: TestSvid): X509Certificate {
  return new X509Certificate(svid.chainDer[0] ?? new Uint8Array());
}

function publicKeyOf(der: Uint8Array): X509Certificate['publicKey'] {
  return new X509Certificate(der).publicKey;
}

test.for(KEY_TYPES)('leaves have keys of type %s, and certificate and key fit', async (keyType) => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const svid = await ca.issue({ keyType });
  const leaf = leafOf(svid);
  expect(leaf.checkPrivateKey(svid.key)).toBe(true);
  expect(leaf.verify(publicKeyOf(ca.der))).toBe(true);
  expect(svid.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  const details = svid.key.asymmetricKeyDetails;
  expect(`${svid.key.asymmetricKeyType} ${details?.namedCurve ?? details?.modulusLength ?? ''}`.trim()).toBe(
    {
      p256: 'ec prime256v1',
      p384: 'ec secp384r1',
      p521: 'ec secp521r1',
      rsa2048: 'rsa 2048',
      rsa3072: 'rsa 3072',
      rsa4096: 'rsa 4096',
      ed25519: 'ed25519',
    }[keyType],
  );
});

test.for(['p256', 'p384', 'p521', 'rsa2048', 'ed25519'] as const)(
  'a CA with a key of type %s signs',
  async (keyType) => {
    const ca = await createTestCa({ trustDomain: 'a.test', keyType });
    const intermediate = await ca.intermediate();
    const svid = await intermediate.issue();
    expect(leafOf(svid).verify(publicKeyOf(intermediate.der))).toBe(true);
    expect(new X509Certificate(intermediate.der).verify(publicKeyOf(ca.der))).toBe(true);
    expect(svid.key.asymmetricKeyType).toBe(ca.key.asymmetricKeyType);
  },
);

test('key usage names what a key can do (X-16)', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const usages = async (keyType: KeyType): Promise<string[]> => {
    const [der = new Uint8Array()] = (await ca.issue({ keyType })).chainDer;
    return keyUsages(extension(readCertificate(der), 15)?.value ?? Buffer.alloc(4));
  };
  expect(await usages('p384')).toEqual(['digitalSignature', 'keyAgreement']);
  expect(await usages('rsa2048')).toEqual(['digitalSignature', 'keyEncipherment']);
  expect(await usages('ed25519')).toEqual(['digitalSignature']);
});

test('keys are fresh, but RSA leaves take turns with three keys unless asked otherwise', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const keys = async (options: Parameters<typeof ca.issue>[0], count: number): Promise<string[]> => {
    const found: string[] = [];
    for (let i = 0; i < count; i++) found.push((await ca.issue(options)).keyPem);
    return found;
  };
  expect(new Set(await keys({}, 4)).size).toBe(4);
  const pooled = await keys({ keyType: 'rsa2048' }, 4);
  expect(new Set(pooled).size).toBe(3);
  expect(pooled[0]).toBe(pooled[3]);
  expect(pooled).not.toContain((await ca.issue({ keyType: 'rsa2048', freshKey: true })).keyPem);
  expect(new Set(await keys({ freshKey: false }, 4)).size).toBe(3);
});

test('an SVID can be renewed with the key of the one before', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const one = await ca.issue();
  const two = await ca.issue({ key: one.keyPair });
  expect(two.keyPem).toBe(one.keyPem);
  expect(two.certPem).not.toBe(one.certPem);
  expect(leafOf(two).checkPrivateKey(one.key)).toBe(true);
  expect(leafOf(two).serialNumber).not.toBe(leafOf(one).serialNumber);
});

test('the SPIFFE ID is given whole or as a path, and never both', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  expect((await ca.issue()).id).toBe('spiffe://a.test/workload');
  expect((await ca.issue({ path: '/x/y' })).id).toBe('spiffe://a.test/x/y');
  const foreign = await ca.issue({ id: 'spiffe://b.test/x' });
  expect(leafOf(foreign).subjectAltName).toBe('URI:spiffe://b.test/x');
  expect(foreign.trustDomain).toBe('a.test');
  await expect(ca.issue({ id: 'spiffe://a.test/x', path: '/x' })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
});

test('validity is in whole seconds and never shorter than asked', async () => {
  const clock = manualClock(Date.UTC(2026, 0, 1) + 250);
  const ca = await createTestCa({ trustDomain: 'a.test', clock });
  const short = await ca.issue({ lifetimeMs: 1_000 });
  expect([short.notBefore, short.notAfter]).toEqual([Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1) + 2_000]);
  clock.advance(60_000);
  expect((await ca.issue()).notBefore).toBe(Date.UTC(2026, 0, 1) + 60_000);
  const notBefore = new Date(Date.UTC(2030, 0, 1));
  const notAfter = new Date(Date.UTC(2060, 0, 1));
  const long = leafOf(await ca.issue({ notBefore, notAfter }));
  expect([Date.parse(long.validFrom), Date.parse(long.validTo)]).toEqual([
    notBefore.getTime(),
    notAfter.getTime(),
  ]);
  expect((await ca.issue({ notBefore, lifetimeMs: 5_000 })).notAfter).toBe(notBefore.getTime() + 5_000);
  for (const lifetimeMs of [0, -1, Number.NaN]) {
    await expect(ca.issue({ lifetimeMs })).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
  }
  await expect(ca.issue({ notAfter: new Date('never') })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
});

test('subject, further names and usages are as asked (X-03, X-06, X-18)', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const svid = await ca.issue({
    subject: 'CN=web, O=Example',
    extraNames: [
      { type: 'dns', value: 'web.a.test' },
      { type: 'ip', value: '127.0.0.1' },
      { type: 'email', value: 'web@a.test' },
    ],
    keyUsage: ['digitalSignature', 'keyAgreement', 'keyEncipherment'],
    extendedKeyUsage: [],
  });
  const read = readCertificate(svid.chainDer[0] ?? new Uint8Array());
  const names = extension(read, 17);
  expect(names?.critical).toBe('');
  expect(generalNames(names?.value ?? Buffer.alloc(2))).toEqual([
    '86 spiffe://a.test/workload',
    '82 web.a.test',
    `87 ${Buffer.from([127, 0, 0, 1]).toString('latin1')}`,
    '81 web@a.test',
  ]);
  expect(leafOf(svid).subject).toBe('CN=web\nO=Example');
  expect(keyUsages(extension(read, 15)?.value ?? Buffer.alloc(4))).toEqual([
    'digitalSignature',
    'keyEncipherment',
    'keyAgreement',
  ]);
  expect(extension(read, 37)).toBeUndefined();
});

test('an SVID of an intermediate carries the chain without the root', async () => {
  const root = await createTestCa({ trustDomain: 'a.test' });
  const upper = await root.intermediate();
  const lower = await upper.intermediate();
  const svid = await lower.issue();
  expect(svid.chainDer.slice(1)).toEqual([lower.der, upper.der]);
  expect(svid.certPem.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(3);
  expect(lower.bundlePem).toBe(root.pem);
  expect(lower.authorities).toEqual([root.der]);
  expect(leafOf(svid).checkIssued(new X509Certificate(lower.der))).toBe(true);
  expect([lower.notBefore, lower.notAfter]).toEqual([root.notBefore, root.notAfter]);
});

async function subjectOf(options: CaOptions = {}): Promise<string> {
  const ca = await createTestCa({ trustDomain: 'a.test', ...options });
  return readCertificate(ca.der).subject;
}

test('CAs of one trust domain differ in subject unless they are given one name', async () => {
  expect(await subjectOf()).not.toBe(await subjectOf());
  expect(await subjectOf({ name: 'Root, "CA" = 1' })).toBe(await subjectOf({ name: 'Root, "CA" = 1' }));
  const odd = await createTestCa({ trustDomain: 'a.test', name: 'Root, "CA" = 1' });
  expect(readCertificate(odd.der).subject).toContain(Buffer.from('Root, "CA" = 1').toString('hex'));
});

test('a cross-signed CA issues with the key of the one and a chain to the other', async () => {
  const [a, b] = [
    await createTestCa({ trustDomain: 'a.test' }),
    await createTestCa({ trustDomain: 'b.test' }),
  ];
  const crossed = await b.crossSign(a);
  expect(crossed.trustDomain).toBe('a.test');
  expect(readCertificate(crossed.der).subject).toBe(readCertificate(a.der).subject);
  expect(readCertificate(crossed.der).issuer).toBe(readCertificate(b.der).subject);
  expect(new X509Certificate(crossed.der).verify(publicKeyOf(b.der))).toBe(true);
  expect(crossed.authorities).toEqual([b.der]);

  const svid = await crossed.issue();
  expect(svid.id).toBe('spiffe://a.test/workload');
  expect(svid.chainDer.slice(1)).toEqual([crossed.der]);
  expect(leafOf(svid).verify(publicKeyOf(a.der))).toBe(true); // so the chain to a works as well
  const expiredCopy = await b.crossSign(a, { defects: ['expired'] });
  expect(expiredCopy.notAfter).toBeLessThan(Date.now());
});

test('a reissued CA has the same subject and key, and other contents', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test', lifetimeMs: 60_000 });
  const again = await ca.reissue({ lifetimeMs: 120_000 });
  expect(again.notAfter - ca.notAfter).toBeGreaterThanOrEqual(59_000);
  expect(readCertificate(again.der).subject).toBe(readCertificate(ca.der).subject);
  expect(createPublicKey(again.key).equals(createPublicKey(ca.key))).toBe(true);
  const leaf = leafOf(await ca.issue());
  expect(leaf.checkIssued(new X509Certificate(again.der)) && leaf.verify(publicKeyOf(again.der))).toBe(true);
  expect(again.der).not.toEqual(ca.der);
});

test('a reissued intermediate is of the same issuer, and a leaf goes under it with only the chain changed', async () => {
  const root = await createTestCa({ trustDomain: 'a.test' });
  const ca = await root.intermediate();
  const again = await ca.reissue({ pathLength: 0 });
  expect(new X509Certificate(again.der).verify(publicKeyOf(root.der))).toBe(true);
  expect(again.authorities).toEqual([root.der]);
  const svid = await ca.issue();
  const moved = again.rechain(svid);
  expect(moved.chainDer).toEqual([svid.chainDer[0], again.der]);
  expect([moved.keyPem, moved.id]).toEqual([svid.keyPem, svid.id]);
  expect(moved.certPem).not.toBe(svid.certPem);
  expect(leafOf(moved).verify(publicKeyOf(again.der))).toBe(true);
});

test('a stolen SVID signs with its key, under its certificate', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const victim = await ca.issue({ subject: 'CN=victim', defects: ['leaf-no-key-usage'] });
  const svid = await ca.stolen(victim).issue({ path: '/admin' });
  expect(svid.chainDer.slice(1)).toEqual(victim.chainDer);
  expect(leafOf(svid).verify(leafOf(victim).publicKey)).toBe(true);
  expect(leafOf(svid).checkIssued(leafOf(victim))).toBe(true);
});

test('a self-signed SVID is of nobody, and may stand in a bundle all the same', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const svid = await ca.issue({ selfSigned: true });
  expect(svid.chainDer).toHaveLength(1);
  expect(leafOf(svid).verify(leafOf(svid).publicKey)).toBe(true);
  expect(leafOf(svid).verify(publicKeyOf(ca.der))).toBe(false);
  expect(testBundleOf('a.test', svid.chainDer).bundlePem).toBe(svid.certPem);
});

test('a CA is replaced by another with a bundle of both in between', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test', keyType: 'p384' });
  const { next, both } = await ca.rotate();
  expect(next.key.asymmetricKeyDetails?.namedCurve).toBe('secp384r1');
  expect(createPublicKey(next.key).equals(createPublicKey(ca.key))).toBe(false);
  expect(both.bundlePem).toBe(ca.bundlePem + next.bundlePem);
  expect(both.bundle().authorities).toHaveLength(2);
  expect(leafOf(await next.issue()).verify(publicKeyOf(ca.der))).toBe(false);
});

test('bundles of one trust domain join, each authority once; those of several never do (X-25)', async () => {
  const a = await createTestCa({ trustDomain: 'a.test' });
  const b = await createTestCa({ trustDomain: 'b.test' });
  const { next } = await a.rotate();
  expect(testBundle(a, next, a).authorities).toEqual([a.der, next.der]);
  expect(() => testBundle(a, b)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
  expect(() => testBundle()).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
  const set = testBundleSet(a, b, next);
  expect(set.size).toBe(2);
  expect(set.get(TrustDomain.parse('a.test'))?.authorities).toHaveLength(2);
  expect(set.get(TrustDomain.parse('b.test'))?.authorities).toHaveLength(1);
});

test('an SVID and a bundle go into the types that services use', async () => {
  const root = await createTestCa({ trustDomain: 'a.test' });
  const ca = await root.intermediate();
  const svid = (await ca.issue({ path: '/web' })).svid();
  expect(svid.id.equals(SpiffeId.parse('spiffe://a.test/web'))).toBe(true);
  expect(svid.certificates).toHaveLength(2);
  const bundle = ca.bundle();
  expect(bundle.trustDomain).toBe(TrustDomain.parse('a.test'));
  expect(bundle.authorities.map(({ der }) => Buffer.from(der))).toEqual([Buffer.from(root.der)]);
});

test('a spoilt SVID does not become one', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const spoilt = await ca.issue({ defects: ['leaf-is-ca'] });
  expect(() => spoilt.svid()).toThrow(expect.objectContaining({ code: 'ERR_SVID_LEAF_PROFILE' }));
});

test('a source gives the SVID and the bundles, and takes others', async () => {
  const a = await createTestCa({ trustDomain: 'a.test' });
  const b = await createTestCa({ trustDomain: 'b.test' });
  const source = await a.source({ path: '/web', bundles: [a, b] });
  try {
    const { svid, bundles, generation } = source.current;
    expect([svid.id.toString(), bundles.size, generation]).toEqual(['spiffe://a.test/web', 2, 1]);

    const { next, both } = await a.rotate();
    const rotated = await next.context({ path: '/web', bundles: [both, b] });
    source.update(rotated.svid, rotated.bundles);
    expect(source.current.generation).toBe(2);
    expect(source.current.svid.fingerprint).not.toBe(svid.fingerprint);
    expect(source.current.bundles.require(TrustDomain.parse('a.test')).authorities).toHaveLength(2);
  } finally {
    await source.close();
  }
});

test('a trust domain name that is none is refused', async () => {
  await expect(createTestCa({ trustDomain: 'A.test' })).rejects.toMatchObject({ code: 'ERR_ID_INVALID' });
});

test('a given key and the defect weak-key contradict each other', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const { keyPair } = await ca.issue();
  await expect(ca.issue({ key: keyPair, defects: ['weak-key'] })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
});

test('a legacy certificate has the names it was asked for and no SPIFFE ID', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test', id: '' });
  const both = await ca.issueLegacy({ commonName: 'web, "A"', dnsNames: ['web.a.test'] });
  const x509 = new X509Certificate(both.certPem);
  expect(x509.subject).toBe('CN=web\\, \\"A\\"');
  expect(x509.subjectAltName).toBe('DNS:web.a.test');
  expect(x509.checkPrivateKey(both.key)).toBe(true);
  expect(x509.verify(publicKeyOf(ca.der))).toBe(true);
  expect('svid' in both).toBe(false);

  const nameOnly = new X509Certificate((await ca.issueLegacy({ commonName: 'web' })).certPem);
  expect(nameOnly.subjectAltName).toBeUndefined();
  const [der = new Uint8Array()] = (await ca.issueLegacy({ dnsNames: ['web.a.test'] })).chainDer;
  expect(extension(readCertificate(der), 17)?.critical).toBe('ff');
  const ended = await ca.issueLegacy({ commonName: 'web', defects: ['expired'] });
  expect(Date.parse(new X509Certificate(ended.certPem).validTo)).toBeLessThan(Date.now());
  await expect(ca.issueLegacy({})).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
});

test('a CA without a SPIFFE ID has no URI name', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test', id: '' });
  expect(new X509Certificate(ca.der).subjectAltName).toBeUndefined();
});
