import { basename } from 'node:path';

import { usageFailure } from '../exit-code.ts';
import { type JsonObject, member, textMember } from '../json.ts';
import { type Case, type Expectation } from '../vectors/vector.ts';
import { type OutsideSuite } from './outside-suite.ts';
import { objectsOf, readDocument } from './read-document.ts';

const SHA = /^SHA-(256|384|512)$/;
const VALID = { ok: { valid: true } } as const;
const INVALID = { reject: { codes: ['unknown'] } } as const;
/** Whole AlgorithmIdentifiers in hexadecimal digits, by the hash: RFC 5758 3.2, RFC 4055 3.1 and 5. */
const ECDSA: Readonly<Record<string, string>> = {
  256: '300a06082a8648ce3d040302',
  384: '300a06082a8648ce3d040303',
  512: '300a06082a8648ce3d040304',
};
const PKCS1: Readonly<Record<string, string>> = {
  256: '300d06092a864886f70d01010b0500',
  384: '300d06092a864886f70d01010c0500',
  512: '300d06092a864886f70d01010d0500',
};
const PSS_HASH: Readonly<Record<string, string>> = { 256: '01', 384: '02', 512: '03' };

/** What kind of signature it is: what an adapter claims, and what stands for the algorithm. */
interface Kind {
  /** An entry of the list `signatures` of the capabilities. */
  readonly name: 'ecdsa-der' | 'ecdsa-p1363' | 'rsa-pkcs1' | 'rsa-pss';
  /** Of a group; undefined for one that nobody uses for certificates or JSON Web Signatures. */
  readonly algorithm: (group: JsonObject, bits: string) => string | undefined;
}

const KINDS: Readonly<Record<string, Kind>> = {
  EcdsaVerify: { name: 'ecdsa-der', algorithm: (_group, bits) => ECDSA[bits] },
  EcdsaP1363Verify: { name: 'ecdsa-p1363', algorithm: (_group, bits) => ECDSA[bits] },
  RsassaPkcs1Verify: { name: 'rsa-pkcs1', algorithm: (_group, bits) => PKCS1[bits] },
  RsassaPssVerify: { name: 'rsa-pss', algorithm: pssAlgorithm },
};

/** Whether a file of Wycheproof is about bare signatures. */
export function isAboutSignatures(file: string): boolean {
  return objectsOf(readDocument(file), 'testGroups').every((group) =>
    Object.hasOwn(KINDS, textMember(group, 'type')),
  );
}

/**
 * Makes a suite of a file of Wycheproof about bare signatures: `signature.verify` gets key, algorithm, message and signature.
 *
 * @throws {@link KitFailure} (exit code 2) when it is no such file, or says what nobody knows.
 */
export function wycheproofSignatureSuite(file: string): OutsideSuite {
  const document = readDocument(file);
  const suite = basename(file, '.json')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-');
  const omitted = new Map<string, number>();
  const cases: Case[] = [];
  let counted = 0;
  for (const group of objectsOf(document, 'testGroups')) {
    const tests = objectsOf(group, 'tests');
    counted += tests.length;
    const kind = KINDS[textMember(group, 'type')];
    const [, bits = ''] = SHA.exec(textMember(group, 'sha')) ?? [];
    const algorithm = kind?.algorithm(group, bits);
    if (kind === undefined || algorithm === undefined)
      omitted.set('other-hash', (omitted.get('other-hash') ?? 0) + tests.length);
    else for (const test of tests) cases.push(toCase(file, suite, kind.name, { algorithm, group, test }));
  }
  if (counted === 0 || member(document, 'numberOfTests') !== counted)
    throw usageFailure(`${file}: says that it has another number of tests than ${counted}`);
  const control = cases.find((one) => 'ok' in one.expect)?.id;
  return {
    suite,
    cases: cases.map((one) => (control === undefined || 'ok' in one.expect ? one : { ...one, control })),
    omitted,
  };
}

function toCase(
  file: string,
  suite: string,
  name: Kind['name'],
  { algorithm, group, test }: Readonly<Record<'group' | 'test', JsonObject>> & { readonly algorithm: string },
): Case {
  const result = textMember(test, 'result');
  const comment = textMember(test, 'comment');
  return {
    id: `${suite}/${name}/${slug(comment)}[tc=${JSON.stringify(member(test, 'tcId') ?? 0)}]`,
    rev: 1,
    since: '0.1.0',
    title: `${comment}: ${result}`.slice(0, 120),
    level: result === 'acceptable' ? 'choice' : 'must',
    spec: [
      name === 'ecdsa-p1363' ? { doc: 'RFC7518', section: '3.4' } : { doc: 'RFC5280', section: '6.1.3' },
    ],
    features: [`signatures:${name}`],
    op: 'signature.verify',
    params: {
      scheme: name,
      algorithmB64: fromHex(algorithm),
      spkiB64: fromHex(textMember(group, 'publicKeyDer')),
      messageB64: fromHex(textMember(test, 'msg')),
      signatureB64: fromHex(textMember(test, 'sig')),
    },
    time: { mode: 'any' },
    expect: expectationOf(file, result),
  };
}

function expectationOf(file: string, result: string): Expectation {
  if (result === 'valid') return VALID;
  if (result === 'invalid') return INVALID;
  if (result !== 'acceptable')
    throw usageFailure(`${file}: has a result ${JSON.stringify(result)} that nobody knows`);
  return {
    anyOf: [
      { branch: 'accepted', expect: VALID },
      { branch: 'refused', expect: INVALID },
    ],
  };
}

/** RFC 4055 3.1: the hash, MGF1 with the same hash, and salt as long as the hash. */
function pssAlgorithm(group: JsonObject, bits: string): string | undefined {
  const salt = Number(bits) / 8;
  if (member(group, 'sLen') !== salt || textMember(group, 'mgfSha') !== `SHA-${bits}`) return undefined;
  const hash = `300d060960864801650304020${(PSS_HASH[bits] ?? '').slice(1)}0500`;
  const saltHex = salt.toString(16).padStart(2, '0');
  return `304106092a864886f70d01010a3034a00f${hash}a11c301a06092a864886f70d010108${hash}a2030201${saltHex}`;
}

function fromHex(text: string): string {
  return Buffer.from(text, 'hex').toString('base64');
}

function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9.-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'none'
  );
}
