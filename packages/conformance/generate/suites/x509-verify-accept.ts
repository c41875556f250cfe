import { type Draft, ok } from '../draft.ts';
import { type Certificate, EXPIRED, issueCa, issueSvid } from '../pki/certificate.ts';
import { basic, constraints, eku, san, unknownExtension } from '../pki/extensions.ts';
import { ecKey, ed25519Key, type Key, rsaKey, rsaPssKey } from '../pki/keys.ts';
import {
  ID,
  INT,
  INT_KEY,
  intermediate,
  leaf,
  leafBelow,
  LEAF_KEY,
  ROOT,
  ROOT_B,
  ROOT_KEY,
  TD,
} from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';
import { accept, VERIFY_BOOK } from './x509-verify-case.ts';

const REF = { level: 'ref' } as const;

/** Rows 89 to 103: chains that are accepted. */
export function acceptedChains(): readonly Draft[] {
  return [...plain(), ...manyIssuers(), ...rotations(), ...algorithms(), ...extensions()];
}

/** Rows 104 to 107: time and result. */
export function timesAndResults(): readonly Draft[] {
  const bounded = leaf({ notBefore: '2035-01-01T00:00:00Z', notAfter: '2045-01-01T00:00:00Z' });
  const inside = { chain: [bounded], spec: [SPEC.rfc5280('4.1.2.5')] };
  const result = (id: string, title: string, chain: readonly Certificate[]): Draft => ({
    ...accept(107, id, title, { chain, ...REF, spec: [SPEC.kit('x509.verify')], features: ['verify:path'] }),
    expect: ok({ id: ID, pathSha256: [...chain, ROOT].map((one) => VERIFY_BOOK.fingerprint(one)) }),
  });
  return [
    accept(104, 'time/boundaries[at=first]', 'the first second is inside of the validity', {
      ...inside,
      at: '2035-01-01T00:00:00Z',
    }),
    accept(104, 'time/boundaries[at=last]', 'the last second is inside of the validity', {
      ...inside,
      at: '2045-01-01T00:00:00Z',
    }),
    accept(105, 'time/generalized[year=2050]', 'a GeneralizedTime of 2050 is read', {
      chain: [leaf({ notAfter: '2050-01-01T00:00:00Z' })],
      spec: [SPEC.rfc5280('4.1.2.5')],
      at: '2049-12-31T23:59:59Z',
    }),
    accept(105, 'time/generalized[year=2119]', 'a GeneralizedTime of 2119 is read', {
      chain: [leaf({ notAfter: '2119-06-01T00:00:00Z' })],
      spec: [SPEC.rfc5280('4.1.2.5')],
    }),
    accept(106, 'time/uses-given-clock', 'the instant that was given counts, not the clock', {
      chain: [bounded],
      ...REF,
      spec: [SPEC.kit('x509.verify')],
      at: '2040-01-01T00:00:00Z',
    }),
    result('result/id-and-chain[issuers=1]', 'the path ends in a certificate of the bundle', [leaf()]),
    result('result/id-and-chain[issuers=2]', 'the path has the intermediate in it', [leafBelow(INT), INT]),
  ];
}

function plain(): readonly Draft[] {
  const two = issueCa('intermediate b', ecKey('intermediate b'), { issuer: INT });
  const three = issueCa('intermediate c', ecKey('intermediate c'), { issuer: two });
  const order = { level: 'should', spec: [SPEC.chainOrder] } as const;
  const deep = leafBelow(three);
  return [
    accept(89, 'accept/direct-root', 'a leaf below the root is accepted', { chain: [leaf()] }),
    accept(90, 'accept/one-intermediate', 'a leaf below an intermediate is accepted', {
      chain: [leafBelow(INT), INT],
    }),
    accept(90, 'accept/three-intermediates', 'a leaf below three intermediates is accepted', {
      chain: [deep, three, two, INT],
    }),
    accept(91, 'accept/shuffled-intermediates', 'the order of the intermediates does not matter', {
      chain: [deep, INT, three, two],
      ...order,
    }),
    accept(91, 'accept/extra-unrelated', 'a certificate that proves nothing does no harm', {
      chain: [leafBelow(INT), ROOT_B, INT],
      ...order,
    }),
    accept(91, 'accept/duplicate', 'an intermediate that comes twice does no harm', {
      chain: [leafBelow(INT), INT, INT],
      ...order,
    }),
    accept(91, 'accept/root-included', 'a root that comes along does no harm', {
      chain: [leafBelow(INT), INT, ROOT],
      ...order,
    }),
    accept(96, 'accept/anchor-not-self-signed', 'an intermediate in the bundle is an authority', {
      chain: [leafBelow(INT)],
      bundles: { [TD]: [INT] },
      spec: [SPEC.path],
    }),
    accept(102, 'accept/signing-cert-other-td', 'whose bundle it is in decides, not what a CA calls itself', {
      chain: [leafBelow(foreign()), foreign()],
      spec: [SPEC.signingOtherTd],
    }),
    accept(103, 'accept/no-aki-ski', 'key identifiers are hints and may be absent', {
      chain: [issueSvid(ID, LEAF_KEY, bare(), { extensions: { authorityKeyId: null } })],
      bundles: { [TD]: [bare()] },
      ...REF,
      spec: [SPEC.rfc5280('4.2.1.1')],
    }),
  ];
}

function foreign(): Certificate {
  return issueCa('intermediate of others', ecKey('intermediate of others'), {
    issuer: ROOT,
    extensions: { subjectAltName: san(['uri:spiffe://other.example']) },
  });
}

function bare(): Certificate {
  return issueCa('root a', ROOT_KEY, { extensions: { subjectKeyId: null } });
}

function manyIssuers(): readonly Draft[] {
  const twin = issueCa('root a', ecKey('another root of the name'));
  const deadEnd = issueCa('intermediate a', ecKey('dead end'), { issuer: ROOT_B });
  // The identifier asks for the key of the dead end, and the other one signed.
  const misled = issueSvid(ID, LEAF_KEY, deadEnd, {
    signer: INT_KEY,
    defect: 'the key identifier is that of a dead end',
  });
  return [
    accept(92, 'accept/two-roots-same-name', 'of two roots with one name the one that signed is found', {
      chain: [leaf()],
      bundles: { [TD]: [twin, ROOT] },
      spec: [SPEC.rfc5280('6')],
    }),
    accept(93, 'accept/aki-hint-wrong-first', 'a key identifier that leads nowhere does not end the search', {
      chain: [misled, deadEnd, INT],
      ...REF,
      spec: [{ doc: 'RFC4158', section: '3.5' }],
    }),
  ];
}

function rotations(): readonly Draft[] {
  const nextKey = ecKey('root next');
  const next = issueCa('root next', nextKey);
  const cross = issueCa('root next', nextKey, { issuer: ROOT });
  const expiredCross = issueCa('root next', nextKey, { issuer: ROOT, ...EXPIRED });
  const live = issueCa('root next', nextKey, { issuer: ROOT_B });
  const low = leafBelow(next);
  const states: Readonly<Record<string, readonly [readonly Certificate[], readonly Certificate[]]>> = {
    old: [[low, cross], [ROOT]],
    new: [[low, cross], [next]],
    both: [
      [low, cross],
      [ROOT, next],
    ],
    'new-alone': [[low], [next]],
  };
  return [
    ...Object.entries(states).map(([name, [chain, roots]]) =>
      accept(
        94,
        `accept/cross-signed-rotation[trust=${name}]`,
        'a root that is being replaced keeps leaves valid',
        // Only a newer verifier gets more than it needs.
        name === 'new'
          ? { chain, bundles: { [TD]: roots }, level: 'should', spec: [SPEC.chainOrder] }
          : { chain, bundles: { [TD]: roots } },
      ),
    ),
    accept(95, 'accept/backtrack-expired-branch', 'an expired branch does not end the search', {
      chain: [low, expiredCross, live],
      bundles: { [TD]: [ROOT, ROOT_B] },
      ...REF,
      why: 'verifiers that follow the first issuer alone fail while roots are being replaced',
    }),
  ];
}

function algorithms(): readonly Draft[] {
  const keys: readonly (readonly [name: string, needs: string, key: Key])[] = [
    ['ecdsa-p256', 'ec-p256', ROOT_KEY],
    ['ecdsa-p384', 'ec-p384', ecKey('root', 'ec-p384')],
    ['ecdsa-p521', 'ec-p521', ecKey('root', 'ec-p521')],
    ['rsa-sha256', 'rsa-2048', rsaKey('rsa-2048-root', 'sha256')],
    ['rsa-sha384', 'rsa-2048', rsaKey('rsa-2048-root', 'sha384')],
    ['rsa-sha512', 'rsa-2048', rsaKey('rsa-2048-root', 'sha512')],
    ['rsa-pss', 'rsa-pss', rsaPssKey('rsa-2048-root')],
    ['ed25519', 'ed25519', ed25519Key('root')],
  ];
  return keys.map(([name, needs, key]) => {
    const root = issueCa('root a', key);
    return accept(97, `accept/algs[alg=${name}]`, `a signature with ${name} is verified`, {
      chain: [leafBelow(root)],
      bundles: { [TD]: [root] },
      features: [`keys:${needs}`],
      ...REF,
      spec: [SPEC.kit('x509.verify')],
    });
  });
}

function extensions(): readonly Draft[] {
  const flat = issueCa('root a', ROOT_KEY, { extensions: { basicConstraints: basic(true, 0) } });
  const one = issueCa('root a', ROOT_KEY, { extensions: { basicConstraints: basic(true, 1) } });
  const lowest = issueCa('intermediate a', INT_KEY, {
    issuer: one,
    extensions: { basicConstraints: basic(true, 0) },
  });
  const pathLen = { spec: [SPEC.rfc5280('4.2.1.9')] };
  const unknown = { spec: [SPEC.rfc5280('4.2')] };
  const strange = intermediate({ extensions: { unknown: unknownExtension(false) } });
  const purposes = { none: null, client: eku('client'), server: eku('server'), any: eku('any') };
  const within = (name: string, id: string): Draft => {
    const issuer = intermediate({
      extensions: { nameConstraints: constraints({ permitted: [`uri:${name}`] }) },
    });
    const td = /^spiffe:\/\/([^/]+)/.exec(id)?.[1] ?? '';
    return accept(
      101,
      `accept/nc-uri-permitted[form=${name.startsWith('.') ? 'below' : 'host'}]`,
      'a trust domain inside of the name constraints is accepted',
      {
        chain: [leafBelow(issuer, {}, id), issuer],
        bundles: { [td]: [ROOT] },
        id,
        level: 'may',
        spec: [SPEC.nameConstraints],
      },
    );
  };
  return [
    accept(98, 'accept/pathlen-exact[issuers=1]', 'the leaf does not count as a step of the path', {
      chain: [leafBelow(flat)],
      bundles: { [TD]: [flat] },
      ...pathLen,
    }),
    accept(98, 'accept/pathlen-exact[issuers=2]', 'as many steps as are allowed are allowed', {
      chain: [leafBelow(lowest), lowest],
      bundles: { [TD]: [one] },
      ...pathLen,
    }),
    accept(
      99,
      'accept/unknown-noncritical-ext[in=leaf]',
      'an extension that nobody knows and that is not critical is passed over',
      {
        chain: [leaf({ extensions: { unknown: unknownExtension(false) } })],
        ...unknown,
      },
    ),
    accept(
      99,
      'accept/unknown-noncritical-ext[in=intermediate]',
      'an extension that nobody knows and that is not critical is passed over',
      {
        chain: [leafBelow(strange), strange],
        ...unknown,
      },
    ),
    ...Object.entries(purposes).map(([name, extendedKeyUsage]) =>
      accept(
        100,
        `accept/eku-none-client-server-any[eku=${name}]`,
        'an extended key usage that allows the role is accepted',
        {
          chain: [leaf({ extensions: { extendedKeyUsage } })],
          role: name === 'server' ? 'server' : 'client',
          ...REF,
          spec: [SPEC.eku],
        },
      ),
    ),
    within('example.org', ID),
    within('.example.org', 'spiffe://a.example.org/web'),
  ];
}
