import { createPrivateKey, X509Certificate } from 'node:crypto';

import { beforeAll, expect, test } from 'vitest';

import { createTestCa, mountFiles, type TestCa, type TestSvid } from '../src/index.ts';

let a: TestCa;
let b: TestCa;
let svid: TestSvid;
beforeAll(async () => {
  a = await createTestCa({ trustDomain: 'a.test' });
  b = await createTestCa({ trustDomain: 'b.test' });
  svid = await (await a.intermediate()).issue();
});

test.for([
  ['csiDriverSpiffe', ['tls.crt', 'tls.key', 'ca.crt']],
  ['secret', ['tls.crt', 'tls.key', 'ca.crt']],
  ['spiffeHelper', ['svid.pem', 'svid_key.pem', 'svid_bundle.pem']],
  ['istio', ['cert-chain.pem', 'key.pem', 'root-cert.pem']],
  ['gce', ['certificates.pem', 'private_key.pem', 'ca_certificates.pem']],
] as const)('%s has certificate, key and own bundle in files of its own', ([layout, names]) => {
  const files = mountFiles[layout](svid, [b, a]);
  expect(Object.keys(files)).toEqual(names);
  expect(Object.values(files)).toEqual([svid.certPem, svid.keyPem, a.bundlePem]);
});

test('credentialBundle has the key first, then the chain, and the bundle beside it', () => {
  const files = mountFiles.credentialBundle(svid, a);
  expect(files).toEqual({ 'credential-bundle.pem': svid.keyPem + svid.certPem, 'ca.crt': a.bundlePem });
});

test('spiffeHelperFederated has the authorities of all trust domains in one file', () => {
  expect(mountFiles.spiffeHelperFederated(svid, [a, b])['svid_bundle.pem']).toBe(a.bundlePem + b.bundlePem);
});

test('filesystemDraft has one bundle file for each trust domain', async () => {
  const { next } = await a.rotate();
  const files = mountFiles.filesystemDraft(svid, [a, b, next]);
  expect(files).toEqual({
    'credential-bundle.private-key.pem': svid.keyPem + svid.certPem,
    'a.test.spiffe-trust-bundle.pem': a.bundlePem + next.bundlePem,
    'b.test.spiffe-trust-bundle.pem': b.bundlePem,
  });
});

test('without a bundle of the own trust domain the bundle file is empty', () => {
  expect(mountFiles.secret(svid, b)['ca.crt']).toBe('');
  expect(mountFiles.secret(svid, [])['ca.crt']).toBe('');
});

test('keys come in the older encodings, too, and still fit', async () => {
  const ec = mountFiles.secret(svid, a, { keyEncoding: 'traditional' })['tls.key'] ?? '';
  expect(ec).toMatch(/^-----BEGIN EC PRIVATE KEY-----/);
  expect(new X509Certificate(svid.certPem).checkPrivateKey(createPrivateKey(ec))).toBe(true);
  const rsa = await a.issue({ keyType: 'rsa2048' });
  expect(mountFiles.secret(rsa, a, { keyEncoding: 'traditional' })['tls.key']).toMatch(
    /^-----BEGIN RSA PRIVATE KEY-----/,
  );
  const ed = await a.issue({ keyType: 'ed25519' });
  expect(() => mountFiles.secret(ed, a, { keyEncoding: 'traditional' })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
  );
});
