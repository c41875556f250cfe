import { beforeEach, describe, expect, test } from 'vitest';

import { type BundleSet } from '../src/bundle-set.ts';
import { verifyX509Svid } from '../src/verify-x509-svid.ts';
import { bundles } from './bundles.ts';
import { CHAIN_A, INT_A, intermediateA, leafA, ROOT_A, ROOT_B } from './corpus/world.ts';
import { BUNDLE_A, BUNDLES_AB } from './corpus/world.ts';
import { failureOf } from './failure-of.ts';
import { extendedKeyUsage, issueCa, type Issued, nameConstraints, NOW, uri } from './pki/certificates.ts';
import { ed25519Key } from './pki/keys.ts';

const HOUR = 3_600_000;
const CLIENT = { at: NOW, role: 'client' } as const;

/** A chain that counts how many certificates were taken from it. */
function* pulled(chain: readonly Issued[], log: string[]): Generator<Uint8Array> {
  try {
    for (const [index, { der }] of chain.entries()) {
      log.push(String(index));
      yield der;
    }
  } finally {
    log.push('closed');
  }
}

function ders(chain: readonly Issued[]): readonly Buffer[] {
  return chain.map(({ der }) => der);
}

describe('what is verified', () => {
  test('X-20 names ID, leaf, path, anchor and the time in which all of it is valid', () => {
    const int = intermediateA({ notBefore: NOW - 3 * HOUR });
    const leaf = leafA({ issuer: int, notAfter: NOW + HOUR });
    const verified = verifyX509Svid(ders([leaf, int]), bundles(BUNDLE_A), CLIENT);
    expect(verified.id.toString()).toBe('spiffe://a.test/web');
    expect(verified.path.map(({ der }) => Buffer.from(der))).toEqual(ders([leaf, int, ROOT_A]));
    expect(verified.leaf).toBe(verified.path[0]);
    expect(verified.anchor).toBe(verified.path[2]);
    expect([verified.notBefore, verified.notAfter]).toEqual([NOW - 3 * HOUR, NOW + HOUR]);
    expect(Object.isFrozen(verified) && Object.isFrozen(verified.path)).toBe(true);
  });

  test('X-32 the anchor is the very certificate of the bundle', () => {
    const set = bundles({ 'a.test': [INT_A] });
    const [authority] = [...set][0]?.authorities ?? [];
    expect(verifyX509Svid(ders(CHAIN_A), set, CLIENT).anchor).toBe(authority);
  });
});

describe('remembering', () => {
  let set: BundleSet;
  beforeEach(() => {
    set = bundles(BUNDLES_AB);
  });

  test('a leaf that was verified is looked up: nothing but the leaf is read, and the chain is closed', () => {
    const first: string[] = [];
    const second: string[] = [];
    const before = verifyX509Svid(pulled(CHAIN_A, first), set, CLIENT);
    expect(verifyX509Svid(pulled(CHAIN_A, second), set, CLIENT)).toBe(before);
    expect([first, second]).toEqual([
      ['0', '1', 'closed'],
      ['0', 'closed'],
    ]);
  });

  test('a leaf that fails its own rules ends it: nothing but the leaf is read', () => {
    const log: string[] = [];
    const chain = [leafA({}, 'spiffe://a.test'), INT_A];
    expect(failureOf(() => verifyX509Svid(pulled(chain, log), set, CLIENT)).code).toBe('ERR_CHAIN_ID');
    expect(log).toEqual(['0', 'closed']);
  });

  test('of endless certificates eleven are read', () => {
    const log: string[] = [];
    const chain = Array.from({ length: 99 }, () => leafA());
    expect(failureOf(() => verifyX509Svid(pulled(chain, log), set, CLIENT)).code).toBe('ERR_CHAIN_TOO_LONG');
    expect(log.length).toBe(12);
  });

  test('what one set of bundles verified another one does not know', () => {
    verifyX509Svid(ders(CHAIN_A), set, CLIENT);
    const without = bundles({ 'a.test': [ROOT_B] });
    expect(failureOf(() => verifyX509Svid(ders(CHAIN_A), without, CLIENT)).code).toBe('ERR_CHAIN_UNTRUSTED');
  });

  test('what was verified as a client is not known as a server', () => {
    const leaf = leafA({ extensions: { extendedKeyUsage: extendedKeyUsage('1.3.6.1.5.5.7.3.2') } });
    verifyX509Svid(ders([leaf, INT_A]), set, CLIENT);
    const asServer = failureOf(() => verifyX509Svid(ders([leaf, INT_A]), set, { at: NOW, role: 'server' }));
    expect(asServer.code).toBe('ERR_CHAIN_LEAF_PROFILE');
  });

  test('a failure is not remembered: with its intermediate the leaf is accepted', () => {
    expect(failureOf(() => verifyX509Svid(ders([leafA()]), set, CLIENT)).code).toBe('ERR_CHAIN_UNTRUSTED');
    expect(verifyX509Svid(ders(CHAIN_A), set, CLIENT).path).toHaveLength(3);
  });

  test('a remembered leaf ends with its path, of which an intermediate may end first', () => {
    const int = intermediateA({ notAfter: NOW + HOUR });
    const chain = ders([leafA({ issuer: int }), int]);
    verifyX509Svid(chain, set, CLIENT);
    expect(verifyX509Svid(chain, set, { ...CLIENT, at: NOW + HOUR }).notAfter).toBe(NOW + HOUR);
    const late = failureOf(() => verifyX509Svid(chain, set, { ...CLIENT, at: NOW + HOUR + 1 }));
    expect(late.code).toBe('ERR_CHAIN_EXPIRED');
  });

  test('an intermediate that was on a path is known again, and proves nothing for a leaf it did not sign', () => {
    const one = verifyX509Svid(ders(CHAIN_A), set, CLIENT);
    const other = verifyX509Svid(ders([leafA({ serial: 8 }), INT_A]), set, CLIENT);
    expect(other.path[1]).toBe(one.path[1]);
    const forged = leafA({ issuer: { key: ed25519Key('forger'), subject: INT_A.subject } });
    expect(failureOf(() => verifyX509Svid(ders([forged, INT_A]), set, CLIENT)).code).toBe(
      'ERR_CHAIN_UNTRUSTED',
    );
  });

  test('a new leaf of an intermediate that was on a path is verified without reading on', () => {
    verifyX509Svid(ders(CHAIN_A), set, CLIENT);
    const log: string[] = [];
    const verified = verifyX509Svid(pulled([leafA({ serial: 8 }), INT_A], log), set, CLIENT);
    expect(verified.path).toHaveLength(3);
    expect(log).toEqual(['0', 'closed']);
  });

  test('without key identifiers nothing is guessed: the whole chain is read', () => {
    verifyX509Svid(ders(CHAIN_A), set, CLIENT);
    const log: string[] = [];
    const leaf = leafA({ serial: 8, extensions: { authorityKeyId: undefined } });
    expect(verifyX509Svid(pulled([leaf, INT_A], log), set, CLIENT).path).toHaveLength(3);
    expect(log).toEqual(['0', '1', 'closed']);
  });

  test('an intermediate that was on a path and has expired since gives way to its successor', () => {
    const short = intermediateA({ notAfter: NOW + HOUR });
    verifyX509Svid(ders([leafA({ issuer: short }), short]), set, CLIENT);
    const later = { ...CLIENT, at: NOW + 2 * HOUR };
    const verified = verifyX509Svid(ders([leafA({ serial: 8 }), INT_A]), set, later);
    expect(Buffer.from(verified.path[1]?.der ?? []).equals(INT_A.der)).toBe(true);
  });

  test('bytes that change after they were verified change nothing that is remembered', () => {
    const leaf = Buffer.from(leafA().der);
    const verified = verifyX509Svid([leaf, INT_A.der], set, CLIENT);
    leaf.fill(0);
    expect(verifyX509Svid(ders(CHAIN_A), set, CLIENT)).toBe(verified);
    expect(failureOf(() => verifyX509Svid([leaf, INT_A.der], set, CLIENT)).code).toBe('ERR_CHAIN_MALFORMED');
  });

  test('4096 leaves are remembered, and the one that was used longest ago is forgotten', () => {
    const leaves = Array.from({ length: 4097 }, (_, index) => leafA({ issuer: ROOT_A, serial: index + 1 }));
    const [first, second] = leaves.map((leaf) => verifyX509Svid([leaf.der], set, CLIENT));
    const again = (index: number): unknown =>
      verifyX509Svid([leaves[index]?.der ?? Buffer.alloc(0)], set, CLIENT);
    expect(again(1)).toBe(second);
    expect(again(0)).not.toBe(first);
    // The first took the place of the third, since the second was used in between.
    expect(again(1)).toBe(second);
  });
});

describe('what an error tells', () => {
  test('who it was said to be, though it is unproven', () => {
    for (const chain of [[leafA()], [leafA({ notAfter: NOW - HOUR })], [leafA({ issuer: ROOT_B })]]) {
      expect(failureOf(() => verifyX509Svid(ders(chain), bundles(BUNDLE_A), CLIENT)).peer).toBe(
        'spiffe://a.test/web',
      );
    }
    const stranger = [leafA({}, 'spiffe://c.test/web')];
    expect(failureOf(() => verifyX509Svid(ders(stranger), bundles(BUNDLE_A), CLIENT))).toMatchObject({
      code: 'ERR_BUNDLE_UNKNOWN',
      peer: 'spiffe://c.test/web',
    });
  });

  test('of several paths the reason of the issuer that did sign, not of one that only has its name', () => {
    const decoy = issueCa({ key: ed25519Key('decoy'), subject: 'intermediate A', notAfter: NOW - HOUR });
    const forbidding = intermediateA({ extensions: { x: nameConstraints({ excluded: [uri('a.test')] }) } });
    const error = failureOf(() =>
      verifyX509Svid(ders([leafA(), decoy, forbidding]), bundles(BUNDLE_A), CLIENT),
    );
    expect(error.message).toContain('name constraints');
    const expired = intermediateA({ notAfter: NOW - HOUR });
    const late = failureOf(() => verifyX509Svid(ders([leafA(), decoy, expired]), bundles(BUNDLE_A), CLIENT));
    expect(late.code).toBe('ERR_CHAIN_EXPIRED');
    const forged = failureOf(() => verifyX509Svid(ders([leafA(), decoy]), bundles(BUNDLE_A), CLIENT));
    expect(forged.code).toBe('ERR_CHAIN_UNTRUSTED');
  });

  test('the time it is and the time it would have to be', () => {
    const chain = ders([leafA({ notAfter: NOW - HOUR }), INT_A]);
    const { message } = failureOf(() => verifyX509Svid(chain, bundles(BUNDLE_A), CLIENT));
    expect(message).toContain(new Date(NOW).toISOString());
    expect(message).toContain(new Date(NOW - HOUR).toISOString());
  });

  test('never a whole certificate', () => {
    for (const chain of [[leafA()], [leafA({}, `spiffe://a.test/${'x'.repeat(3000)}`)]]) {
      expect(
        failureOf(() => verifyX509Svid(ders(chain), bundles(BUNDLE_A), CLIENT)).message.length,
      ).toBeLessThan(600);
    }
  });
});
