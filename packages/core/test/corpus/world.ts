import { type CertificateOptions, type Issued, issueCa, issueSvid } from '../pki/certificates.ts';
import { ed25519Key, type TestKey } from '../pki/keys.ts';

/** Keys and authorities that scenarios share: `a.test` is ours, `b.test` is federated. */
export const KEYS: Readonly<
  Record<'rootA' | 'rootA2' | 'rootB' | 'intA' | 'intA2' | 'intB' | 'leaf' | 'evil', TestKey>
> = {
  rootA: ed25519Key('root A'),
  rootA2: ed25519Key('root A, the next'),
  rootB: ed25519Key('root B'),
  intA: ed25519Key('intermediate A'),
  intA2: ed25519Key('intermediate A, below the other'),
  intB: ed25519Key('intermediate B'),
  leaf: ed25519Key('leaf'),
  evil: ed25519Key('evil'),
};

export const ROOT_A: Issued = issueCa({ key: KEYS.rootA, subject: 'root A' });
export const ROOT_B: Issued = issueCa({ key: KEYS.rootB, subject: 'root B' });
export const INT_A: Issued = intermediateA();
export const INT_B: Issued = issueCa({ key: KEYS.intB, subject: 'intermediate B', issuer: ROOT_B });

/** The root of `a.test` with changes. */
export function rootA(changes: Partial<CertificateOptions> = {}): Issued {
  return issueCa({ key: KEYS.rootA, subject: 'root A', ...changes });
}

/** The intermediate of `a.test` with changes. */
export function intermediateA(changes: Partial<CertificateOptions> = {}): Issued {
  return issueCa({ key: KEYS.intA, subject: 'intermediate A', issuer: ROOT_A, ...changes });
}

/** An SVID of `a.test` with changes, issued by its intermediate. */
export function leafA(changes: Partial<CertificateOptions> = {}, id = 'spiffe://a.test/web'): Issued {
  return issueSvid(id, { key: KEYS.leaf, subject: 'web', issuer: INT_A, ...changes });
}

/** An ordinary chain without its root. */
export const CHAIN_A: readonly Issued[] = [leafA(), INT_A];
export const BUNDLE_A: Readonly<Record<string, readonly Issued[]>> = { 'a.test': [ROOT_A] };
export const BUNDLES_AB: Readonly<Record<string, readonly Issued[]>> = {
  'a.test': [ROOT_A],
  'b.test': [ROOT_B],
};
