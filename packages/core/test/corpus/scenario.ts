import { type BundleSet } from '../../src/bundle-set.ts';
import { type Certificate } from '../../src/certificate.ts';
import { type parsePem } from '../../src/pem.ts';
import { type TrustDomain } from '../../src/trust-domain.ts';
import { type verifyX509Chain } from '../../src/verify-x509-chain.ts';
import { type verifyX509Svid } from '../../src/verify-x509-svid.ts';
import { type findPath } from '../../src/verify/certification-path.ts';
import { type X509Bundle } from '../../src/x509-bundle.ts';
import { type X509Svid } from '../../src/x509-svid.ts';
import { type Issued, NOW } from '../pki/certificates.ts';

/** What is judged: the sources as they are, or with one rule taken out. */
export interface Core {
  readonly BundleSet: typeof BundleSet;
  readonly Certificate: typeof Certificate;
  readonly TrustDomain: typeof TrustDomain;
  readonly X509Bundle: typeof X509Bundle;
  readonly X509Svid: typeof X509Svid;
  readonly findPath: typeof findPath;
  readonly parsePem: typeof parsePem;
  readonly verifyX509Chain: typeof verifyX509Chain;
  readonly verifyX509Svid: typeof verifyX509Svid;
}

/** Something that must be refused, beside its like that must not. */
export interface Scenario {
  /** As a sentence: what is refused, and what is accepted. */
  readonly title: string;
  /** The code of the error for `bad`. */
  readonly code: string;
  readonly bad: (core: Core) => unknown;
  readonly good: (core: Core) => unknown;
}

/** `ok`, the code of the error, or what else was thrown. */
export function verdict(core: Core, run: (core: Core) => unknown): string {
  try {
    run(core);
    return 'ok';
  } catch (error) {
    const { code, name } = error as { code?: string; name: string };
    return code ?? name;
  }
}

/** Verifies a chain at {@link NOW}, as that of a client unless told otherwise. */
export function check(
  core: Core,
  chain: readonly Issued[],
  bundles: Readonly<Record<string, readonly Issued[]>>,
  options: { readonly at?: number; readonly role?: 'client' | 'server' } = {},
): unknown {
  const set = bundleSet(core, bundles);
  return core.verifyX509Svid(
    chain.map(({ der }) => der),
    set,
    { at: NOW, role: 'client', ...options },
  );
}

/** Bundles from roots. */
export function bundleSet(core: Core, bundles: Readonly<Record<string, readonly Issued[]>>): BundleSet {
  return core.BundleSet.of(
    ...Object.entries(bundles).map(([name, roots]) =>
      core.X509Bundle.fromDer(
        core.TrustDomain.parse(name),
        roots.map(({ der }) => der),
      ),
    ),
  );
}
