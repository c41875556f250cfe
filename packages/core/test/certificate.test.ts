import { hash, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Certificate } from '../src/certificate.ts';
import { readCertificate } from '../src/der/certificate-fields.ts';
import { acceptedSignature } from '../src/der/signature-algorithm.ts';
import { SpiffeError } from '../src/errors.ts';
import { parsePem } from '../src/pem.ts';
import { verifyX509Svid } from '../src/verify-x509-svid.ts';
import { X509Svid } from '../src/x509-svid.ts';
import { bundles } from './bundles.ts';
import { BUNDLE_A, CHAIN_A, INT_A, KEYS, leafA, ROOT_A } from './corpus/world.ts';
import { dns, issueCa, issueSvid, nameConstraints, NOW, subjectAltName, uri } from './pki/certificates.ts';
import { ecKey, ed25519Key, rsaKey } from './pki/keys.ts';
import { certificatesPem, keyPem, pkcs8 } from './pki/pem.ts';

describe('what a certificate tells', () => {
  test.for([
    ['an Ed25519 leaf', leafA()],
    ['an EC CA', issueCa({ key: ecKey('ca'), subject: 'ca', serial: 0x80_00_00 })],
    ['an RSA leaf', issueSvid('spiffe://a.test/x', { key: rsaKey(2048), issuer: INT_A })],
  ] as const)('is what Node.js says of %s', ([, { der }]) => {
    const ours = Certificate.parse(der);
    const theirs = new X509Certificate(der);
    expect(ours.serialNumber).toBe(theirs.serialNumber.toLowerCase().replace(/^0+/, ''));
    expect(ours.notBefore).toBe(Date.parse(theirs.validFrom));
    expect(ours.notAfter).toBe(Date.parse(theirs.validTo));
    expect(ours.isCa).toBe(theirs.ca);
    expect(ours.fingerprint256).toBe(theirs.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(ours.publicKey.equals(theirs.publicKey)).toBe(true);
    const spki = theirs.publicKey.export({ type: 'spki', format: 'der' });
    expect(ours.publicKeyFingerprint256).toBe(hash('sha256', spki, 'hex'));
    expect(ours.x509.raw.equals(der)).toBe(true);
    expect(new X509Certificate(ours.toPem()).raw.equals(der)).toBe(true);
  });

  test('X-24 URI names are read from the encoding, with whatever is in other names', () => {
    const names = subjectAltName([
      dns('x, URI:spiffe://a.test/admin'),
      uri('spiffe://a.test/web'),
      uri('x:y'),
    ]);
    expect(Certificate.parse(leafA({ extensions: { subjectAltName: names } }).der).uriSans).toEqual([
      'spiffe://a.test/web',
      'x:y',
    ]);
  });

  test('types of keys have names for people', () => {
    const types = [
      ecKey('k'),
      ecKey('k', 'p384'),
      ecKey('k', 'p521'),
      ecKey('k', 'k256'),
      ed25519Key('k'),
      rsaKey(2048),
    ].map((key) => Certificate.parse(leafA({ key }).der).keyType);
    expect(types).toEqual([
      'EC P-256',
      'EC P-384',
      'EC P-521',
      'unsupported EC curve 1.3.132.0.10',
      'Ed25519',
      'RSA 2048',
    ]);
  });

  test('it is a copy: the input may change, and it is frozen', () => {
    const input = Buffer.from(leafA().der);
    const certificate = Certificate.parse(input);
    input.fill(0);
    expect(Buffer.from(certificate.der).equals(leafA().der)).toBe(true);
    expect(Object.isFrozen(certificate) && Object.isFrozen(certificate.uriSans)).toBe(true);
    expect(certificate.der.buffer.byteLength).toBe(certificate.der.byteLength);
  });

  test('JSON and inspect show what tells it apart, not what it is made of', () => {
    const certificate = Certificate.parse(leafA().der);
    const shown = ['fingerprint256', 'isCa', 'keyType', 'notAfter', 'notBefore', 'serialNumber', 'uriSans'];
    expect(Object.keys(certificate.toJSON()).toSorted()).toEqual(shown);
    expect(inspect(certificate)).toContain(certificate.fingerprint256);
    expect(inspect(certificate)).not.toContain('Buffer');
  });
});

describe('whatever comes in, nothing but a SpiffeError comes out', () => {
  const constrained = issueCa({
    key: ecKey('c'),
    subject: 'constrained',
    extensions: {
      x: nameConstraints({ permitted: [uri('a.test'), dns('a.test')], excluded: [dns('b.test')] }),
    },
  });
  const rsa = issueSvid('spiffe://a.test/x', { key: rsaKey(2048), issuer: INT_A });
  const seeds = [leafA(), INT_A, ROOT_A, constrained, rsa].map(({ der }) => der);
  const chain = CHAIN_A.map(({ der }) => der);

  const mutation = fc.record({
    seed: fc.constantFrom(...seeds),
    at: fc.nat(),
    octets: fc.uint8Array({ maxLength: 4 }),
    removed: fc.nat({ max: 4 }),
  });
  type Mutation = { seed: Buffer; at: number; octets: Uint8Array; removed: number };
  const mutate = ({ seed, at, octets, removed }: Mutation): Buffer => {
    const start = at % seed.length;
    return Buffer.concat([seed.subarray(0, start), octets, seed.subarray(start + removed)]);
  };

  test('bytes at random are no certificate', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(expectSpiffe(() => Certificate.parse(bytes))).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('a certificate with other bytes in it is read or refused, and what is read is what Node.js reads', () => {
    fc.assert(
      fc.property(mutation, (change) => {
        const der = mutate(change);
        const parsed = expectSpiffe(() => Certificate.parse(der));
        if (parsed === undefined) return;
        expect(Buffer.from(parsed.der).equals(der)).toBe(true);
        const theirs = readByNode(der);
        // What OpenSSL cannot read no rule of ours may let through either.
        expect(theirs !== undefined || !isUsable(der)).toBe(true);
        if (theirs === undefined) return;
        const { notBefore, notAfter, isCa } = parsed;
        expect({ notBefore, notAfter }).toEqual({
          notBefore: Date.parse(theirs.validFrom),
          notAfter: Date.parse(theirs.validTo),
        });
        // Node.js also looks at key usage for this, so it may only say less.
        expect(isCa || !theirs.ca).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('each single byte of a chain, changed in any way, is refused as a leaf or leaves the verdict alone', () => {
    const set = bundles(BUNDLE_A);
    for (let index = 0; index < leafA().der.length; index++) {
      const der = Buffer.from(leafA().der);
      der[index] = (der[index] ?? 0) ^ (1 << (index % 8));
      const verify = (): unknown => verifyX509Svid([der, INT_A.der], set, { at: NOW, role: 'client' });
      expect(expectSpiffe(verify)).toBeUndefined();
    }
  });

  test('a chain with certificates that were changed is verified or refused', () => {
    const set = bundles(BUNDLE_A);
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 4 }), fc.nat({ max: 4 }), (changes, position) => {
        const shown = changes.map(mutate);
        shown.splice(position, 0, ...chain);
        expectSpiffe(() => verifyX509Svid(shown, set, { at: NOW, role: 'client' }));
      }),
      { numRuns: 1000 },
    );
  });

  test('text at random is no PEM, or has blocks', () => {
    const line = fc.constantFrom(
      '-----BEGIN A-----',
      '-----END A-----',
      '-----BEGIN CERTIFICATE-----',
      'AAAA',
      'A',
      '',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(line).map((lines) => lines.join('\n')),
        ),
        (text) => {
          for (const block of expectSpiffe(() => parsePem(text)) ?? [])
            expect(block.der.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('credentials that were changed anywhere are read or refused', () => {
    const certificates = certificatesPem(...CHAIN_A);
    const privateKey = keyPem(KEYS.leaf);
    fc.assert(
      fc.property(fc.nat(), fc.string({ maxLength: 3 }), fc.boolean(), (at, text, isKey) => {
        const source = isKey ? privateKey : certificates;
        const start = at % source.length;
        const changed = source.slice(0, start) + text + source.slice(start + text.length);
        expectSpiffe(() =>
          X509Svid.fromPem({ certificates, privateKey, [isKey ? 'privateKey' : 'certificates']: changed }),
        );
      }),
      { numRuns: 1500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expectSpiffe(() => X509Svid.fromDer({ certificates: bytes, privateKey: pkcs8(KEYS.leaf) }));
        expectSpiffe(() => X509Svid.fromDer({ certificates: Buffer.concat(chain), privateKey: bytes }));
      }),
      { numRuns: 500 },
    );
  });
});

function readByNode(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** Whether key and signature are of kinds that are accepted. */
function isUsable(der: Buffer): boolean {
  const { publicKey, signatureAlgorithm } = readCertificate(der);
  return publicKey.weakness === undefined && acceptedSignature(signatureAlgorithm) !== undefined;
}

/** The result, or undefined when a SpiffeError was thrown; anything else goes on. */
function expectSpiffe<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof SpiffeError) return undefined;
    throw error;
  }
}
