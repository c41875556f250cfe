import {
  authorityKeyId,
  type Issued,
  issueCa,
  issueSvid,
  NOW,
  subjectAltName,
  subjectKeyId,
  uri,
} from '../pki/certificates.ts';
import { name } from '../pki/der.ts';
import { ed25519Key, type TestKey } from '../pki/keys.ts';
import { bundleSet, check, type Core, type Scenario } from './scenario.ts';
import {
  BUNDLE_A,
  BUNDLES_AB,
  CHAIN_A,
  INT_A,
  INT_B,
  intermediateA,
  KEYS,
  leafA,
  ROOT_A,
  ROOT_B,
  rootA,
} from './world.ts';

const HOUR = 3_600_000;
const NO_KEY_IDS = { subjectKeyId: undefined, authorityKeyId: undefined };

const accepted = (core: Core): unknown => check(core, CHAIN_A, BUNDLE_A);

/** CAs below each other, and a leaf below the last; without the root. */
function tower(root: Issued, height: number): readonly Issued[] {
  const chain: Issued[] = [];
  let issuer = root;
  for (let level = 1; level <= height; level++) {
    issuer = issueCa({ key: ed25519Key(`level ${level}`), subject: `level ${level}`, issuer });
    chain.unshift(issuer);
  }
  return [leafA({ issuer }), ...chain];
}

/** Path validation: RFC 5280 6.1 and the anchors of SPIFFE. */
export const PATH_SCENARIOS: readonly Scenario[] = [
  {
    title: 'X-25 the root of b.test cannot vouch for a.test, the root of a.test can',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA({ issuer: ROOT_B })], BUNDLES_AB),
    good: (core) => check(core, [leafA({ issuer: ROOT_A })], BUNDLES_AB),
  },
  {
    title: 'X-25 an intermediate of b.test cannot vouch for a.test, but for b.test it can',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA({ issuer: INT_B }), INT_B], BUNDLES_AB),
    good: (core) => check(core, [leafA({ issuer: INT_B }, 'spiffe://b.test/web'), INT_B], BUNDLES_AB),
  },
  {
    title: 'X-25 a displayed root of a.test behind a chain of b.test does not count, a true chain does',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const decoy = issueCa({
        key: KEYS.evil,
        subject: 'intermediate B',
        issuer: { key: KEYS.evil, subject: ROOT_A.subject },
        notAfter: NOW - HOUR,
      });
      return check(core, [leafA({ issuer: INT_B }), decoy, INT_B, ROOT_A], BUNDLES_AB);
    },
    good: (core) => check(core, [...CHAIN_A, ROOT_A], BUNDLES_AB),
  },
  {
    title:
      'X-25 of a cross-signed intermediate the expired copy of A does not count although that of B is valid, a valid copy of A does',
    code: 'ERR_CHAIN_EXPIRED',
    bad: (core) => {
      const ofA = intermediateA({ notAfter: NOW - HOUR });
      const ofB = intermediateA({ issuer: ROOT_B });
      return check(core, [leafA({ issuer: ofA }), ofA, ofB], BUNDLES_AB);
    },
    good: (core) => {
      const ofB = intermediateA({ issuer: ROOT_B });
      return check(core, [leafA(), INT_A, ofB], BUNDLES_AB);
    },
  },
  {
    title:
      'X-25 of a cross-signed intermediate the copy of B alone does not count, sent before the one of A it does no harm',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA(), intermediateA({ issuer: ROOT_B })], BUNDLES_AB),
    good: (core) => check(core, [leafA(), intermediateA({ issuer: ROOT_B }), INT_A], BUNDLES_AB),
  },
  {
    title: 'X-25 a root that two trust domains share vouches for each only where it is in the bundle',
    code: 'ERR_BUNDLE_UNKNOWN',
    bad: (core) => check(core, [leafA({}, 'spiffe://b.test/web'), INT_A], BUNDLE_A),
    good: (core) => check(core, [leafA({}, 'spiffe://b.test/web'), INT_A], { 'b.test': [ROOT_A] }),
  },
  {
    // The standard binds those who issue it: the verifier asks the bundle, and not what an issuer calls itself.
    title:
      'X-08 an intermediate whose ID has a path is accepted below the right root, and below the wrong one it is not',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const int = intermediateOfB('spiffe://a.test/ca');
      return check(core, [leafA({ issuer: int }), int], BUNDLES_AB);
    },
    good: (core) => {
      const int = intermediateA({ extensions: { names: subjectAltName([uri('spiffe://a.test/ca')]) } });
      return check(core, [leafA({ issuer: int }), int], BUNDLES_AB);
    },
  },
  {
    title:
      'X-09 an intermediate with the ID of another trust domain is accepted below the right root, not below the wrong one',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const int = intermediateOfB('spiffe://a.test');
      return check(core, [leafA({ issuer: int }), int], BUNDLES_AB);
    },
    good: (core) => {
      const int = intermediateA({ extensions: { names: subjectAltName([uri('spiffe://b.test')]) } });
      return check(core, [leafA({ issuer: int }), int], BUNDLES_AB);
    },
  },
  {
    title: 'X-20 a leaf that its named issuer did not sign is refused, a signed one is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) =>
      check(core, [leafA({ issuer: { key: KEYS.evil, subject: INT_A.subject } }), INT_A], BUNDLE_A),
    good: accepted,
  },
  {
    title: 'X-20 a leaf changed after it was signed is refused, the original is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const der = Buffer.from(leafA().der.toString('latin1').replace('a.test/web', 'a.test/adm'), 'latin1');
      return check(core, [{ ...leafA(), der }, INT_A], BUNDLE_A);
    },
    good: accepted,
  },
  {
    title:
      'X-20 a leaf whose issuer has another name is refused although the key is right, with its name it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) =>
      check(core, [leafA({ issuer: { key: KEYS.intA, subject: name('Intermediate A') } }), INT_A], BUNDLE_A),
    good: accepted,
  },
  {
    title: 'X-20 without its intermediate a chain is refused, with it it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA()], BUNDLE_A),
    good: accepted,
  },
  {
    title: 'X-20 a self-signed leaf is refused, one that a root signed is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) =>
      check(core, [issueSvid('spiffe://a.test/web', { key: KEYS.leaf, subject: 'web' })], BUNDLE_A),
    good: (core) => check(core, [leafA({ issuer: ROOT_A })], BUNDLE_A),
  },
  {
    title: 'X-20 a root that the peer brings along is not trusted, one in the bundle is',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const own = issueCa({ key: KEYS.evil, subject: 'root A' });
      return check(core, [leafA({ issuer: own }), own], BUNDLE_A);
    },
    good: (core) => check(core, [...CHAIN_A, ROOT_A], BUNDLE_A),
  },
  {
    title: 'X-32 an authority that is not self-signed is an anchor, a certificate above it is none',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA({ issuer: ROOT_A })], { 'a.test': [INT_A] }),
    good: (core) => check(core, CHAIN_A, { 'a.test': [INT_A] }),
  },
  {
    title:
      'X-20 of two roots with one name and key identifiers the right one is found, a third key is refused',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: sameNameRoots(true, KEYS.evil),
    good: sameNameRoots(true, KEYS.rootA2),
  },
  {
    title:
      'X-20 of two roots with one name and no key identifiers the right one is found, a third key is refused',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: sameNameRoots(false, KEYS.evil),
    good: sameNameRoots(false, KEYS.rootA2),
  },
  {
    title:
      'X-20 a forged intermediate with the right name and key identifier does no harm before the true one, alone it is refused',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA(), forgedIntermediate()], BUNDLE_A),
    good: (core) => check(core, [leafA(), forgedIntermediate(), INT_A], BUNDLE_A),
  },
  {
    title: 'X-25 a hostile root of b.test with the name and key identifier of A changes nothing for a.test',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA({ issuer: copycat() })], { 'b.test': [copycat()], 'a.test': [ROOT_A] }),
    good: (core) => check(core, CHAIN_A, { 'b.test': [copycat()], 'a.test': [ROOT_A] }),
  },
  {
    title: 'X-20 a wrong authority key identifier is only a hint, a wrong signature is not',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) =>
      check(core, [leafA({ issuer: { key: KEYS.evil, subject: INT_A.subject } }), INT_A], BUNDLE_A),
    good: (core) => {
      const wrong = authorityKeyId(Buffer.alloc(20, 1));
      return check(core, [leafA({ extensions: { authorityKeyId: wrong } }), INT_A], BUNDLE_A);
    },
  },
  {
    title:
      'X-20 a path over an expired cross-signature is given up for a valid one, without that it is refused',
    code: 'ERR_CHAIN_EXPIRED',
    bad: (core) => check(core, [leafA(), intermediateA({ notAfter: NOW - HOUR })], BUNDLE_A),
    good: (core) => check(core, [leafA(), intermediateA({ notAfter: NOW - HOUR }), INT_A], BUNDLE_A),
  },
  {
    title: 'X-20 back-tracking leaves a branch that ends at no anchor, and refuses when all do',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, branches(ROOT_B), BUNDLE_A),
    good: (core) => check(core, branches(ROOT_A), BUNDLE_A),
  },
  {
    title: 'X-20 two intermediates that sign each other lead nowhere, with a root behind one they do',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => {
      const one = intermediateA({ issuer: { key: KEYS.intA2, subject: name('other') } });
      const other = issueCa({ key: KEYS.intA2, subject: 'other', issuer: INT_A });
      return check(core, [leafA(), one, other], BUNDLE_A);
    },
    good: (core) => {
      const one = intermediateA({ issuer: { key: KEYS.intA2, subject: name('other') } });
      const other = issueCa({ key: KEYS.intA2, subject: 'other', issuer: ROOT_A });
      return check(core, [leafA(), one, other], BUNDLE_A);
    },
  },
  {
    title: 'X-10 a leaf with name and key of its issuer is refused, with a key of its own it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA({ key: KEYS.intA, subject: 'intermediate A' }), INT_A], BUNDLE_A),
    good: (core) => check(core, [leafA({ subject: 'intermediate A' }), INT_A], BUNDLE_A),
  },
  {
    title: 'a path of nine issuers is refused, of eight it is accepted',
    code: 'ERR_CHAIN_TOO_LONG',
    bad: (core) => check(core, tower(ROOT_A, 8), BUNDLE_A),
    good: (core) => check(core, tower(ROOT_A, 7), BUNDLE_A),
  },
  {
    title: 'eleven certificates are refused, ten are accepted',
    code: 'ERR_CHAIN_TOO_LONG',
    bad: (core) => check(core, [...CHAIN_A, ...padding(9)], BUNDLE_A),
    good: (core) => check(core, [...CHAIN_A, ...padding(8)], BUNDLE_A),
  },
  {
    title: 'a chain of thirteen certificates is refused, a short one is accepted',
    code: 'ERR_CHAIN_TOO_LONG',
    bad: (core) => check(core, tower(ROOT_A, 12), BUNDLE_A),
    good: accepted,
  },
  {
    title: 'forty roots with one name and no key identifiers exceed the budget of signatures, ten do not',
    code: 'ERR_CHAIN_BUDGET',
    bad: manyRoots(40),
    good: manyRoots(10),
  },
  {
    title: 'a verified leaf is not remembered beyond its validity, and inside it is',
    code: 'ERR_CHAIN_EXPIRED',
    bad: twice(NOW + 2 * HOUR),
    good: twice(NOW + HOUR / 2),
  },
  {
    title: 'a verified leaf is not remembered for a time before its validity, and inside it is',
    code: 'ERR_CHAIN_NOT_YET_VALID',
    bad: twice(NOW - 2 * HOUR),
    good: twice(NOW - HOUR / 2),
  },
];

function sameNameRoots(hasKeyIds: boolean, signer: TestKey): (core: Core) => unknown {
  const extensions = hasKeyIds ? {} : NO_KEY_IDS;
  const roots = [rootA({ extensions }), rootA({ key: KEYS.rootA2, extensions })];
  const leaf = leafA({
    issuer: { key: signer, subject: name('root A') },
    extensions: hasKeyIds ? {} : NO_KEY_IDS,
  });
  return (core) => check(core, [leaf], { 'a.test': roots });
}

function forgedIntermediate(): Issued {
  const extensions = { subjectKeyId: subjectKeyId(KEYS.intA.keyId) };
  return issueCa({
    key: KEYS.evil,
    subject: 'intermediate A',
    issuer: { key: KEYS.evil, subject: ROOT_A.subject },
    extensions,
  });
}

function copycat(): Issued {
  return issueCa({
    key: KEYS.evil,
    subject: 'root A',
    extensions: { subjectKeyId: subjectKeyId(KEYS.rootA.keyId) },
  });
}

/** The issuer of the leaf has two certificates: the likelier one leads to a stranger, the other to `end`. */
function branches(end: Issued): readonly Issued[] {
  const stranger = issueCa({ key: KEYS.evil, subject: 'stranger' });
  const middle = { key: KEYS.intA2, subject: name('middle') };
  const astray = issueCa({ key: KEYS.intA2, subject: 'middle', issuer: stranger });
  const right = issueCa({
    key: KEYS.intA2,
    subject: 'middle',
    issuer: end,
    extensions: { subjectKeyId: undefined },
  });
  const low = intermediateA({ issuer: middle });
  return [leafA({ issuer: low }), low, astray, right];
}

function padding(count: number): readonly Issued[] {
  return Array.from({ length: count }, (_, index) =>
    issueCa({ key: KEYS.evil, subject: `padding ${index}` }),
  );
}

function manyRoots(count: number): (core: Core) => unknown {
  const roots = Array.from({ length: count }, (_, index) => namelessRoot(index));
  const last = roots.at(-1) ?? ROOT_A;
  const leaf = leafA({ issuer: last, extensions: { authorityKeyId: undefined } });
  return (core) => check(core, [leaf], { 'a.test': roots });
}

function namelessRoot(index: number): Issued {
  return rootA({ key: ed25519Key(`root ${index}`), extensions: NO_KEY_IDS });
}

/** Verifies a leaf with two hours to live now, and again at `then`. */
function twice(then: number): (core: Core) => unknown {
  const chain = [leafA({ notBefore: NOW - HOUR, notAfter: NOW + HOUR }), INT_A].map(({ der }) => der);
  return (core) => {
    const bundles = bundleSet(core, BUNDLE_A);
    core.verifyX509Svid(chain, bundles, { at: NOW, role: 'client' });
    return core.verifyX509Svid(chain, bundles, { at: then, role: 'client' });
  };
}

/** An intermediate below the root of `b.test` that calls itself `id`. */
function intermediateOfB(id: string): Issued {
  const names = subjectAltName([uri(id)]);
  return issueCa({ key: KEYS.intB, subject: 'intermediate B', issuer: ROOT_B, extensions: { names } });
}
