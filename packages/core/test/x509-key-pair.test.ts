import { inspect } from 'node:util';

import { describe, expect, test } from 'vitest';

import { X509KeyPair } from '../src/x509-key-pair.ts';
import { intermediateA, KEYS, ROOT_A } from './corpus/world.ts';
import { outcomeOf } from './failure-of.ts';
import { dns, issueSvid, NOW, subjectAltName } from './pki/certificates.ts';
import { ed25519Key } from './pki/keys.ts';
import { certificatesPem, encryptedKeyPem, keyPem } from './pki/pem.ts';

const HOUR = 3_600_000;
const INT = intermediateA({ notAfter: NOW + 2 * HOUR });
const LEAF = issueSvid('unused:', {
  key: KEYS.leaf,
  subject: 'web',
  issuer: INT,
  notAfter: NOW + 5 * HOUR,
  extensions: { subjectAltName: subjectAltName([dns('web.a.test')]) },
});
const PEM = { certificates: certificatesPem(LEAF, INT), privateKey: keyPem(KEYS.leaf) };

describe('a key pair', () => {
  test('has chain, leaf and key; it ends with the first of its chain', () => {
    const pair = X509KeyPair.fromPem(PEM);
    expect(pair.certificates.map(({ der }) => Buffer.from(der))).toEqual([LEAF.der, INT.der]);
    expect(pair.leaf).toBe(pair.certificates[0]);
    expect(pair.leaf.dnsNames).toEqual(['web.a.test']);
    expect(pair.privateKey.equals(KEYS.leaf.privateKey)).toBe(true);
    expect([pair.notBefore, pair.expiresAt]).toEqual([NOW - 24 * HOUR, NOW + 2 * HOUR]);
    expect(Object.isFrozen(pair) && Object.isFrozen(pair.certificates)).toBe(true);
    expect('id' in pair).toBe(false);
  });

  test('is put in order, without the root, from one text or two, as bytes or text', () => {
    const certificates = certificatesPem(ROOT_A, INT, LEAF);
    const both = Buffer.from(`${PEM.privateKey}${certificates}`);
    for (const input of [
      { ...PEM, certificates },
      { certificates: both, privateKey: both },
    ]) {
      expect(X509KeyPair.fromPem(input).toJSON()).toEqual(X509KeyPair.fromPem(PEM).toJSON());
      expect(X509KeyPair.fromPem(input).certificates).toHaveLength(2);
    }
  });

  test.for<[string, Partial<typeof PEM>, string]>([
    ['the key of another', { privateKey: keyPem(ed25519Key('other')) }, 'ERR_SVID_KEY_MISMATCH'],
    ['an encrypted key', { privateKey: encryptedKeyPem(KEYS.leaf) }, 'ERR_SVID_KEY_ENCRYPTED'],
    ['no key', { privateKey: PEM.certificates }, 'ERR_SVID_KEY_INVALID'],
    ['no certificate', { certificates: PEM.privateKey }, 'ERR_SVID_CERTIFICATE_INVALID'],
    ['a broken text', { certificates: PEM.certificates.slice(0, 200) }, 'ERR_PEM_INVALID'],
    [
      'a leaf that signed another',
      {
        certificates: certificatesPem(
          issueSvid('unused:', { key: ed25519Key('below'), subject: 'below', issuer: LEAF }),
          LEAF,
        ),
        privateKey: keyPem(ed25519Key('below')),
      },
      'ERR_SVID_CERTIFICATE_INVALID',
    ],
  ])('%s is refused, with the whole pair it is taken', ([, change, code]) => {
    expect(outcomeOf(() => X509KeyPair.fromPem({ ...PEM, ...change }))).toBe(code);
    expect(outcomeOf(() => X509KeyPair.fromPem(PEM))).toBe('accepted');
  });

  test('shows its key nowhere', () => {
    const pair = X509KeyPair.fromPem(PEM);
    const secret = PEM.privateKey.split('\n')[1] ?? '';
    const shown = [
      inspect(pair, { depth: Infinity, showHidden: true }),
      inspect({ pair }, { depth: Infinity }),
      JSON.stringify(pair),
      String(Object.keys(pair)),
    ].join('\n');
    expect(shown).not.toContain(secret);
    expect(shown).not.toMatch(/KeyObject|PRIVATE/);
    expect(shown).toContain('serialNumber');
  });
});
