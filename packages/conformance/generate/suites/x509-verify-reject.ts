import { choice, type Draft, ok, reject } from '../draft.ts';
import { type Certificate, EXPIRED, FUTURE, issueCa, issueSvid } from '../pki/certificate.ts';
import { basic, eku, san, subjectKeyId, unknownExtension, usage } from '../pki/extensions.ts';
import {
  EVIL_KEY,
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
import { accept, ofAnchor, refuse } from './x509-verify-case.ts';
import { rejectedIssuers } from './x509-verify-issuer.ts';

const UNTRUSTED = ['x509.untrusted', 'x509.signature'];
const BELOW_INT = 'accept/one-intermediate';

/** Rows 108 to 134, and the rest that is about who signed what. */
export function rejectedChains(): readonly Draft[] {
  return [...untrusted(), ...bundles(), ...times(), ...leaves(), ...rejectedIssuers(), ...criticals()];
}

function untrusted(): readonly Draft[] {
  const lookalike = issueCa('root a', EVIL_KEY, { extensions: { subjectKeyId: subjectKeyId(ROOT_KEY) } });
  return [
    refuse(108, 'untrusted/other-root', 'a root that is in no bundle vouches for nobody', UNTRUSTED, {
      chain: [leafBelow(issueCa('root evil', EVIL_KEY))],
    }),
    refuse(
      109,
      'untrusted/same-name-same-ski-other-key',
      'name and key identifier of a root are no proof',
      UNTRUSTED,
      {
        chain: [leafBelow(lookalike), lookalike],
      },
    ),
    refuse(110, 'untrusted/self-signed-leaf', 'a leaf does not vouch for itself', UNTRUSTED, {
      chain: [issueSvid(ID, LEAF_KEY, undefined)],
    }),
    refuse(111, 'untrusted/missing-intermediate', 'a path with a gap is no path', UNTRUSTED, {
      chain: [leafBelow(INT)],
      control: BELOW_INT,
    }),
    refuse(145, 'name/issuer-mismatch', 'the right key under another name is not the issuer', UNTRUSTED, {
      chain: [leaf({ issuerName: 'root of others' })],
      spec: [SPEC.rfc5280('6.1.3')],
    }),
  ];
}

function bundles(): readonly Draft[] {
  const ofB = 'spiffe://b.test/web';
  return [
    refuse(
      112,
      'bundle/no-entry-for-td',
      'a trust domain without a bundle is not trusted',
      ['x509.no-bundle'],
      {
        chain: [leaf()],
        bundles: { 'b.test': [ROOT] },
        spec: [SPEC.bundleOfTd],
      },
    ),
    refuse(
      113,
      'bundle/other-td-root',
      'the authority of one trust domain does not vouch for another',
      UNTRUSTED,
      {
        chain: [leaf({}, ofB)],
        bundles: { [TD]: [ROOT], 'b.test': [ROOT_B] },
        spec: [SPEC.neverMerge, SPEC.bundleOfTd],
        why: 'a compromised or hostile partner could become anyone',
      },
    ),
    {
      ...accept(
        114,
        'bundle/td-case-trick',
        'a trust domain in another case may be refused, or is the one in lower case and its bundle',
        {
          chain: [leaf({}, 'spiffe://Example.org/web')],
          level: 'choice',
          spec: [SPEC.idHostLower, SPEC.idCase],
        },
      ),
      control: 'accept/direct-root',
      expect: choice({ refused: reject('x509.leaf.id', 'id.td.case'), folded: ok({ id: ID }) }),
    },
    refuse(
      115,
      'bundle/empty',
      'a bundle without authorities trusts nobody',
      ['x509.no-bundle', 'bundle.empty', ...UNTRUSTED],
      {
        chain: [leaf()],
        bundles: { [TD]: [] },
        spec: [SPEC.emptyBundle],
      },
    ),
  ];
}

function times(): readonly Draft[] {
  const out: Draft[] = [];
  for (const [row, slug, validity, code] of [
    [117, 'expired', EXPIRED, 'x509.expired'],
    [118, 'future', FUTURE, 'x509.not-yet-valid'],
  ] as const) {
    const int = intermediate(validity);
    const root = issueCa('root a', ROOT_KEY, validity);
    const rfc = { spec: [SPEC.rfc5280('6.1.3')] };
    out.push(
      refuse(
        row,
        `time/${slug}-leaf`,
        `a leaf that is ${slug === 'expired' ? 'over' : 'still ahead'} is refused`,
        [code],
        { chain: [leaf(validity)], ...rfc },
      ),
      refuse(
        row,
        `time/${slug}-intermediate`,
        'every certificate of a path has to be valid',
        [code, ...UNTRUSTED],
        {
          chain: [leafBelow(int), int],
          control: BELOW_INT,
          ...rfc,
        },
      ),
      ofAnchor(
        refuse(
          row,
          `time/${slug}-root`,
          'the validity of an authority may be passed over',
          [code, ...UNTRUSTED],
          {
            chain: [leaf()],
            bundles: { [TD]: [root] },
          },
        ),
      ),
    );
  }
  const bounded = leaf({ notBefore: '2035-01-01T00:00:00Z', notAfter: '2045-01-01T00:00:00Z' });
  const edge = { chain: [bounded], spec: [SPEC.rfc5280('4.1.2.5')] };
  return [
    ...out,
    refuse(
      104,
      'time/boundaries[at=before]',
      'the second before the validity is outside',
      ['x509.not-yet-valid'],
      {
        ...edge,
        at: '2034-12-31T23:59:59Z',
        control: 'time/boundaries[at=first]',
      },
    ),
    refuse(104, 'time/boundaries[at=after]', 'the second after the validity is outside', ['x509.expired'], {
      ...edge,
      at: '2045-01-01T00:00:01Z',
      control: 'time/boundaries[at=last]',
    }),
  ];
}

function leaves(): readonly Draft[] {
  const names = (...list: readonly string[]): Certificate =>
    leaf({ extensions: { subjectAltName: san(list) } });
  const signer = issueSvid(ID, INT_KEY, ROOT);
  return [
    refuse(119, 'leaf/ca-true', 'a leaf with cA=true is refused', ['x509.leaf.ca'], {
      chain: [leaf({ extensions: { basicConstraints: basic(true) } })],
      spec: [SPEC.leafValidation],
      why: 'a stolen intermediate must not be able to log in as a workload',
    }),
    refuse(
      120,
      'leaf/key-cert-sign',
      'a leaf that may sign certificates is refused',
      ['x509.leaf.key-cert-sign'],
      {
        chain: [leaf({ extensions: { keyUsage: usage(['digitalSignature', 'keyCertSign']) } })],
        spec: [SPEC.leafValidation],
      },
    ),
    refuse(121, 'leaf/crl-sign', 'a leaf that may sign CRLs is refused', ['x509.leaf.crl-sign'], {
      chain: [leaf({ extensions: { keyUsage: usage(['digitalSignature', 'cRLSign']) } })],
      spec: [SPEC.leafValidation],
    }),
    refuse(
      122,
      'leaf/path-less',
      'the ID of the trust domain itself is for signing certificates',
      ['x509.leaf.path', 'x509.leaf.id'],
      {
        chain: [leaf({}, 'spiffe://example.org')],
        spec: [SPEC.leafScheme],
      },
    ),
    refuse(123, 'leaf/two-uri-sans', 'a leaf with two URI names is refused', ['x509.uri-san.multiple'], {
      chain: [names(`uri:${ID}`, 'uri:spiffe://example.org/other')],
      spec: [SPEC.manyUris],
    }),
    refuse(
      123,
      'leaf/two-uri-sans[second=https]',
      'a leaf with another URI beside its ID is refused',
      ['x509.uri-san.multiple'],
      {
        chain: [names(`uri:${ID}`, 'uri:https://example.org/web')],
        spec: [SPEC.manyUris],
      },
    ),
    ...['dns', 'email'].map((kind) =>
      refuse(
        124,
        `leaf/id-in-other-san[kind=${kind}]`,
        'an ID that is no URI name is none',
        ['x509.uri-san.missing', 'der.malformed', 'x509.malformed'],
        {
          chain: [names(`${kind}:${ID}`)],
          spec: [SPEC.uriSan],
          why: 'an authority that lets others choose such names would let them choose an identity',
        },
      ),
    ),
    refuse(124, 'leaf/no-uri-san', 'a leaf without a URI name is refused', ['x509.uri-san.missing'], {
      chain: [names('dns:web.example.org')],
      spec: [SPEC.oneUri],
    }),
    refuse(125, 'leaf/scheme', 'a URI name that is no SPIFFE ID is refused', ['x509.leaf.id', 'id.scheme'], {
      chain: [names('uri:https://example.org/web')],
      spec: [SPEC.leafScheme],
    }),
    refuse(
      126,
      'leaf/signing-cert-as-leaf',
      'a signing certificate does not authenticate',
      ['x509.leaf.ca', 'x509.leaf.path', 'x509.leaf.id', 'x509.leaf.key-cert-sign'],
      {
        chain: [intermediate({ extensions: { subjectAltName: san(['uri:spiffe://example.org/ca']) } })],
        spec: [SPEC.signingNotLeaf],
      },
    ),
    refuse(
      127,
      'leaf/issued-by-leaf',
      'an SVID does not sign SVIDs',
      ['x509.ca.flag', 'x509.ca.key-usage', ...UNTRUSTED],
      {
        chain: [leafBelow(signer, {}, 'spiffe://example.org/victim'), signer],
        control: BELOW_INT,
        spec: [SPEC.rfc5280('6.1.4')],
        why: 'any workload could become any other one',
      },
    ),
    {
      ...accept(
        100,
        'choice/eku-other-role',
        'an extended key usage of the other role may be refused, or passed over',
        {
          chain: [leaf({ extensions: { extendedKeyUsage: eku('server') } })],
          role: 'client',
          level: 'choice',
          spec: [SPEC.eku, SPEC.rfc5280('4.2.1.12')],
        },
      ),
      control: 'accept/eku-none-client-server-any[eku=server]',
      expect: choice({ refused: reject('x509.leaf.eku'), accepted: ok({ id: ID }) }),
    },
  ];
}

function criticals(): readonly Draft[] {
  const critical = { extensions: { unknown: unknownExtension(true) } };
  const int = intermediate(critical);
  const root = issueCa('root a', ROOT_KEY, critical);
  const rfc = { spec: [SPEC.rfc5280('4.2')] };
  const twice = san([`uri:${ID}`]);
  return [
    refuse(
      133,
      'ext/unknown-critical[in=leaf]',
      'a critical extension that nobody knows is refused',
      ['x509.critical-extension'],
      { chain: [leaf(critical)], ...rfc },
    ),
    refuse(
      133,
      'ext/unknown-critical[in=intermediate]',
      'a critical extension that nobody knows is refused',
      ['x509.critical-extension', ...UNTRUSTED],
      {
        chain: [leafBelow(int), int],
        control: BELOW_INT,
        ...rfc,
      },
    ),
    {
      ...accept(
        133,
        'ext/unknown-critical[in=root]',
        'a critical extension of an authority may be passed over',
        { chain: [leaf()], bundles: { [TD]: [root] }, level: 'choice', ...rfc },
      ),
      control: 'accept/direct-root',
      expect: choice({
        refused: reject(
          'x509.critical-extension',
          'bundle.empty',
          'bundle.malformed',
          'x509.no-bundle',
          ...UNTRUSTED,
        ),
        accepted: ok({ id: ID }),
      }),
    },
    refuse(
      134,
      'ext/duplicate',
      'an extension that comes twice is refused',
      ['der.malformed', 'x509.malformed'],
      {
        chain: [leaf({ extensions: { subjectAltName: [twice, twice] } })],
        ...rfc,
      },
    ),
  ];
}
