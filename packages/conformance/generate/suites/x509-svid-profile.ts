import { choice, type Draft, reject } from '../draft.ts';
import { type Certificate, type Changes, EXPIRED, issueCa, issueSvid } from '../pki/certificate.ts';
import { sequence, text } from '../pki/der.ts';
import { basic, eku, type Extension, extension, san, unknownExtension, usage } from '../pki/extensions.ts';
import { ecKey } from '../pki/keys.ts';
import { ID, INT_KEY, leaf, leafBelow, LEAF_KEY, ROOT } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';
import { accept, readSvid, refuse } from './x509-svid-case.ts';

const MALFORMED = ['der.malformed', 'x509.malformed'];

/** Rows 65 to 87: what an SVID has to be. */
export function svidProfiles(): readonly Draft[] {
  return [...names(), ...ids(), ...usages(), ...subjects(), ...chains()];
}

function named(...list: readonly string[]): Certificate {
  return leaf({ extensions: { subjectAltName: san(list) } });
}

function names(): readonly Draft[] {
  const missing = ['x509.uri-san.missing'];
  const two = {
    'two-ids': 'uri:spiffe://example.org/other',
    https: 'uri:https://example.org/web',
    same: `uri:${ID}`,
  };
  const beside = {
    dns: 'dns:web.example.org',
    ip: 'ip:7f000001',
    email: 'email:web@example.org',
    other: 'other:web',
  };
  const nameless = leaf({ subject: 'web.example.org', extensions: { subjectAltName: null } });
  return [
    refuse(65, 'reject/uri-san-none[has=cn]', 'a common name is no SPIFFE ID', missing, {
      chain: [nameless],
      spec: [SPEC.oneUri],
    }),
    refuse(65, 'reject/uri-san-none[has=dns]', 'a DNS name is no SPIFFE ID', missing, {
      chain: [named('dns:web.example.org')],
      spec: [SPEC.oneUri],
    }),
    ...Object.entries(two).map(([name, uri]) =>
      refuse(
        66,
        `reject/uri-san-two[second=${name}]`,
        'two URI names are refused, whatever they are',
        ['x509.uri-san.multiple'],
        { chain: [named(`uri:${ID}`, uri)], spec: [SPEC.oneUri] },
      ),
    ),
    refuse(67, 'reject/id-in-dns-san', 'a SPIFFE ID in a DNS name is none', missing, {
      chain: [named(`dns:${ID}`)],
      spec: [SPEC.uriSan],
    }),
    refuse(68, 'reject/id-in-cn', 'a SPIFFE ID in the common name is none', missing, {
      chain: [leaf({ subject: ID, extensions: { subjectAltName: null } })],
      spec: [SPEC.uriSan],
    }),
    ...Object.entries(beside).map(([name, other]) =>
      accept(69, `accept/other-sans[kind=${name}]`, 'names of other kinds are allowed beside', {
        chain: [named(other, `uri:${ID}`)],
        spec: [SPEC.otherSans],
      }),
    ),
  ];
}

function ids(): readonly Draft[] {
  const bad: Readonly<Record<string, readonly [id: string, ...codes: readonly string[]]>> = {
    port: ['spiffe://example.org:443/web', 'id.port', 'id.td.char'],
    userinfo: ['spiffe://u@example.org/web', 'id.userinfo', 'id.td.char'],
    query: ['spiffe://example.org/web?x', 'id.query', 'id.path.char'],
    fragment: ['spiffe://example.org/web#x', 'id.fragment', 'id.path.char'],
    percent: ['spiffe://example.org/%77eb', 'id.percent', 'id.path.char'],
    'dot-segment': ['spiffe://example.org/a/../web', 'id.path.dot'],
    'trailing-slash': ['spiffe://example.org/web/', 'id.path.trailing-slash', 'id.path.empty-segment'],
  };
  const broken = ['x509.leaf.id', 'id.path.char', 'x509.uri-san.missing', ...MALFORMED];
  return [
    refuse(70, 'reject/uri-not-spiffe', 'a URI of another scheme is no SPIFFE ID', ['x509.leaf.id'], {
      chain: [named('uri:https://example.org/web')],
      spec: [SPEC.leafScheme],
    }),
    refuse(71, 'reject/uri-nul-truncation', 'a NUL does not end an ID', broken, {
      chain: [named('uri:spiffe://example.org/web\0.evil')],
      spec: [SPEC.idPathChars],
      why: 'readers in C see another ID than the issuer wrote',
    }),
    refuse(72, 'reject/uri-non-ia5[form=utf8-bytes]', 'a URI name is ASCII', broken, {
      chain: [named('uri:spiffe://example.org/w\u00e9b')],
      spec: [SPEC.rfc5280('4.2.1.6')],
    }),
    refuse(72, 'reject/uri-non-ia5[form=utf8-tag]', 'a URI name has its own tag', broken, {
      chain: [named(`utf8-uri:${ID}`)],
      spec: [SPEC.rfc5280('4.2.1.6')],
    }),
    ...Object.entries(bad).map(([name, [id, ...codes]]) =>
      refuse(
        73,
        `reject/uri-bad-id[name=${name}]`,
        'an ID in a certificate is held to the rules of IDs',
        ['x509.leaf.id', ...codes],
        { chain: [leaf({}, id)], spec: [SPEC.uriSan] },
      ),
    ),
    folded(),
    refuse(74, 'reject/leaf-path-less', 'a leaf has a path', ['x509.leaf.path', 'x509.leaf.id'], {
      chain: [leaf({}, 'spiffe://example.org')],
      spec: [SPEC.leafPath],
    }),
  ];
}

function folded(): Draft {
  const certificate = leaf({}, 'spiffe://Example.org/web');
  return {
    ...open(
      73,
      'choice/uri-td-upper',
      'an upper-case trust domain in a certificate may be refused, or read as lower case',
      certificate,
      ['x509.leaf.id'],
      [SPEC.idHostLower, SPEC.idCase],
    ),
    expect: choice({ refused: reject('x509.leaf.id'), folded: readSvid([certificate]) }),
  };
}

function open(
  row: number,
  id: string,
  title: string,
  changed: Certificate,
  codes: readonly string[],
  spec: Draft['spec'],
  control = 'accept/leaf-only',
): Draft {
  return {
    ...accept(row, id, title, { chain: [changed], level: 'choice', spec }),
    control,
    expect: choice({ refused: reject(...codes), accepted: readSvid([changed]) }),
  };
}

function usages(): readonly Draft[] {
  const used = (...list: Parameters<typeof usage>[0]): Changes => ({ extensions: { keyUsage: usage(list) } });
  return [
    refuse(75, 'reject/leaf-ca-true', 'a leaf is no CA', ['x509.leaf.ca'], {
      chain: [leaf({ extensions: { basicConstraints: basic(true) } })],
      spec: [SPEC.caFlag],
    }),
    refuse(
      76,
      'reject/leaf-key-cert-sign',
      'a leaf does not sign certificates',
      ['x509.leaf.key-cert-sign'],
      { chain: [leaf(used('digitalSignature', 'keyCertSign'))], spec: [SPEC.leafNoSigning] },
    ),
    refuse(76, 'reject/leaf-crl-sign', 'a leaf does not sign CRLs', ['x509.leaf.crl-sign'], {
      chain: [leaf(used('digitalSignature', 'cRLSign'))],
      spec: [SPEC.leafNoSigning],
    }),
    refuse(
      77,
      'reject/leaf-no-digital-signature',
      'a leaf signs handshakes',
      ['x509.leaf.digital-signature'],
      { chain: [leaf(used('keyEncipherment'))], spec: [SPEC.digitalSignature] },
    ),
    open(
      78,
      'choice/leaf-no-key-usage',
      'a leaf without key usage may be refused',
      leaf({ extensions: { keyUsage: null } }),
      ['x509.leaf.digital-signature'],
      [SPEC.keyUsageCritical],
    ),
    open(
      79,
      'choice/leaf-key-usage-noncritical',
      'a key usage that is not critical may be refused',
      leaf({ extensions: { keyUsage: usage(['digitalSignature'], false) } }),
      ['x509.leaf.digital-signature'],
      [SPEC.keyUsageCritical],
    ),
    open(
      80,
      'choice/leaf-no-basic-constraints',
      'a leaf without basic constraints may be refused: it does not say that it is no CA',
      leaf({ extensions: { basicConstraints: null } }),
      ['x509.leaf.ca'],
      [SPEC.caFlag, SPEC.rfc5280('4.2.1.9')],
    ),
    accept(81, 'accept/eku-both', 'both purposes are what a leaf has', { chain: [leaf()], spec: [SPEC.eku] }),
    accept(81, 'accept/eku-absent', 'a leaf may have no extended key usage', {
      chain: [leaf({ extensions: { extendedKeyUsage: null } })],
      spec: [SPEC.eku],
    }),
    open(
      81,
      'choice/eku-one-only',
      'one purpose alone may be refused',
      leaf({ extensions: { extendedKeyUsage: eku('client') } }),
      ['x509.leaf.eku'],
      [SPEC.eku],
      'accept/eku-both',
    ),
  ];
}

function subjects(): readonly Draft[] {
  const critical = leaf({ subject: '', extensions: { subjectAltName: san([`uri:${ID}`], true) } });
  const plain = leaf({ subject: '' });
  return [
    accept(82, 'accept/empty-subject-critical-san', 'the subject may be empty', {
      chain: [critical],
      spec: [SPEC.leafSubject],
    }),
    open(
      82,
      'choice/empty-subject-noncritical-san',
      'an empty subject wants critical names, and may be refused without',
      plain,
      ['x509.leaf.subject'],
      [SPEC.leafSubject],
      'accept/empty-subject-critical-san',
    ),
  ];
}

function chains(): readonly Draft[] {
  const below = (changes: Changes): readonly Certificate[] => {
    const int = issueCa('intermediate a', INT_KEY, { issuer: ROOT, ...changes });
    return [leafBelow(int), int];
  };
  const withPath = below({ extensions: { subjectAltName: san(['uri:spiffe://example.org/ca']) } });
  const issuers: Certificate[] = [];
  for (let index = 0; index < 9; index++) {
    issuers.unshift(
      issueCa(`intermediate ${index}`, ecKey(`intermediate ${index}`), { issuer: issuers[0] ?? ROOT }),
    );
  }
  const long = [leafBelow(issuers[0] ?? ROOT), ...issuers];
  const large = leaf({ extensions: { unknown: unknownExtension(false, 60 * 1024) } });
  const twice: readonly Extension[] = [san([`uri:${ID}`]), san([`uri:${ID}`])];
  const expired = issueSvid(ID, LEAF_KEY, ROOT, EXPIRED);
  const ref = { level: 'ref', spec: [SPEC.kit('svid.parsePem')] } as const;
  const twin = 'accept/leaf-plus-intermediates';
  return [
    refuse(83, 'reject/intermediate-not-ca', 'an intermediate is a CA', ['x509.ca.flag'], {
      chain: below({ extensions: { basicConstraints: basic(false) } }),
      spec: [SPEC.caFlag],
      control: twin,
    }),
    refuse(
      83,
      'reject/intermediate-no-key-cert-sign',
      'an intermediate may sign certificates',
      ['x509.ca.key-usage'],
      {
        chain: below({ extensions: { keyUsage: usage(['cRLSign']) } }),
        spec: [SPEC.keyCertSign],
        control: twin,
      },
    ),
    {
      ...accept(
        84,
        'choice/signing-cert-with-path',
        'a signing certificate whose ID has a path may be refused',
        { chain: withPath, level: 'choice', spec: [SPEC.signingPath] },
      ),
      control: twin,
      expect: choice({
        accepted: readSvid(withPath),
        refused: reject('x509.ca.flag', 'x509.leaf.id', 'x509.leaf.path'),
      }),
    },
    accept(85, 'accept/long-chain', 'ten certificates are read', { chain: long, ...ref }),
    accept(85, 'accept/large-cert', 'a certificate of more than 60 KiB is read', { chain: [large], ...ref }),
    refuse(
      86,
      'reject/duplicate-extension',
      'an extension that comes twice is refused',
      [...MALFORMED, 'x509.uri-san.multiple'],
      {
        chain: [leaf({ extensions: { subjectAltName: twice } })],
        spec: [SPEC.rfc5280('4.2')],
      },
    ),
    open(
      87,
      'choice/expired-own-svid',
      'an SVID that is over may be read, or refused',
      expired,
      ['x509.expired'],
      [SPEC.kit('svid.parsePem')],
    ),
    refuse(
      72,
      'reject/uri-non-ia5[form=no-names]',
      'names that are no list are refused',
      ['x509.uri-san.missing', ...MALFORMED],
      {
        chain: [
          leaf({
            extensions: {
              subjectAltName: extension(
                '2.5.29.17',
                sequence(text(0x16, ID)),
                false,
                'an IA5String in place of a general name',
              ),
            },
          }),
        ],
        spec: [SPEC.rfc5280('4.2.1.6')],
      },
    ),
  ];
}
