import { BundleSet } from '../src/bundle-set.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { X509Bundle } from '../src/x509-bundle.ts';
import { type Issued } from './pki/certificates.ts';

/** A set of bundles from roots by trust domain. */
export function bundles(roots: Readonly<Record<string, readonly Issued[]>>): BundleSet {
  return BundleSet.of(
    ...Object.entries(roots).map(([name, issued]) =>
      X509Bundle.fromDer(
        TrustDomain.parse(name),
        issued.map(({ der }) => der),
      ),
    ),
  );
}
