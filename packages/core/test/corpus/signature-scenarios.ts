import { sign } from 'node:crypto';

import { issueCa } from '../pki/certificates.ts';
import { bits, element, sequence } from '../pki/der.ts';
import {
  claiming,
  ecKey,
  ECDSA_SHA256,
  ED25519,
  ed25519Key,
  pssAlgorithm,
  pssKey,
  type PssOptions,
  publicOnly,
  RSA_SHA256,
  rsaAlgorithm,
  rsaKey,
  signingWith,
  type TestKey,
} from '../pki/keys.ts';
import { check, type Core, type Scenario } from './scenario.ts';
import { leafA } from './world.ts';

const CODE = 'ERR_CHAIN_UNTRUSTED';
const RSA_SHA384 = rsaAlgorithm('1.2.840.113549.1.1.12');
const PSS_SHA256: PssOptions = { hash: 'sha256', saltLength: 32 };
const PSS_SHA384: PssOptions = { hash: 'sha384', saltLength: 48 };
const PSS_SHA512: PssOptions = { hash: 'sha512', saltLength: 64 };

const rsa = rsaKey(2048);
const ec = ecKey('signer');
const ed = ed25519Key('signer');
const pss = pssKey(rsa, PSS_SHA256);
const [byRsa, byEc, byEd, byPss] = [signedBy(rsa), signedBy(ec), signedBy(ed), signedBy(pss)];

function bad(title: string, run: (core: Core) => unknown, good: (core: Core) => unknown): Scenario {
  return { title, code: CODE, bad: run, good };
}

/** That a signature is one of the algorithm it names, by a key of that algorithm: RFC 5280 6.1.3 (a) (1). */
export const SIGNATURE_SCENARIOS: readonly Scenario[] = [
  bad(
    'a signature of PKCS#1 that says it is ECDSA is refused, ECDSA is accepted',
    signedBy(claiming(rsa, ECDSA_SHA256)),
    byEc,
  ),
  bad(
    'a signature of PKCS#1 that says it is Ed25519 is refused, Ed25519 is accepted',
    signedBy(signingWith(rsa, ED25519, null)),
    byEd,
  ),
  bad(
    'a signature of ECDSA that says it is PKCS#1 is refused, PKCS#1 is accepted',
    signedBy(claiming(ec, RSA_SHA256)),
    byRsa,
  ),
  bad(
    'a signature of ECDSA that says it is RSA-PSS is refused, RSA-PSS is accepted',
    signedBy(claiming(ec, pssAlgorithm(PSS_SHA256))),
    byPss,
  ),
  bad(
    'a signature of Ed25519 that says it is ECDSA is refused, Ed25519 is accepted',
    signedBy(claiming(ed, ECDSA_SHA256)),
    byEd,
  ),
  bad(
    'a signature of Ed25519 that says it is ML-DSA is refused, Ed25519 is accepted',
    signedBy(claiming(ed, sequence(element(0x06, '608648016503040311')))),
    byEd,
  ),
  bad(
    'a signature of PKCS#1 that says it is RSA-PSS is refused, RSA-PSS is accepted',
    signedBy(claiming(rsa, pssAlgorithm(PSS_SHA256))),
    byPss,
  ),
  bad(
    'a signature of RSA-PSS that says it is PKCS#1 is refused, PKCS#1 is accepted',
    signedBy(claiming(pss, RSA_SHA256)),
    byRsa,
  ),
  bad(
    'RSA-PSS with a salt of 20 octets that says 32 is refused, with 32 it is accepted',
    signedBy(pssKey(rsa, { ...PSS_SHA256, saltLength: 20 }, pssAlgorithm(PSS_SHA256))),
    byPss,
  ),
  bad(
    'RSA-PSS with a salt of 48 octets that says 32 is refused, with SHA-384 it is accepted',
    signedBy(pssKey(rsa, { ...PSS_SHA256, saltLength: 48 }, pssAlgorithm(PSS_SHA256))),
    signedBy(pssKey(rsa, PSS_SHA384)),
  ),
  bad(
    'RSA-PSS that says its salt is of 20 octets, and it is, is refused, of 64 octets with SHA-512 it is accepted',
    signedBy(pssKey(rsa, { ...PSS_SHA256, saltLength: 20 })),
    signedBy(pssKey(rsa, PSS_SHA512)),
  ),
  bad(
    'RSA-PSS with SHA-1 in MGF1 that says SHA-256 is refused, with SHA-256 it is accepted',
    signedBy(pssKey(rsa, { ...PSS_SHA256, mgf1Hash: 'sha1' }, pssAlgorithm(PSS_SHA256))),
    byPss,
  ),
  bad(
    'RSA-PSS that says SHA-1 in MGF1, and it is, is refused, with NULL behind SHA-256 it is accepted',
    signedBy(pssKey(rsa, { ...PSS_SHA256, mgf1Hash: 'sha1' })),
    signedBy(pssKey(rsa, PSS_SHA256, pssAlgorithm(PSS_SHA256, true))),
  ),
  bad(
    'RSA-PSS with SHA-256 that says SHA-384 is refused, SHA-384 is accepted',
    signedBy(pssKey(rsa, { ...PSS_SHA256, saltLength: 48 }, pssAlgorithm(PSS_SHA384))),
    signedBy(pssKey(rsa, PSS_SHA384, pssAlgorithm(PSS_SHA384, true))),
  ),
  bad(
    'PKCS#1 with SHA-256 that says SHA-384 is refused, SHA-384 is accepted',
    signedBy(claiming(rsa, RSA_SHA384)),
    signedBy(signingWith(rsa, RSA_SHA384, 'sha384')),
  ),
  bad(
    'ECDSA with SHA-384 that says SHA-256 is refused, SHA-256 is accepted',
    signedBy(signingWith(ec, ECDSA_SHA256, 'sha384')),
    byEc,
  ),
  bad(
    'ECDSA with its two numbers side by side is refused, in DER it is accepted',
    signedBy({
      ...ec,
      sign: (data) => sign('sha256', data, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
    }),
    byEc,
  ),
  bad('bytes after the numbers of ECDSA are refused', signedBy(withMore(ec)), byEc),
  bad('a byte after an Ed25519 signature is refused', signedBy(withMore(ed)), byEd),
  bad('a byte after a PKCS#1 signature is refused', signedBy(withMore(rsa)), byRsa),
  bad('a byte after an RSA-PSS signature is refused', signedBy(withMore(pss)), byPss),
  ...[ec, ed, rsa, pss].map((key) =>
    bad(
      `an empty signature of ${key.algorithm.toString('hex')} is refused, a whole one is accepted`,
      signedBy({ ...key, sign: () => Buffer.alloc(0) }),
      signedBy(key),
    ),
  ),
  bad(
    'an ML-DSA key that is none, or that this Node.js does not know, signs nothing, an EC key does',
    signedBy(noMlDsaKey()),
    byEc,
  ),
  {
    // RFC 5280 4.1.1.3
    title: 'a right signature of 511 bits is no certificate, of 512 bits it is',
    code: 'ERR_CHAIN_MALFORMED',
    bad: signedBy(ed, (der) => {
      const [head, signature] = [der.subarray(0, -67), der.subarray(-64)];
      return Buffer.concat([head, bits(signature, 1)]);
    }),
    good: byEd,
  },
];

/** A leaf below a root that signs with `key`. */
function signedBy(key: TestKey, edit: (der: Buffer) => Buffer = (der) => der): (core: Core) => unknown {
  const root = issueCa({ key, subject: 'root A' });
  const leaf = leafA({ issuer: root });
  return (core) => check(core, [{ ...leaf, der: edit(leaf.der) }], { 'a.test': [root] });
}

function withMore(key: TestKey): TestKey {
  return { ...key, sign: (data) => Buffer.concat([key.sign(data), Buffer.from([0])]) };
}

/** ML-DSA-44 by its name and the length of its key and signature (RFC 9881). */
function noMlDsaKey(): TestKey {
  const algorithm = sequence(element(0x06, '608648016503040311'));
  const key = publicOnly(ed, sequence(algorithm, bits(Buffer.alloc(1312, 0xa5))));
  return { ...key, algorithm, sign: () => Buffer.alloc(2420, 0xa5) };
}
