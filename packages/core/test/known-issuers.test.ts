import { createTestCa } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { BundleSet } from '../src/bundle-set.ts';
import { verifyX509Svid } from '../src/verify-x509-svid.ts';

/** A chain that tells how many certificates of it were read. */
function counted(chain: readonly Uint8Array[]): Iterable<Uint8Array> & { read: number } {
  return {
    read: 0,
    *[Symbol.iterator]() {
      for (const der of chain) {
        this.read += 1;
        yield der;
      }
    },
  };
}

// A little later than what is issued in the meantime.
const options = { at: Date.now() + 30_000, role: 'client' } as const;

test('of a new leaf of a known intermediate nothing but the leaf is read', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const intermediate = await ca.intermediate();
  const bundles = BundleSet.of(ca.bundle());
  const first = counted((await intermediate.issue()).chainDer);
  const second = counted((await intermediate.issue({ path: '/other' })).chainDer);

  verifyX509Svid(first, bundles, options);
  const verified = verifyX509Svid(second, bundles, options);

  expect(first.read).toBe(2);
  expect(second.read).toBe(1);
  expect(verified.id.toString()).toBe('spiffe://a.test/other');
  expect(verified.path).toHaveLength(3);
});

test('an unknown intermediate is read from the chain, and so is a known one under other bundles', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const [known, unknown] = [await ca.intermediate(), await ca.intermediate()];
  const bundles = BundleSet.of(ca.bundle());
  verifyX509Svid((await known.issue()).chainDer, bundles, options);

  const other = counted((await unknown.issue()).chainDer);
  verifyX509Svid(other, bundles, options);
  expect(other.read).toBe(2);

  const elsewhere = counted((await known.issue()).chainDer);
  verifyX509Svid(elsewhere, BundleSet.of(ca.bundle()), options);
  expect(elsewhere.read).toBe(2);
});

test('a known intermediate vouches for nobody after its end, nor for what it did not sign (X-20)', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const notAfter = new Date(options.at + 60_000);
  const intermediate = await ca.intermediate({ notAfter });
  const bundles = BundleSet.of(ca.bundle());
  verifyX509Svid((await intermediate.issue()).chainDer, bundles, options);

  const long = await intermediate.issue({ path: '/long' });
  const later = { at: notAfter.getTime() + 60_000, role: 'client' } as const;
  expect(() => verifyX509Svid(long.chainDer, bundles, later)).toThrow(
    expect.objectContaining({ code: 'ERR_CHAIN_EXPIRED' }),
  );

  const forged = await intermediate.issue({ path: '/forged', defects: ['bad-signature'] });
  expect(() => verifyX509Svid(forged.chainDer, bundles, options)).toThrow(
    expect.objectContaining({ code: 'ERR_CHAIN_UNTRUSTED' }),
  );
  expect(() => verifyX509Svid(long.chainDer, bundles, options)).not.toThrow();
});

test('of a leaf that no chain could mend nothing more is read', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const intermediate = await ca.intermediate();
  const expired = counted((await intermediate.issue({ defects: ['expired'] })).chainDer);

  expect(() => verifyX509Svid(expired, BundleSet.of(ca.bundle()), options)).toThrow(
    expect.objectContaining({ code: 'ERR_CHAIN_EXPIRED' }),
  );
  expect(expired.read).toBe(1);
});
