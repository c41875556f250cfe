import { choice, type Draft, ok, reject } from '../draft.ts';
import { type Certificate, ECDSA_SHA384, issueCa, issueSvid } from '../pki/certificate.ts';
import { integer, sequence } from '../pki/der.ts';
import { constraints, san } from '../pki/extensions.ts';
import { dsaKey, ecKey, type Key, P256_ORDER, p192Key, rsaKey } from '../pki/keys.ts';
import {
  EVIL_KEY,
  ID,
  INT,
  intermediate,
  leaf,
  leafBelow,
  LEAF_KEY,
  ROOT,
  ROOT_KEY,
  TD,
} from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';
import { accept, ofAnchor, refuse } from './x509-verify-case.ts';

const UNTRUSTED = ['x509.untrusted', 'x509.signature'];
const BELOW_INT = 'accept/one-intermediate';
const MALFORMED = ['der.malformed', 'x509.malformed'];

/** Rows 135 to 149: name constraints, signatures, keys, chains that are none, work and order. */
export function rejectedDetails(): readonly Draft[] {
  return [...named(), ...signatures(), ...keys(), ...chains(), ...work(), ...authorization()];
}

function named(): readonly Draft[] {
  const held = (trees: Parameters<typeof constraints>[0]): Certificate =>
    intermediate({ extensions: { nameConstraints: constraints(trees) } });
  const may = {
    level: 'may',
    spec: [SPEC.nameConstraints],
    control: 'accept/nc-uri-permitted[form=host]',
  } as const;
  const rfc = { spec: [SPEC.rfc5280('4.2.1.10')] } as const;
  const under = (
    issuer: Certificate,
    names: readonly string[] = [`uri:${ID}`],
  ): { chain: readonly Certificate[] } => ({
    chain: [leafBelow(issuer, { extensions: { subjectAltName: san(names) } }), issuer],
  });
  const narrowRoot = issueCa('root a', ROOT_KEY, {
    extensions: { nameConstraints: constraints({ permitted: ['uri:other.example'] }) },
  });
  const narrow = held({ permitted: ['uri:example.org'] });
  const code = ['x509.name-constraint', 'x509.critical-extension', ...UNTRUSTED];
  const malformed = { port: 'example.org:443', uri: 'spiffe://example.org', space: 'example org' };
  const typed = held({ permitted: ['other:x'] });
  return [
    refuse(135, 'nc/uri-excluded', 'a trust domain that is excluded is refused', code, {
      ...under(held({ excluded: ['uri:example.org'] })),
      ...may,
    }),
    refuse(136, 'nc/uri-not-permitted[form=host]', 'a trust domain that is not permitted is refused', code, {
      ...under(held({ permitted: ['uri:other.example'] })),
      ...may,
    }),
    refuse(
      136,
      'nc/uri-not-permitted[form=below]',
      'a constraint with a dot does not hold the name itself',
      code,
      { ...under(held({ permitted: ['uri:.example.org'] })), ...may },
    ),
    refuse(136, 'nc/uri-not-permitted[form=suffix]', 'a constraint without a dot is one name', code, {
      chain: [leafBelow(narrow, {}, 'spiffe://a.example.org/web'), narrow],
      bundles: { 'a.example.org': [ROOT] },
      ...may,
    }),
    ofAnchor(
      refuse(
        136,
        'nc/uri-not-permitted[form=root]',
        'the name constraints of an authority may be passed over',
        code,
        {
          chain: [leafBelow(narrowRoot)],
          bundles: { [TD]: [narrowRoot] },
          control: 'accept/direct-root',
        },
      ),
    ),
    ...Object.entries(malformed).map(([name, tree]) =>
      refuse(
        137,
        `nc/uri-malformed[name=${name}]`,
        'a constraint that is no host refuses',
        [...code, ...MALFORMED],
        { ...under(held({ excluded: [`uri:${tree}`] })), ...may },
      ),
    ),
    refuse(138, 'nc/dns-violated', 'every name has to be inside of the constraints', code, {
      ...under(held({ permitted: ['dns:example.org', 'uri:example.org'] }), [
        `uri:${ID}`,
        'dns:web.example.com',
      ]),
      ...rfc,
      control: 'accept/nc-uri-permitted[form=host]',
    }),
    refuse(
      139,
      'nc/unsupported-type-critical',
      'a constraint on a kind of name that is not supported refuses',
      code,
      {
        ...under(typed, [`uri:${ID}`, 'other:y']),
        ...rfc,
        control: 'accept/nc-uri-permitted[form=host]',
      },
    ),
  ];
}

function signatures(): readonly Draft[] {
  const flip = (good: Buffer): Buffer => {
    const bad = Buffer.from(good);
    bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1;
    return bad;
  };
  const int = intermediate({ signature: flip, defect: 'one bit of the signature is flipped' });
  const rfc = { spec: [SPEC.rfc5280('6.1.3')] };
  const changed = leaf({
    edit: (der) =>
      Buffer.from(der.toString('latin1').replace('example.org/web', 'example.org/abc'), 'latin1'),
    defect: 'the ID was changed after signing',
  });
  const weak = (hash: 'md5' | 'sha1'): Draft => {
    const root = issueCa('root a', rsaKey('rsa-2048-root'));
    const below = issueSvid(ID, LEAF_KEY, root, { signer: rsaKey('rsa-2048-root', hash) });
    return refuse(
      142,
      `sig/${hash}`,
      `a signature with ${hash} is refused`,
      ['x509.algorithm', ...UNTRUSTED],
      {
        chain: [below],
        bundles: { [TD]: [root] },
        level: 'ref',
        features: ['keys:rsa-2048'],
        spec: [SPEC.kit('x509.verify')],
        control: 'accept/algs[alg=rsa-sha256]',
      },
    );
  };
  const broken: Readonly<Record<string, (r: bigint, s: bigint) => Buffer>> = {
    'r-zero': (_, s) => sequence(integer(0), integer(s)),
    's-zero': (r) => sequence(integer(r), integer(0)),
    's-plus-n': (r, s) => sequence(integer(r), integer(s + P256_ORDER)),
    garbage: () => Buffer.from('garbage'),
  };
  return [
    refuse(140, 'sig/leaf-bit-flip', 'one bit of a signature counts', UNTRUSTED, {
      chain: [leaf({ signature: flip, defect: 'one bit of the signature is flipped' })],
      ...rfc,
    }),
    refuse(140, 'sig/intermediate-bit-flip', 'one bit of a signature counts', UNTRUSTED, {
      chain: [leafBelow(int), int],
      control: BELOW_INT,
      ...rfc,
    }),
    refuse(140, 'sig/tbs-change', 'what is signed cannot be changed', UNTRUSTED, {
      chain: [changed],
      ...rfc,
    }),
    refuse(
      141,
      'sig/alg-mismatch',
      'both signature algorithms have to be the same',
      [...MALFORMED, 'x509.algorithm', ...UNTRUSTED],
      {
        chain: [leaf({ outerAlgorithm: ECDSA_SHA384, defect: 'another algorithm beside the signature' })],
        spec: [SPEC.rfc5280('4.1.1.2')],
      },
    ),
    weak('md5'),
    weak('sha1'),
    ...Object.entries(broken).map(([name, make]) =>
      refuse(
        143,
        `sig/ecdsa-invalid[name=${name}]`,
        'an ECDSA signature out of range is refused',
        [...UNTRUSTED, ...MALFORMED],
        {
          chain: [
            leaf({ signature: (good) => make(...numbersOf(good)), defect: `the signature has ${name}` }),
          ],
          ...rfc,
        },
      ),
    ),
  ];
}

/** The two numbers of an ECDSA signature. */
function numbersOf(signature: Buffer): [bigint, bigint] {
  const size = signature[3] ?? 0;
  const r = signature.subarray(4, 4 + size);
  return [BigInt(`0x${r.toString('hex')}`), BigInt(`0x${signature.subarray(6 + size).toString('hex')}`)];
}

function keys(): readonly Draft[] {
  const weak: Readonly<Record<string, Key>> = {
    'rsa-1024': rsaKey('rsa-1024'),
    'p-192': p192Key(),
    dsa: dsaKey(),
  };
  return Object.entries(weak).map(([name, key]) => ({
    ...accept(144, `key/${name}`, `a leaf with a key of ${name} may be refused`, {
      chain: [issueSvid(ID, key, ROOT)],
      level: 'choice',
      spec: [SPEC.kit('x509.verify')],
    }),
    control: 'accept/direct-root',
    expect: choice({ refused: reject('x509.weak-key', ...MALFORMED), accepted: ok({ id: ID }) }),
  }));
}

function chains(): readonly Draft[] {
  const trailing = Buffer.concat([leaf().der, Buffer.from([0])]);
  return [
    refuse(146, 'chain/empty', 'no certificate is no peer', ['x509.empty', ...MALFORMED], {
      chain: [],
      spec: [SPEC.path],
    }),
    refuse(146, 'chain/garbage', 'bytes that are no certificate are refused', MALFORMED, {
      chain: [Buffer.from('no certificate')],
      spec: [SPEC.rfc5280('4.1')],
    }),
    refuse(146, 'chain/trailing-bytes', 'bytes after a certificate are refused', MALFORMED, {
      chain: [trailing],
      spec: [SPEC.rfc5280('4.1')],
    }),
  ];
}

function work(): readonly Draft[] {
  const may = {
    level: 'may',
    spec: [SPEC.kit('x509.verify')],
    control: BELOW_INT,
    deadlineMs: 2000,
    why: 'whoever can connect could keep the process busy',
  } as const;
  const codes = [...UNTRUSTED, 'x509.chain-length', 'x509.budget', 'x509.name-constraint'];
  const a = ecKey('cycle a');
  const b = ecKey('cycle b');
  const aRoot = issueCa('cycle a', a);
  const bByA = issueCa('cycle b', b, { issuer: aRoot });
  const aByB = issueCa('cycle a', a, { issuer: bByA });
  const same = Array.from({ length: 64 }, (_, index) =>
    issueCa('same name', ecKey(`same name ${index}`), {
      issuer: issueCa('same name', ecKey(`same name ${(index + 1) % 64}`)),
    }),
  );
  const [first = INT] = same;
  const many = Array.from({ length: 50 }, (_, index) =>
    issueCa(`stranger ${index}`, ecKey(`stranger ${index}`)),
  );
  const names = Array.from({ length: 500 }, (_, index) => `dns:n${index}.example`);
  const bomb = intermediate({
    extensions: {
      nameConstraints: constraints({
        excluded: [...names.map((name) => name.replace('dns:n', 'dns:x')), 'dns:n499.example'],
      }),
    },
  });
  return [
    refuse(147, 'dos/cycle', 'issuers that go round in a circle end the search', codes, {
      chain: [leafBelow(aByB), aByB, bByA],
      ...may,
    }),
    refuse(147, 'dos/64-same-name-cas', 'sixty-four issuers of one name end the search', codes, {
      chain: [leafBelow(first), ...same],
      ...may,
    }),
    refuse(147, 'dos/nc-bomb', 'hundreds of names against hundreds of constraints end', codes, {
      chain: [leafBelow(bomb, { extensions: { subjectAltName: san([`uri:${ID}`, ...names]) } }), bomb],
      ...may,
    }),
    refuse(147, 'dos/500-certs', 'five hundred certificates end the search', codes, {
      chain: [
        leafBelow(issueCa('root evil', EVIL_KEY)),
        ...Array.from({ length: 10 }, () => many).flat(),
      ].slice(0, 500),
      ...may,
    }),
  ];
}

function authorization(): readonly Draft[] {
  const kit = { level: 'ref', spec: [SPEC.kit('x509.verify')], features: ['rules:id'] } as const;
  const allowed = accept(
    148,
    'authorize/allowed-after-valid',
    'a verified peer that the rule lets in is accepted',
    { chain: [leaf()], authorize: { id: ID }, ...kit },
  );
  return [
    allowed,
    refuse(
      148,
      'authorize/denied-after-valid',
      'a verified peer that the rule denies is refused as denied',
      ['authz.denied'],
      {
        chain: [leaf()],
        authorize: { id: 'spiffe://example.org/other' },
        control: allowed.id,
        ...kit,
      },
    ),
    refuse(
      149,
      'order/authn-before-authz',
      'an untrusted peer with an allowed ID is refused as untrusted',
      UNTRUSTED,
      {
        chain: [leafBelow(issueCa('root evil', EVIL_KEY))],
        authorize: { id: ID },
        control: allowed.id,
        ...kit,
      },
    ),
  ];
}
