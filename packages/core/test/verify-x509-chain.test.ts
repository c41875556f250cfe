import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Certificate } from '../src/certificate.ts';
import { verifyX509Chain } from '../src/verify-x509-chain.ts';
import { intermediateA, KEYS, leafA, ROOT_A, ROOT_B } from './corpus/world.ts';
import { failureOf } from './failure-of.ts';
import { dns, issueCa, type Issued, issueSvid, NOW, subjectAltName } from './pki/certificates.ts';

const HOUR = 3_600_000;
const CLIENT = { at: NOW, role: 'client' } as const;
const authorities = (...roots: readonly Issued[]): readonly Certificate[] =>
  roots.map(({ der }) => Certificate.parse(der));
const ders = (...chain: readonly Issued[]): readonly Buffer[] => chain.map(({ der }) => der);

function legacyLeaf(changes: Partial<Parameters<typeof issueSvid>[1]> = {}): Issued {
  return issueSvid('unused:', {
    key: KEYS.leaf,
    subject: 'web',
    issuer: intermediateA(),
    extensions: { subjectAltName: subjectAltName([dns('web.a.test')]) },
    ...changes,
  });
}

describe('what is verified', () => {
  test('names leaf, path, anchor and the time in which all of it is valid', () => {
    const int = intermediateA({ notBefore: NOW - 3 * HOUR });
    const leaf = legacyLeaf({ issuer: int, notAfter: NOW + HOUR });
    const [root] = authorities(ROOT_A);
    const verified = verifyX509Chain(ders(leaf, int), root === undefined ? [] : [root], CLIENT);
    expect(verified.path.map(({ der }) => Buffer.from(der))).toEqual(ders(leaf, int, ROOT_A));
    expect(verified.leaf.dnsNames).toEqual(['web.a.test']);
    expect(verified.anchor).toBe(root);
    expect([verified.notBefore, verified.notAfter]).toEqual([NOW - 3 * HOUR, NOW + HOUR]);
    expect(Object.isFrozen(verified) && Object.isFrozen(verified.path)).toBe(true);
    expect('id' in verified).toBe(false);
  });

  test('one of several authorities is enough, and the right one of two with the same name is found', () => {
    const twin = issueCa({ key: KEYS.evil, subject: 'root A' });
    const chain = ders(legacyLeaf(), intermediateA());
    expect(verifyX509Chain(chain, authorities(twin, ROOT_B, ROOT_A), CLIENT).anchor.der).toEqual(
      Certificate.parse(ROOT_A.der).der,
    );
  });

  test('extra certificates that do not parse prove nothing and spoil nothing', () => {
    const chain = [...ders(legacyLeaf()), Buffer.from('junk'), ...ders(intermediateA())];
    expect(verifyX509Chain(chain, authorities(ROOT_A), CLIENT).path).toHaveLength(3);
  });

  test('the certificates are taken one by one, and no more than needed to refuse them', () => {
    const pulled: number[] = [];
    function* endless(): Generator<Uint8Array> {
      for (let index = 0; ; index++) {
        pulled.push(index);
        yield (index === 0 ? legacyLeaf() : intermediateA()).der;
      }
    }
    expect(failureOf(() => verifyX509Chain(endless(), authorities(ROOT_A), CLIENT))).toMatchObject({
      code: 'ERR_CHAIN_TOO_LONG',
    });
    expect(pulled).toHaveLength(11);
  });
});

test.for([{ at: Number.NaN }, { at: 'now' }, { role: 'both' }, { role: undefined }])(
  'options %o are refused',
  (bad) => {
    const options = { ...CLIENT, ...bad } as unknown as typeof CLIENT;
    const run = (): unknown =>
      verifyX509Chain(ders(legacyLeaf(), intermediateA()), authorities(ROOT_A), options);
    expect(failureOf(run)).toMatchObject({ code: 'ERR_CONFIG_OPTION' });
  },
);

test('no chain, and a flipped bit anywhere in a leaf, never verify', () => {
  expect(failureOf(() => verifyX509Chain([], authorities(ROOT_A), CLIENT))).toMatchObject({
    code: 'ERR_CHAIN_MALFORMED',
  });
  const leaf = legacyLeaf().der;
  const rest = ders(intermediateA());
  const roots = authorities(ROOT_A);
  expect(verifyX509Chain([leaf, ...rest], roots, CLIENT).leaf.commonName).toBe('web');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: leaf.length * 8 - 1 }), (bit) => {
      const flipped = Buffer.from(leaf);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(failureOf(() => verifyX509Chain([flipped, ...rest], roots, CLIENT))).toMatchObject({
        code: expect.stringMatching(/^ERR_CHAIN_/) as unknown,
      });
    }),
  );
});

test('an SVID verifies as a certificate, without its ID being looked at', () => {
  expect(verifyX509Chain(ders(leafA(), intermediateA()), authorities(ROOT_A), CLIENT).leaf.uriSans).toEqual([
    'spiffe://a.test/web',
  ]);
});
