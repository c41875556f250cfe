import {
  type CaDefect,
  createTestCa,
  type IssueOptions,
  type LeafDefect,
  type TestCa,
} from '@svidkit/testkit';

import { type SpecReference } from '../../vectors/vector.ts';
import { type Credential } from '../dial.ts';
import { type Pki } from '../pki.ts';
import { SPEC } from '../spec.ts';

/** Somebody who has to be turned away, whichever end of a connection they are. */
export interface BadPeer {
  readonly slug: string;
  /** Who, to follow "a peer". */
  readonly title: string;
  readonly spec: SpecReference;
  readonly level: 'must' | 'may' | 'ref';
  readonly make: (pki: Pki) => Promise<Credential>;
}

const LEAVES: readonly (readonly [slug: string, defect: LeafDefect, title: string, spec: SpecReference])[] = [
  ['leaf-ca-true', 'leaf-is-ca', 'whose leaf is a CA', SPEC.leaf],
  ['leaf-key-cert-sign', 'leaf-key-cert-sign', 'whose leaf may sign certificates', SPEC.leaf],
  ['leaf-crl-sign', 'leaf-crl-sign', 'whose leaf may sign revocations', SPEC.leaf],
  ['leaf-no-digital-signature', 'leaf-no-digital-signature', 'whose leaf may not sign', SPEC.leaf],
  ['no-san', 'no-san', 'without alternative names', SPEC.oneUri],
  ['no-uri-san', 'no-uri-san', 'with a DNS name alone', SPEC.oneUri],
  ['two-uri-sans', 'two-uri-sans', 'with two SPIFFE IDs', SPEC.oneUri],
  ['same-uri-twice', 'same-uri-twice', 'with its SPIFFE ID twice', SPEC.oneUri],
  ['extra-https-uri', 'extra-https-uri-san', 'with another URI beside its SPIFFE ID', SPEC.oneUri],
  ['uri-not-spiffe', 'uri-san-not-spiffe', 'whose URI is no SPIFFE ID', SPEC.leafId],
  ['td-upper-case', 'uri-san-invalid-upper-case', 'whose trust domain is in upper case', SPEC.leafId],
  ['id-double-slash', 'uri-san-invalid-double-slash', 'whose path has an empty segment', SPEC.leafId],
  ['id-percent', 'uri-san-invalid-percent', 'whose path is percent-encoded', SPEC.leafId],
  ['id-without-path', 'no-path', 'whose SPIFFE ID has no path', SPEC.leafId],
  ['id-in-dns-name', 'uri-san-in-dns-name', 'whose DNS name looks like a SPIFFE ID', SPEC.oneUri],
  ['leaf-expired', 'expired', 'whose leaf has expired', SPEC.path],
  ['leaf-not-yet-valid', 'not-yet-valid', 'whose leaf is not valid yet', SPEC.path],
  [
    'leaf-critical-extension',
    'unknown-critical-extension',
    'whose leaf has a critical extension that nobody knows',
    SPEC.path,
  ],
  ['leaf-bit-flip', 'bad-signature', 'whose leaf has a bit of its signature flipped', SPEC.path],
];

const INTERMEDIATES: readonly (readonly [
  slug: string,
  defect: CaDefect,
  title: string,
  level: BadPeer['level'],
])[] = [
  ['ca-flag-false', 'not-ca', 'under an intermediate that is no CA', 'must'],
  [
    'ca-no-basic-constraints',
    'no-basic-constraints',
    'under an intermediate without basic constraints',
    'must',
  ],
  ['ca-no-key-cert-sign', 'no-key-cert-sign', 'under an intermediate that may not sign certificates', 'must'],
  ['ca-expired', 'expired', 'under an intermediate that has expired', 'must'],
  ['ca-not-yet-valid', 'not-yet-valid', 'under an intermediate that is not valid yet', 'must'],
  [
    'ca-critical-extension',
    'unknown-critical-extension',
    'under an intermediate with a critical extension that nobody knows',
    'must',
  ],
  ['ca-bit-flip', 'bad-signature', 'under an intermediate with a bit of its signature flipped', 'must'],
  ['ca-v1', 'v1', 'under an intermediate of version 1', 'must'],
  ['name-not-permitted', 'permits-other-uri', 'under an intermediate that is for other names', 'may'],
  ['name-excluded', 'excludes-own-uri', 'under an intermediate that is not for its name', 'may'],
];

/**
 * What the reference turns away of its own accord: X509-SVID 5.2 asks of validators nothing of digitalSignature, and
 * SPIFFE-ID 2.4 lets them read a trust domain as lower case.
 */
const BEYOND_THE_STANDARD: ReadonlySet<string> = new Set(['leaf-no-digital-signature', 'td-upper-case']);

/** Everyone who has to be turned away. Bundles of `a.test` and `b.test` are known, of `c.test` there is none. */
export const BAD_PEERS: readonly BadPeer[] = [
  ...LEAVES.map(([slug, defect, title, spec]): BadPeer => ({
    slug,
    title,
    spec,
    level: BEYOND_THE_STANDARD.has(slug) ? 'ref' : 'must',
    make: async (pki) => issue(await pki.root(), { defects: [defect] }),
  })),
  ...INTERMEDIATES.map(([slug, defect, title, level]): BadPeer => ({
    slug,
    title,
    level,
    spec: SPEC.path,
    make: async (pki) => issue(await (await pki.root()).intermediate({ defects: [defect] })),
  })),
  bad('path-length', 'under one intermediate more than is allowed', SPEC.path, async (pki) => {
    const narrow = await (await pki.root()).intermediate({ pathLength: 0 });
    return issue(await narrow.intermediate());
  }),
  bad('other-root', 'of an unknown root', SPEC.path, async (pki) => issue(await pki.stranger())),
  bad('impostor-root', 'of a root with the name and key identifier of ours', SPEC.path, async (pki) => {
    const copyFrom = await pki.root();
    return issue(await pki.stranger('a.test', { defects: ['copied-subject', 'copied-skid'], copyFrom }));
  }),
  bad('self-signed', 'that vouches for itself', SPEC.path, async (pki) =>
    issue(await pki.root(), { selfSigned: true }),
  ),
  bad('missing-intermediate', 'that leaves out its intermediate', SPEC.path, async (pki) => {
    const root = await pki.root();
    const under = await (await root.intermediate()).issue({ path: '/peer' });
    return root.rechain(under);
  }),
  bad('issued-by-leaf', 'that another leaf vouches for', SPEC.path, async (pki) => {
    const root = await pki.root();
    return issue(root.stolen(await root.issue({ path: '/thief' })));
  }),
  bad(
    'signing-certificate',
    'that shows a signing certificate as its own',
    SPEC.signingNotLeaf,
    async (pki) => {
      const { pem, key } = await (await pki.root()).intermediate({ id: 'spiffe://a.test/peer' });
      return { certPem: pem, keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  ),
  bad(
    'federated-ca-vouches',
    'of our trust domain that a federated CA vouches for',
    SPEC.neverMerge,
    async (pki) => issue(await pki.root('b.test'), { id: 'spiffe://a.test/peer' }),
  ),
  bad('own-ca-vouches', 'of a federated trust domain that our CA vouches for', SPEC.neverMerge, async (pki) =>
    issue(await pki.root(), { id: 'spiffe://b.test/peer' }),
  ),
  bad('no-bundle', 'of a trust domain without a bundle', SPEC.noBundle, async (pki) =>
    issue(await pki.root('c.test')),
  ),
  bad(
    'our-ca-for-unknown',
    'of a trust domain without a bundle that our CA vouches for',
    SPEC.noBundle,
    async (pki) => issue(await pki.root(), { id: 'spiffe://c.test/peer' }),
  ),
  bad('web-pki', 'of an ordinary CA, with names and without a SPIFFE ID', SPEC.oneUri, async () => {
    const ca = await createTestCa({ trustDomain: 'web.test', id: '' });
    return ca.issueLegacy({ commonName: 'localhost', dnsNames: ['localhost', 'a.test'] });
  }),
];

function bad(slug: string, title: string, spec: SpecReference, make: BadPeer['make']): BadPeer {
  return { slug, title, spec, level: 'must', make };
}

function issue(ca: TestCa, options: IssueOptions = {}): Promise<Credential> {
  const id = options.id === undefined ? { path: '/peer' } : {};
  return ca.issue({ ...id, ...options });
}
