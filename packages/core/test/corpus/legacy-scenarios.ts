import {
  type CertificateOptions,
  dns,
  extendedKeyUsage,
  type Issued,
  issueCa,
  issueSvid,
  keyUsage,
  nameConstraints,
  NOW,
  subjectAltName,
} from '../pki/certificates.ts';
import { type Core, type Scenario } from './scenario.ts';
import { intermediateA, KEYS, leafA, ROOT_A, ROOT_B } from './world.ts';

const HOUR = 3_600_000;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const CA = intermediateA();

/** A certificate of the intermediate without a SPIFFE ID. */
function legacyLeaf(changes: Partial<CertificateOptions> = {}): Issued {
  const extensions = { subjectAltName: subjectAltName([dns('web.a.test')]), ...changes.extensions };
  return issueSvid('unused:', { key: KEYS.leaf, subject: 'web', issuer: CA, ...changes, extensions });
}

/** Verifies as the chain of a client. */
function judged(
  chain: readonly Issued[],
  authorities: readonly Issued[] = [ROOT_A],
): (core: Core) => unknown {
  return (core) =>
    core.verifyX509Chain(
      chain.map(({ der }) => der),
      authorities.map(({ der }) => core.Certificate.parse(der)),
      { at: NOW, role: 'client' },
    );
}

const accepted = judged([legacyLeaf(), CA]);

/** A chain whose intermediate permits the DNS names below a.test alone. */
function constrained(commonName: string): (core: Core) => unknown {
  const int = intermediateA({
    extensions: { nameConstraints: nameConstraints({ permitted: [dns('a.test')] }) },
  });
  return judged([legacyLeaf({ issuer: int, subject: commonName }), int]);
}

/** Chains of peers without a SPIFFE ID: RFC 5280 6.1, and what TLS asks of a leaf. */
export const LEGACY_SCENARIOS: readonly Scenario[] = [
  {
    title: 'a legacy chain of another authority is refused, one of ours is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: judged([legacyLeaf(), CA], [ROOT_B]),
    good: accepted,
  },
  {
    title: 'without authorities nobody is accepted',
    code: 'ERR_BUNDLE_EMPTY',
    bad: judged([legacyLeaf(), CA], []),
    good: judged([legacyLeaf(), CA], [ROOT_B, ROOT_A]),
  },
  {
    title: 'eleven certificates are refused, ten are accepted',
    code: 'ERR_CHAIN_TOO_LONG',
    bad: judged([legacyLeaf(), ...Array<Issued>(10).fill(CA)]),
    good: judged([legacyLeaf(), ...Array<Issued>(9).fill(CA)]),
  },
  {
    title: 'a leaf that may not sign handshakes is refused, one without a key usage is accepted',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged([legacyLeaf({ extensions: { keyUsage: keyUsage(2) } }), CA]),
    good: judged([legacyLeaf({ extensions: { keyUsage: undefined } }), CA]),
  },
  {
    title: 'the key of an authority that only signs certificates is no peer',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged([CA]),
    good: accepted,
  },
  {
    title: 'a certificate for servers alone is no client, one for clients is',
    code: 'ERR_CHAIN_LEAF_PROFILE',
    bad: judged([legacyLeaf({ extensions: { extendedKeyUsage: extendedKeyUsage(SERVER_AUTH) } }), CA]),
    good: judged([legacyLeaf({ extensions: { extendedKeyUsage: extendedKeyUsage(CLIENT_AUTH) } }), CA]),
  },
  {
    title: 'an expired leaf is refused, in its last second it is accepted',
    code: 'ERR_CHAIN_EXPIRED',
    bad: judged([legacyLeaf({ notAfter: NOW - 1_000 }), CA]),
    good: judged([legacyLeaf({ notAfter: NOW }), CA]),
  },
  {
    title: 'a leaf under an expired intermediate is refused, under a valid one it is accepted',
    code: 'ERR_CHAIN_EXPIRED',
    bad: (() => {
      const int = intermediateA({ notAfter: NOW - HOUR });
      return judged([legacyLeaf({ issuer: int }), int]);
    })(),
    good: accepted,
  },
  {
    title: 'what a leaf signed is refused, what an intermediate signed is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (() => {
      const leaf = legacyLeaf();
      return judged([legacyLeaf({ key: KEYS.evil, issuer: leaf, subject: 'admin' }), leaf, CA]);
    })(),
    good: accepted,
  },
  {
    title:
      'a self-signed leaf is refused although it is an authority, its like from an authority is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (() => {
      const self = issueCa({
        key: KEYS.evil,
        subject: 'self',
        extensions: { keyUsage: keyUsage(0, 5), subjectAltName: subjectAltName([dns('web.a.test')]) },
      });
      return judged([self], [self]);
    })(),
    good: accepted,
  },
  {
    title: 'a common name outside of the permitted DNS names is refused, inside it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained('payments.b.test'),
    good: constrained('web.a.test'),
  },
  {
    title: 'a common name that is a wildcard outside is refused, one that is no host is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained('*.b.test'),
    good: constrained('Web of A. Test'),
  },
  {
    title: 'a leaf that is none is refused, an SVID is a certificate like any other',
    code: 'ERR_CHAIN_MALFORMED',
    bad: (core) =>
      core.verifyX509Chain([Buffer.from('no certificate')], [core.Certificate.parse(ROOT_A.der)], {
        at: NOW,
        role: 'client',
      }),
    good: judged([leafA(), CA]),
  },
];
