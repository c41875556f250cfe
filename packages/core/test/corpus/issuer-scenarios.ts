import {
  basicConstraints,
  extendedKeyUsage,
  extension,
  type ExtensionSet,
  type Issued,
  issueCa,
  keyUsage,
  NOW,
  subjectAltName,
  uri,
} from '../pki/certificates.ts';
import { element } from '../pki/der.ts';
import { ecKey, RSA_SHA256, rsaAlgorithm, rsaKey, signingWith, type TestKey } from '../pki/keys.ts';
import { check, type Core, type Scenario } from './scenario.ts';
import { BUNDLE_A, CHAIN_A, INT_A, intermediateA, KEYS, leafA, ROOT_A, rootA } from './world.ts';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const UNKNOWN = extension('1.3.6.1.4.1.55738.666.1', element(0x05), true);

const accepted = (core: Core): unknown => check(core, CHAIN_A, BUNDLE_A);
const below = (int: Issued, root: Issued = ROOT_A): ((core: Core) => unknown) => {
  const leaf = leafA({ issuer: int });
  return (core) => check(core, [leaf, int], { 'a.test': [root] });
};
const withInt = (extensions: ExtensionSet): ((core: Core) => unknown) => below(intermediateA({ extensions }));
const withRoot = (extensions: ExtensionSet): ((core: Core) => unknown) => below(INT_A, rootA({ extensions }));

const rsaRoot = rsaKey(2048);
const SHA1 = signingWith(rsaRoot, rsaAlgorithm('1.2.840.113549.1.1.5'), 'sha1');
const MD5 = signingWith(rsaRoot, rsaAlgorithm('1.2.840.113549.1.1.4'), 'md5');

/** What an issuer has to be: X509-SVID 4, RFC 5280 6.1.4. */
export const ISSUER_SCENARIOS: readonly Scenario[] = [
  {
    title: 'X-11 an intermediate without basic constraints is refused, with them it is accepted (X-07)',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: withInt({ basicConstraints: undefined }),
    good: withInt({ names: subjectAltName([uri('spiffe://a.test')]) }),
  },
  {
    title: 'X-11 an intermediate that is no CA is refused, not critical basic constraints are accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: withInt({ basicConstraints: basicConstraints({ ca: false }) }),
    good: withInt({ basicConstraints: basicConstraints({ critical: false }) }),
  },
  {
    title: 'X-11 a root without basic constraints is no authority, with them it is',
    code: 'ERR_BUNDLE_EMPTY',
    bad: withRoot({ basicConstraints: undefined }),
    good: withRoot({}),
  },
  {
    title: 'X-11 a path length of 0 on the intermediate forbids an intermediate below it, but not a leaf',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const top = intermediateA({ extensions: { basicConstraints: basicConstraints({ pathLength: 0 }) } });
      const low = issueCa({ key: KEYS.intA2, subject: 'low', issuer: top });
      return check(core, [leafA({ issuer: low }), low, top], BUNDLE_A);
    },
    good: withInt({ basicConstraints: basicConstraints({ pathLength: 0 }) }),
  },
  {
    title: 'X-11 a path length of 0 on the root forbids an intermediate, of 1 it does not',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: withRoot({ basicConstraints: basicConstraints({ pathLength: 0 }) }),
    good: withRoot({ basicConstraints: basicConstraints({ pathLength: 1 }) }),
  },
  {
    title: 'X-11 self-issued intermediates do not count against a path length, others do',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const root = rootA({ extensions: { basicConstraints: basicConstraints({ pathLength: 1 }) } });
      const top = issueCa({ key: KEYS.intA2, subject: 'top', issuer: root });
      const low = intermediateA({ issuer: top });
      return check(core, [leafA({ issuer: low }), low, top], { 'a.test': [root] });
    },
    good: (core) => {
      const root = rootA({ extensions: { basicConstraints: basicConstraints({ pathLength: 1 }) } });
      const renewed = issueCa({ key: KEYS.rootA2, subject: 'root A', issuer: root });
      const low = intermediateA({ issuer: renewed });
      return check(core, [leafA({ issuer: low }), low, renewed], { 'a.test': [root] });
    },
  },
  {
    title: 'X-14 an intermediate without keyCertSign is refused, without key usage at all it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: withInt({ keyUsage: keyUsage(0, 6) }),
    good: withInt({ keyUsage: undefined }),
  },
  {
    title: 'X-14 a root without keyCertSign is no authority, with it alone it is',
    code: 'ERR_BUNDLE_EMPTY',
    bad: withRoot({ keyUsage: keyUsage(6) }),
    good: withRoot({ keyUsage: keyUsage(5) }),
  },
  {
    title: 'X-10 an SVID cannot issue SVIDs, its issuer can',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const svid = leafA({ key: KEYS.evil });
      return check(core, [leafA({ issuer: svid }, 'spiffe://a.test/admin'), svid, INT_A], BUNDLE_A);
    },
    good: accepted,
  },
  {
    title: 'X-10 an SVID without key usage cannot issue SVIDs, its issuer can',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const svid = leafA({ key: KEYS.evil, extensions: { keyUsage: undefined } });
      return check(core, [leafA({ issuer: svid }, 'spiffe://a.test/admin'), svid, INT_A], BUNDLE_A);
    },
    good: accepted,
  },
  {
    title: 'X-20 an expired intermediate is refused, in its last second it is accepted',
    code: 'ERR_CHAIN_EXPIRED',
    bad: below(intermediateA({ notAfter: NOW - 1000 })),
    good: below(intermediateA({ notAfter: NOW })),
  },
  {
    title: 'X-20 an expired root is refused, in its last second it is accepted',
    code: 'ERR_CHAIN_EXPIRED',
    bad: below(INT_A, rootA({ notAfter: NOW - 1000 })),
    good: below(INT_A, rootA({ notAfter: NOW })),
  },
  {
    title: 'X-20 an intermediate that is not valid yet is refused, in its first second it is accepted',
    code: 'ERR_CHAIN_NOT_YET_VALID',
    bad: below(intermediateA({ notBefore: NOW + 1000 })),
    good: below(intermediateA({ notBefore: NOW })),
  },
  {
    title: 'X-20 a root that is not valid yet is refused, in its first second it is accepted',
    code: 'ERR_CHAIN_NOT_YET_VALID',
    bad: below(INT_A, rootA({ notBefore: NOW + 1000 })),
    good: below(INT_A, rootA({ notBefore: NOW })),
  },
  {
    title:
      'X-20 an unknown critical extension on the intermediate is refused, on an unused one it is passed over',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: withInt({ UNKNOWN }),
    good: (core) => check(core, [leafA(), intermediateA({ extensions: { UNKNOWN } }), INT_A], BUNDLE_A),
  },
  {
    title: 'X-20 an unknown critical extension on the root is refused, on another root it does no harm',
    code: 'ERR_BUNDLE_EMPTY',
    bad: withRoot({ UNKNOWN }),
    good: (core) =>
      check(core, CHAIN_A, { 'a.test': [rootA({ key: KEYS.rootA2, extensions: { UNKNOWN } }), ROOT_A] }),
  },
  {
    title: 'X-20 an intermediate for servers only cannot issue clients, one for both can',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: withInt({ extendedKeyUsage: extendedKeyUsage(SERVER_AUTH) }),
    good: withInt({ extendedKeyUsage: extendedKeyUsage(SERVER_AUTH, CLIENT_AUTH) }),
  },
  {
    title: 'X-20 a root for servers only cannot issue clients, one for any purpose can',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: withRoot({ extendedKeyUsage: extendedKeyUsage(SERVER_AUTH) }),
    good: withRoot({ extendedKeyUsage: extendedKeyUsage('2.5.29.37.0') }),
  },
  {
    title: 'X-20 an intermediate that its named issuer did not sign is refused, a signed one is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: below(intermediateA({ issuer: { key: KEYS.evil, subject: ROOT_A.subject } })),
    good: accepted,
  },
  {
    title: 'a signature with SHA-1 is refused, the same key with SHA-256 is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: signedBy(SHA1),
    good: signedBy(rsaRoot),
  },
  {
    title: 'a signature with MD5 is refused, RSA with SHA-384 is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: signedBy(MD5),
    good: signedBy(signingWith(rsaRoot, rsaAlgorithm('1.2.840.113549.1.1.12'), 'sha384')),
  },
  {
    title:
      'a root that signed itself with SHA-1 is an anchor all the same, since that signature proves nothing, but its SHA-1 leaf is refused',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: signedBy(SHA1),
    good: (core) => {
      const root = issueCa({ key: SHA1, subject: 'root A' });
      return check(core, [leafA({ issuer: { key: rsaRoot, subject: root.subject } })], { 'a.test': [root] });
    },
  },
  {
    title: 'an intermediate with RSA of 1024 bits is refused, of 2048 bits it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: below(intermediateA({ key: rsaKey(1024) })),
    good: below(intermediateA({ key: rsaKey(2048, RSA_SHA256) })),
  },
  {
    title: 'a root with RSA of 1024 bits is no authority, of 2048 bits it is',
    code: 'ERR_BUNDLE_EMPTY',
    bad: signedBy(rsaKey(1024)),
    good: signedBy(rsaRoot),
  },
  {
    title: 'an intermediate on another curve is refused, on P-384 and P-521 it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: below(intermediateA({ key: ecKey('int', 'k256') })),
    good: (core) => {
      below(intermediateA({ key: ecKey('int', 'p384') }))(core);
      return below(intermediateA({ key: ecKey('int', 'p521') }))(core);
    },
  },
  {
    title: 'a root with an empty subject is no authority, with serial number zero it is',
    code: 'ERR_BUNDLE_EMPTY',
    bad: (core) => {
      const root = rootA({ subject: '' });
      return check(core, [leafA({ issuer: root })], { 'a.test': [root] });
    },
    good: below(INT_A, rootA({ serial: 0 })),
  },
  {
    title: 'an intermediate with an empty subject is refused, with a name it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: below(intermediateA({ subject: '' })),
    good: below(intermediateA({ subject: 'x' })),
  },
];

function signedBy(key: TestKey): (core: Core) => unknown {
  const root = issueCa({ key, subject: 'root A' });
  const leaf = leafA({ issuer: root });
  return (core) => check(core, [leaf], { 'a.test': [root] });
}
