import {
  directory,
  dns,
  email,
  type ExtensionSet,
  ip,
  type Issued,
  issueCa,
  nameConstraints,
  subjectAltName,
  uri,
} from '../pki/certificates.ts';
import { element, name, oid, sequence, set, text } from '../pki/der.ts';
import { check, type Core, type Scenario } from './scenario.ts';
import { BUNDLE_A, INT_A, intermediateA, KEYS, leafA, rootA } from './world.ts';

interface Trees {
  readonly permitted?: readonly Buffer[];
  readonly excluded?: readonly Buffer[];
}

const ID = uri('spiffe://a.test/web');

/** A chain whose intermediate has these constraints, and whose leaf has these names beside its SPIFFE ID. */
function constrained(
  trees: Trees,
  names: readonly Buffer[] = [],
  subject: string | Buffer = 'web',
): (core: Core) => unknown {
  const int = intermediateA({ extensions: { nameConstraints: nameConstraints(trees) } });
  const leaf = leafA({
    issuer: int,
    subject,
    extensions: { subjectAltName: subjectAltName([ID, ...names]) },
  });
  return (core) => check(core, [leaf, int], BUNDLE_A);
}

function constrainedRoot(trees: Trees, isCritical: boolean, int: ExtensionSet = {}): (core: Core) => unknown {
  const root = rootA({ extensions: { nameConstraints: nameConstraints(trees, isCritical) } });
  const below = intermediateA({ issuer: root, extensions: int });
  return (core) => check(core, [leafA({ issuer: below }), below], { 'a.test': [root] });
}

const withEmail = (address: string): Buffer =>
  sequence(set(sequence(oid('1.2.840.113549.1.9.1'), text(0x16, address))));
const printable = (commonName: string): Buffer =>
  sequence(set(sequence(oid('2.5.4.3'), text(0x13, commonName))));
const otherName = (): Buffer => element(0xa0, oid('1.2.3.4'), element(0xa0, text(0x0c, 'x')));
const registeredId = (): Buffer => element(0x88, '2a03');

/** Name constraints: RFC 5280 4.2.1.10, X509-SVID 4.2. */
export const CONSTRAINT_SCENARIOS: readonly Scenario[] = [
  {
    title: 'X-12 a trust domain outside of the permitted ones is refused, inside it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [uri('b.test')] }),
    good: constrained({ permitted: [uri('b.test'), uri('a.test')] }),
  },
  {
    title: 'X-12 an excluded trust domain is refused, beside an excluded one it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [uri('a.test')] }),
    good: constrained({ excluded: [uri('b.test')] }),
  },
  {
    title: 'X-12 what is permitted and excluded is refused, what is only permitted is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [uri('a.test')], excluded: [uri('A.TEST')] }),
    good: constrained({ permitted: [uri('A.test')], excluded: [uri('b.test')] }),
  },
  {
    title: 'X-12 a leading period permits the names below and not the name itself',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [uri('.a.test')] }),
    good: constrained({ permitted: [uri('.test')] }),
  },
  {
    title: 'X-12 constraints of the root count, and where they are met the chain is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrainedRoot({ excluded: [uri('a.test')] }, true),
    good: constrainedRoot({ permitted: [uri('a.test')] }, true),
  },
  {
    title: 'X-12 constraints that are not critical count all the same',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrainedRoot({ excluded: [uri('a.test')] }, false),
    good: constrainedRoot({ excluded: [uri('b.test')] }, false),
  },
  {
    title: 'X-12 constraints hold for the names of intermediates too, unless they are self-issued',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrainedRoot({ permitted: [uri('a.test')] }, true, {
      names: subjectAltName([uri('spiffe://b.test')]),
    }),
    good: (core) => {
      const root = rootA({
        extensions: { nameConstraints: nameConstraints({ permitted: [uri('a.test')] }) },
      });
      const names = subjectAltName([uri('spiffe://b.test')]);
      const renewed = issueCa({ key: KEYS.rootA2, subject: 'root A', issuer: root, extensions: { names } });
      return check(core, [leafA({ issuer: renewed }), renewed], { 'a.test': [root] });
    },
  },
  {
    title: 'X-12 a constraint that is no host decides nothing and is refused, a host is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [uri('spiffe://b.test/')] }),
    good: constrained({ excluded: [uri('b.test')] }),
  },
  {
    title:
      'X-12 a URI whose host hides behind userinfo is refused under constraints, a plain one is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrainedRoot({ permitted: [uri('a.test'), uri('x@a.test')] }, true, {
      names: subjectAltName([uri('https://x@a.test/')]),
    }),
    good: constrainedRoot({ permitted: [uri('a.test')] }, true, {
      names: subjectAltName([uri('https://a.test/x')]),
    }),
  },
  {
    title:
      'X-12 constraints on names of another kind say nothing about a leaf without them, and refuse one with them',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [dns('b.test')] }, [dns('a.test')]),
    good: constrained({ permitted: [dns('b.test')] }),
  },
  {
    title: 'a DNS name outside of the permitted host is refused, the host and names below it are accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [dns('a.test')] }, [dns('xa.test')]),
    good: constrained({ permitted: [dns('a.test')] }, [dns('A.TEST'), dns('x.y.a.test'), dns('*.a.test')]),
  },
  {
    title: 'a DNS name below an excluded host is refused, beside it it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [dns('a.test')] }, [dns('x.a.test')]),
    good: constrained({ excluded: [dns('a.test')] }, [dns('b.test')]),
  },
  {
    title: 'a wildcard that could match an excluded host is refused, one that could not is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [dns('x.a.test')] }, [dns('*.a.test')]),
    good: constrained({ excluded: [dns('y.x.a.test')] }, [dns('*.a.test')]),
  },
  {
    title: 'a wildcard that reaches out of the permitted host is refused, one inside is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [dns('x.a.test')] }, [dns('*.a.test')]),
    good: constrained({ permitted: [dns('a.test')] }, [dns('*.x.a.test')]),
  },
  {
    title:
      'a DNS name that is none is refused under constraints, without them it is nobody’s business (X-03)',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [dns('a.test')] }, [dns('.a.test')]),
    good: constrained({ permitted: [uri('a.test')] }, [dns('.a.test')]),
  },
  {
    title:
      'a DNS constraint with a leading period decides nothing and is refused, the empty one is every name',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [dns('.b.test')] }, [dns('a.test')]),
    good: constrained({ permitted: [dns('')] }, [dns('a.test')]),
  },
  {
    title: 'an address outside of the permitted network is refused, inside it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [ip(10, 0, 0, 0, 255, 0, 0, 0)] }, [ip(11, 0, 0, 1)]),
    good: constrained({ permitted: [ip(10, 0, 0, 0, 255, 0, 0, 0)] }, [ip(10, 9, 8, 7)]),
  },
  {
    title: 'a network whose mask has holes decides nothing and is refused, a prefix is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [ip(10, 0, 0, 0, 255, 0, 255, 0)] }, [ip(11, 0, 0, 1)]),
    good: constrained({ excluded: [ip(10, 0, 0, 0, 255, 128, 0, 0)] }, [ip(11, 0, 0, 1)]),
  },
  {
    title:
      'an address of six octets is refused under constraints, an address of the other family is not in them',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [ip(10, 0, 0, 0, 255, 0, 0, 0)] }, [ip(11, 0, 0, 1, 0, 0)]),
    good: constrained({ excluded: [ip(10, 0, 0, 0, 255, 0, 0, 0)] }, [
      ip(...Array.from({ length: 16 }, () => 10)),
    ]),
  },
  {
    title: 'a mailbox at another host is refused, at the permitted one it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [email('a.test')] }, [email('x@b.a.test')]),
    good: constrained({ permitted: [email('.a.test')] }, [email('x@b.a.test')]),
  },
  {
    title: 'another mailbox than the permitted one is refused, that one is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [email('x@a.test')] }, [email('X@a.test')]),
    good: constrained({ permitted: [email('x@a.test')] }, [email('x@A.test')]),
  },
  {
    title: 'an e-mail constraint that is none decides nothing and is refused, a host is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [email('b..test')] }, [email('x@a.test')]),
    good: constrained({ excluded: [email('b.test')] }, [email('x@a.test')]),
  },
  {
    title: 'an e-mail address in the subject is held to constraints, another one in it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [email('a.test')] }, [], withEmail('x@a.test')),
    good: constrained({ excluded: [email('a.test')] }, [], withEmail('x@b.test')),
  },
  {
    title: 'a subject outside of the permitted directory is refused, inside it is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [directory(name('other'))] }),
    good: constrained({ permitted: [directory(name('web'))] }),
  },
  {
    title: 'a permitted directory in another encoding is not taken for the same, in the same encoding it is',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [directory(printable('web'))] }),
    good: constrained({ permitted: [directory(printable('web'))] }, [], printable('web')),
  },
  {
    title: 'an excluded directory in another case and encoding is refused, another name is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [directory(printable('W eB'))] }),
    good: constrained({ excluded: [directory(printable('webs'))] }),
  },
  {
    title: 'an excluded directory whose text cannot be read is refused, a readable one is accepted',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [directory(sequence(set(sequence(oid('2.5.4.3'), element(0x04, '00')))))] }),
    good: constrained({
      excluded: [directory(sequence(set(sequence(oid('2.5.4.3'), element(0x1e, '00780079')))))],
    }),
  },
  {
    title: 'a constraint on a kind of name nobody can compare refuses such a name, and nothing without it',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ excluded: [otherName()] }, [otherName()]),
    good: constrained({ excluded: [otherName()] }),
  },
  {
    title: 'a permitted registered identifier refuses every such name, and nothing without it',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: constrained({ permitted: [registeredId()] }, [registeredId()]),
    good: constrained({ permitted: [registeredId()] }),
  },
  {
    title: 'constraints and names in the thousands exceed the budget, some dozens do not',
    code: 'ERR_CHAIN_BUDGET',
    bad: many(200),
    good: many(50),
  },
  {
    title: 'constraints of a branch that leads nowhere do no harm, on the only branch they do',
    code: 'ERR_CHAIN_UNTRUSTED',
    bad: (core) => check(core, [leafA(), forbidding()], BUNDLE_A),
    good: (core) => check(core, [leafA(), forbidding(), INT_A], BUNDLE_A),
  },
];

function forbidding(): Issued {
  return intermediateA({ extensions: { nameConstraints: nameConstraints({ excluded: [uri('a.test')] }) } });
}

function many(count: number): (core: Core) => unknown {
  const hosts = Array.from({ length: count }, (_, index) => dns(`h${index}.test`));
  return constrained({ permitted: hosts }, hosts);
}
