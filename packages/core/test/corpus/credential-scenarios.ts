import { type X509Svid } from '../../src/x509-svid.ts';
import {
  dns,
  extension,
  type Issued,
  issueCa,
  issueSvid,
  keyUsage,
  NOW,
  subjectAltName,
  uri,
} from '../pki/certificates.ts';
import { element } from '../pki/der.ts';
import { ecKey, rsaKey, type TestKey } from '../pki/keys.ts';
import { certificatesPem, encryptedKeyPem, keyPem, legacyEncryptedKeyPem, pem, pkcs8 } from '../pki/pem.ts';
import { bundleSet, type Core, type Scenario } from './scenario.ts';
import { BUNDLES_AB, CHAIN_A, INT_A, intermediateA, KEYS, leafA, ROOT_A, ROOT_B, rootA } from './world.ts';

const KEY = keyPem(KEYS.leaf);
const CERTIFICATES = certificatesPem(...CHAIN_A);
const HOUR = 3_600_000;

const svid =
  (certificates: string, privateKey: string = KEY) =>
  (core: Core): X509Svid =>
    core.X509Svid.fromPem({ certificates, privateKey });
const svidOf = (leaf: Issued, key: TestKey = KEYS.leaf): ((core: Core) => X509Svid) =>
  svid(certificatesPem(leaf, INT_A), keyPem(key));
const whole = svid(CERTIFICATES);
const bundle =
  (text: string) =>
  (core: Core): unknown =>
    core.X509Bundle.fromPem(core.TrustDomain.parse('a.test'), text);
const read =
  (text: string) =>
  (core: Core): unknown =>
    core.parsePem(text);

/** Our own credentials: X509-SVID 2 to 5, and what files look like. */
export const SVID_SCENARIOS: readonly Scenario[] = [
  {
    title: 'X-01 an own SVID without a URI name is refused, with one it is read',
    code: 'ERR_SVID_URI_SAN',
    bad: svidOf(leafA({ extensions: { subjectAltName: subjectAltName([dns('a.test')]) } })),
    good: whole,
  },
  {
    title: 'X-02 an own SVID with two URI names is refused, with one it is read',
    code: 'ERR_SVID_URI_SAN',
    bad: svidOf(
      leafA({ extensions: { subjectAltName: subjectAltName([uri('spiffe://a.test/a'), uri('x:y')]) } }),
    ),
    good: whole,
  },
  {
    title: 'X-04 an own SVID without a path is refused, with one it is read',
    code: 'ERR_SVID_URI_SAN',
    bad: svidOf(leafA({}, 'spiffe://a.test')),
    good: whole,
  },
  {
    title: 'X-24 an own SVID with an illegal SPIFFE ID is refused, with a legal one it is read',
    code: 'ERR_SVID_URI_SAN',
    bad: svidOf(leafA({}, 'spiffe://A.test/web')),
    good: whole,
  },
  {
    title: 'X-11 an own SVID that is a CA is refused, a leaf is read',
    code: 'ERR_SVID_LEAF_PROFILE',
    bad: (core) => {
      const names = subjectAltName([uri('spiffe://a.test/ca')]);
      const ca = issueCa({
        key: KEYS.leaf,
        subject: 'web',
        issuer: ROOT_A,
        extensions: { names, keyUsage: keyUsage(0) },
      });
      return svid(certificatesPem(ca))(core);
    },
    good: whole,
  },
  {
    title: 'X-15 an own SVID without digitalSignature is refused, with it it is read',
    code: 'ERR_SVID_LEAF_PROFILE',
    bad: svidOf(leafA({ extensions: { keyUsage: keyUsage(2) } })),
    good: whole,
  },
  {
    title: 'an own SVID with an unknown critical extension is refused, without it it is read',
    code: 'ERR_SVID_LEAF_PROFILE',
    bad: svidOf(leafA({ extensions: { x: extension('1.2.3', element(0x05), true) } })),
    good: whole,
  },
  {
    title: 'an own SVID with RSA of 1024 bits is refused, of 2048 bits it is read',
    code: 'ERR_SVID_LEAF_PROFILE',
    bad: withKey(rsaKey(1024)),
    good: withKey(rsaKey(2048)),
  },
  {
    title: 'an own SVID on another curve is refused, on P-256, P-384 and P-521 it is read',
    code: 'ERR_SVID_LEAF_PROFILE',
    bad: withKey(ecKey('own', 'k256')),
    good: (core) =>
      [ecKey('own'), ecKey('own', 'p384'), ecKey('own', 'p521')].map((key) => withKey(key)(core)),
  },
  {
    title: 'an intermediate of our own that may not sign is refused, one that may is read',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    bad: svid(certificatesPem(leafA(), intermediateA({ extensions: { keyUsage: keyUsage(0) } }))),
    good: whole,
  },
  {
    title: 'a key that belongs to no certificate is refused, one that belongs to the second is read',
    code: 'ERR_SVID_KEY_MISMATCH',
    bad: svid(CERTIFICATES, keyPem(KEYS.evil)),
    good: svid(certificatesPem(INT_A, leafA())),
  },
  {
    title: 'no private key is refused, one beside the certificates is read',
    code: 'ERR_SVID_KEY_INVALID',
    bad: svid(CERTIFICATES, CERTIFICATES),
    good: svid(CERTIFICATES + KEY, CERTIFICATES + KEY),
  },
  {
    title: 'two private keys are refused, one is read',
    code: 'ERR_SVID_KEY_INVALID',
    bad: svid(CERTIFICATES, KEY + keyPem(KEYS.evil)),
    good: whole,
  },
  {
    title: 'something else in place of the key is refused, EC parameters before it are passed over',
    code: 'ERR_SVID_KEY_INVALID',
    bad: svid(CERTIFICATES, pem('PUBLIC KEY', KEYS.leaf.spki)),
    good: svid(CERTIFICATES, pem('EC PARAMETERS', element(0x06, '2a8648ce3d030107')) + KEY),
  },
  {
    title: 'a key that does not decode is refused, a whole one is read',
    code: 'ERR_SVID_KEY_INVALID',
    bad: svid(CERTIFICATES, pem('PRIVATE KEY', pkcs8(KEYS.leaf).subarray(0, -4))),
    good: whole,
  },
  {
    title: 'an encrypted PKCS#8 key is refused as such, a plain one is read',
    code: 'ERR_SVID_KEY_ENCRYPTED',
    bad: svid(CERTIFICATES, encryptedKeyPem(KEYS.leaf)),
    good: whole,
  },
  {
    title: 'an encrypted key of the old form is refused as such, a plain one is read',
    code: 'ERR_SVID_KEY_ENCRYPTED',
    bad: svid(CERTIFICATES, legacyEncryptedKeyPem()),
    good: whole,
  },
  {
    title: 'no certificate is refused, one is read',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    bad: svid(KEY),
    good: svid(certificatesPem(leafA())),
  },
  {
    title: 'another block among the certificates is refused, the key among them is passed over',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    bad: svid(CERTIFICATES + pem('X509 CRL', Buffer.from('3000', 'hex'))),
    good: svid(KEY + CERTIFICATES),
  },
  {
    title: 'a certificate that does not parse is refused, one that does is read',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    bad: svid(CERTIFICATES + pem('CERTIFICATE', Buffer.from('3000', 'hex'))),
    good: whole,
  },
  {
    title: 'sixty-five certificates are refused, sixty-four are read',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    bad: svid(CERTIFICATES + certificatesPem(INT_A).repeat(63)),
    good: svid(CERTIFICATES + certificatesPem(INT_A).repeat(62)),
  },
  {
    title: 'DER certificates one after the other are read, with a byte behind them they are refused',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    bad: (core) => fromDer(core, Buffer.concat([...CHAIN_A.map(({ der }) => der), Buffer.from([0])])),
    good: (core) => fromDer(core, Buffer.concat(CHAIN_A.map(({ der }) => der))),
  },
  {
    title: 'a DER key that is none is refused, a KeyObject is taken as it is',
    code: 'ERR_SVID_KEY_INVALID',
    bad: (core) => core.X509Svid.fromDer({ certificates: [leafA().der], privateKey: Buffer.from('x') }),
    good: (core) => core.X509Svid.fromDer({ certificates: [leafA().der], privateKey: KEYS.leaf.privateKey }),
  },
];

/** Bundles: X509-SVID 6, Trust Domain and Bundle 4. */
export const BUNDLE_SCENARIOS: readonly Scenario[] = [
  {
    title: 'X-31 a bundle of a leaf alone has no authority, beside a CA the leaf is left out',
    code: 'ERR_BUNDLE_EMPTY',
    bad: (core) => bundleSet(core, { 'a.test': [leafA()] }).require(core.TrustDomain.parse('a.test')),
    good: (core) => {
      const set = bundleSet(core, { 'a.test': [leafA(), ROOT_A] });
      want(set.require(core.TrustDomain.parse('a.test')).authorities.length, 1);
    },
  },
  {
    title: 'X-31 an empty bundle is required in vain, one with an authority is given',
    code: 'ERR_BUNDLE_EMPTY',
    bad: (core) => bundleSet(core, { 'a.test': [] }).require(core.TrustDomain.parse('a.test')),
    good: (core) => bundleSet(core, { 'a.test': [ROOT_A] }).require(core.TrustDomain.parse('a.test')),
  },
  {
    title: 'the bundle of a trust domain nobody knows is required in vain, of a known one it is given',
    code: 'ERR_BUNDLE_UNKNOWN',
    bad: (core) => bundleSet(core, BUNDLES_AB).require(core.TrustDomain.parse('c.test')),
    good: (core) => bundleSet(core, BUNDLES_AB).require(core.TrustDomain.parse('b.test')),
  },
  {
    title: 'two bundles for one trust domain are refused and not merged, for two they are taken',
    code: 'ERR_BUNDLE_INVALID',
    bad: (core) => {
      const one = (root: Issued) => core.X509Bundle.fromDer(core.TrustDomain.parse('a.test'), [root.der]);
      return core.BundleSet.of(one(ROOT_A), one(ROOT_B));
    },
    good: (core) => bundleSet(core, BUNDLES_AB),
  },
  {
    title: 'an authority twice is one authority, and two are two',
    code: 'ERR_BUNDLE_INVALID',
    bad: (core) => {
      const found = core.X509Bundle.fromPem(
        core.TrustDomain.parse('a.test'),
        certificatesPem(ROOT_A, ROOT_A),
      );
      if (found.authorities.length === 1)
        throw Object.assign(new Error('one'), { code: 'ERR_BUNDLE_INVALID' });
    },
    good: (core) => {
      const found = core.X509Bundle.fromPem(
        core.TrustDomain.parse('a.test'),
        certificatesPem(ROOT_A, ROOT_B),
      );
      want(found.authorities.length, 2);
    },
  },
  {
    title: 'text that is no PEM is no bundle, white space is an empty one',
    code: 'ERR_BUNDLE_INVALID',
    bad: bundle('garbage'),
    good: bundle(' \n'),
  },
  {
    title: 'a private key in a bundle is refused, certificates with comments are read',
    code: 'ERR_BUNDLE_INVALID',
    bad: bundle(certificatesPem(ROOT_A) + KEY),
    good: bundle(
      `# the root\n${certificatesPem(ROOT_A)}# and\n# ------- another -------\n${certificatesPem(ROOT_B)}`,
    ),
  },
  {
    title: 'a certificate under another label is refused, under its own it is read',
    code: 'ERR_BUNDLE_INVALID',
    bad: bundle(pem('TRUSTED CERTIFICATE', ROOT_A.der)),
    good: bundle(pem('CERTIFICATE', ROOT_A.der)),
  },
  {
    title: 'one certificate that does not parse spoils a bundle, an expired one does not',
    code: 'ERR_BUNDLE_INVALID',
    bad: bundle(certificatesPem(ROOT_A) + pem('CERTIFICATE', ROOT_B.der.subarray(0, -1))),
    good: bundle(certificatesPem(ROOT_A, rootA({ notAfter: NOW - HOUR }))),
  },
  {
    title: 'a bundle that is cut off is refused, a whole one is read',
    code: 'ERR_PEM_INVALID',
    bad: bundle(certificatesPem(ROOT_A, ROOT_B).slice(0, -40)),
    good: bundle(certificatesPem(ROOT_A, ROOT_B)),
  },
];

/** PEM: RFC 7468, strictly. */
export const PEM_SCENARIOS: readonly Scenario[] = [
  pemScenario('a block without END is refused', CERTIFICATES.replace(/-----END.*\n/, '')),
  pemScenario('a text that ends inside of a block is refused', CERTIFICATES.slice(0, 200)),
  pemScenario('an END without BEGIN is refused', CERTIFICATES.slice(40)),
  pemScenario(
    'an END with another label is refused',
    CERTIFICATES.replace('END CERTIFICATE', 'END PRIVATE KEY'),
  ),
  pemScenario('a BEGIN with something before it is refused', ` ${CERTIFICATES}`),
  pemScenario(
    'a BEGIN with something behind it is refused',
    CERTIFICATES.replace('BEGIN CERTIFICATE-----', 'BEGIN CERTIFICATE----- x'),
  ),
  pemScenario('a letter that is not base64 is refused', CERTIFICATES.replace('MII', 'M*II')),
  pemScenario('a letter too many is refused', CERTIFICATES.replace('MII', 'MIII')),
  pemScenario('padding in the middle is refused', CERTIFICATES.replace('MII', 'MI=I')),
  pemScenario('white space inside of a line is refused', CERTIFICATES.replace('MII', 'M II')),
  pemScenario('an empty block is refused', '-----BEGIN X-----\n-----END X-----\n'),
  pemScenario('headers without an empty line are refused', legacyEncryptedKeyPem().replace('\n\n', '\n')),
  {
    title: 'something that is no text is refused, bytes are read',
    code: 'ERR_PEM_INVALID',
    bad: (core) => core.parsePem(7 as never),
    good: (core) => core.parsePem(Buffer.from(CERTIFICATES)),
  },
];

function pemScenario(title: string, text: string): Scenario {
  return {
    title: `${title}, a whole text is read, also with CRLF and trailing blanks`,
    code: 'ERR_PEM_INVALID',
    bad: read(text),
    good: (core) => want(core.parsePem(CERTIFICATES.replaceAll('\n', ' \t\r\n')).length, 2),
  };
}

function withKey(key: TestKey): (core: Core) => X509Svid {
  return svidOf(issueSvid('spiffe://a.test/web', { key, subject: 'web', issuer: INT_A }), key);
}

function fromDer(core: Core, certificates: Buffer): X509Svid {
  return core.X509Svid.fromDer({ certificates, privateKey: pkcs8(KEYS.leaf) });
}

function want(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`want ${wanted}, got ${got}`);
}
