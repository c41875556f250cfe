import { isSpiffeError, TrustDomain } from '@svidkit/core';
import { createTestCa, createTestJwtAuthority, type TestCa } from '@svidkit/testkit';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';

import { type BundleReading } from '../src/bundle-reading.ts';
import { BundleState } from '../src/bundle-state.ts';
import { type BundleFile, parseBundleFile } from '../src/parse-bundle-file.ts';
import { documentOf, emptyDocument, mapOf } from './bundle-documents.ts';

const OWN = TrustDomain.parse('prod.example');
const PARTNER = TrustDomain.parse('partner.example');
const FILE = '/mount/ca.crt';
let cas: readonly TestCa[];
let partner: TestCa;

beforeAll(async () => {
  cas = await Promise.all([0, 1, 2].map(() => createTestCa({ trustDomain: OWN.name })));
  partner = await createTestCa({ trustDomain: PARTNER.name });
});

function ca(index: number): TestCa {
  const found = cas[index];
  if (found === undefined) throw new Error(`no CA ${index}`);
  return found;
}

/** What a text says of our trust domain; undefined when it is refused as a bundle file may be. */
function read(text: string, trustDomain: TrustDomain | undefined = OWN): BundleFile | undefined {
  try {
    return parseBundleFile(Buffer.from(text), trustDomain, FILE);
  } catch (error) {
    if (isSpiffeError(error) && ['ERR_BUNDLE_INVALID', 'ERR_PEM_INVALID'].includes(error.code))
      return undefined;
    throw error;
  }
}

function authoritiesOf(file: BundleFile | undefined, trustDomain = OWN): readonly string[] {
  const { authorities = [] } = file?.bundles.get(trustDomain.name)?.bundle ?? {};
  return authorities.map(({ fingerprint256 }) => fingerprint256);
}

function fingerprintsOf(...authorities: readonly TestCa[]): readonly string[] {
  return authorities.flatMap((one) => one.bundle().authorities.map(({ fingerprint256 }) => fingerprint256));
}

test('what a file is, its content says', () => {
  const jwt = createTestJwtAuthority({ trustDomain: OWN.name, keyId: 'j' });
  const document = documentOf(ca(0), { sequence: 3n, jwt });
  for (const [text, format, sequence, jwtKeyIds] of [
    [ca(0).bundlePem, 'pem', undefined, undefined],
    [`a comment with { and }\n${ca(0).bundlePem}`, 'pem', undefined, undefined],
    [document, 'spiffe-bundle', 3n, ['j']],
    [`\n\t\r ${document}\n`, 'spiffe-bundle', 3n, ['j']],
    [mapOf(partner, [ca(0), { sequence: 4n }]), 'bundle-map', 4n, []],
  ] as const) {
    const found = read(text);
    expect(found?.format).toBe(format);
    expect(authoritiesOf(found)).toEqual(fingerprintsOf(ca(0)));
    expect(found?.bundles.get(OWN.name)?.facts?.sequence).toBe(sequence);
    expect(found?.bundles.get(OWN.name)?.facts?.jwtKeyIds).toEqual(jwtKeyIds);
  }
  // Nothing is no document, and says nothing.
  expect(read('')).toMatchObject({ format: 'pem' });
  expect(read(' \n')?.bundles.get(OWN.name)?.facts).toBeUndefined();
  expect(read(emptyDocument())?.bundles.get(OWN.name)?.facts).toMatchObject({ revokes: true });
});

test('where a map is wanted, nothing else will do', () => {
  expect(read(mapOf(partner), undefined)?.format).toBe('bundle-map');
  for (const text of ['', ' ', ca(0).bundlePem, documentOf(ca(0)), emptyDocument(), '[]', 'null']) {
    expect(() => parseBundleFile(Buffer.from(text), undefined, FILE)).toThrow(
      expect.objectContaining({ code: 'ERR_BUNDLE_INVALID' }),
    );
  }
});

test('a document that is cut off anywhere is none', () => {
  for (const text of [documentOf(ca(0), { sequence: 1n }), mapOf(ca(0), partner)]) {
    for (let length = 1; length < text.length; length += 7)
      expect(read(text.slice(0, length))).toBeUndefined();
  }
});

test('whatever a file holds, it is read or refused, and no authority comes of it that was in none', () => {
  const text = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc
      .tuple(fc.constantFrom('document', 'map', 'pem'), fc.array(fc.tuple(fc.nat(), fc.nat(4), fc.string())))
      .map(([kind, edits]) => {
        let whole =
          { document: documentOf(ca(0)), map: mapOf(ca(0), partner), pem: ca(0).bundlePem }[kind] ?? '';
        for (const [at, length, insert] of edits) {
          const index = at % (whole.length + 1);
          whole = whole.slice(0, index) + insert + whole.slice(index + length);
        }
        return whole;
      }),
  );
  fc.assert(
    fc.property(text, fc.boolean(), (content, wantsMap) => {
      const found = read(content, wantsMap ? undefined : OWN);
      if (found === undefined) return;
      // Bits that a certificate's signature covers may have changed, so count by trust domain.
      for (const [name, { bundle }] of found.bundles) {
        expect(bundle.trustDomain.name).toBe(name);
        expect(bundle.authorities.length).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 500 },
  );
});

interface Version {
  readonly sequence: number | undefined;
  readonly authorities: readonly number[];
  /** How much of the text is there. */
  readonly share: number;
  readonly isInMap: boolean;
}

test('whatever order documents come in, each in full or in part, one whole document no older than the last is in use', () => {
  const version = fc.record({
    sequence: fc.option(fc.nat(5), { nil: undefined }),
    authorities: fc.subarray([0, 1, 2]),
    share: fc.oneof(
      { weight: 3, arbitrary: fc.constant(1) },
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    ),
    isInMap: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(version, { maxLength: 12 }), fc.boolean(), (versions, isOwn) => {
      const state = new BundleState();
      const model = {
        sequence: undefined as number | undefined,
        authorities: undefined as string[] | undefined,
      };
      for (const [index, one] of versions.entries()) {
        const isWhole = one.share === 1;
        const { errors } = state.apply(
          { readings: [readingOf(one)], map: undefined, warnings: [], isComplete: true, isAtomic: false },
          isOwn ? OWN : PARTNER,
          index,
        );
        const isOlder =
          model.sequence !== undefined && one.sequence !== undefined && one.sequence < model.sequence;
        const isRefused = !isWhole || isOlder;
        // An empty document revokes; but nobody begins with one.
        const isNothing = isOwn && one.authorities.length === 0 && model.authorities === undefined;
        expect(errors.length > 0).toBe(isRefused || (isOwn && one.authorities.length === 0));
        if (!isRefused && !isNothing) {
          model.sequence = one.sequence;
          model.authorities = one.authorities.flatMap((authority) => fingerprintsOf(ca(authority)));
        }
        const held = state.set.get(OWN)?.authorities.map(({ fingerprint256 }) => fingerprint256);
        expect((held ?? []).toSorted()).toEqual((model.authorities ?? []).toSorted());
      }
    }),
    { numRuns: 200 },
  );
});

function readingOf({ sequence, authorities, share, isInMap }: Version): BundleReading {
  const options = sequence === undefined ? {} : { sequence: BigInt(sequence) };
  const entries = authorities.map((index) => documentOf(ca(index)).replace(/^\{"keys":\[(.*)\]\}$/, '$1'));
  const number = sequence === undefined ? '' : `"spiffe_sequence":${options.sequence},`;
  const document = `{${number}"keys":[${entries.join(',')}]}`;
  const text = isInMap ? `{"trust_domains":{"${OWN.name}":${document}}}` : document;
  const base = { trustDomain: OWN, path: FILE, isWhole: true };
  try {
    const { format, bundles } = parseBundleFile(
      Buffer.from(text.slice(0, Math.ceil(text.length * share) - (share === 1 ? 0 : 1)) || '{'),
      OWN,
      FILE,
    );
    const found = bundles.get(OWN.name);
    return { ...base, format, bundle: found?.bundle, skipped: [], facts: found?.facts, error: undefined };
  } catch (error) {
    if (!isSpiffeError(error)) throw error;
    return { ...base, format: undefined, bundle: undefined, skipped: [], facts: undefined, error };
  }
}
