import { type Draft, reject } from '../draft.ts';
import { pem } from '../pki/der.ts';
import { type Key, pkcs8Of, rsaKey } from '../pki/keys.ts';
import { EVIL_KEY, leaf as issueLeaf, LEAF_KEY } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';
import { asDer, certificatesPem, keyPem, refuse } from './x509-svid-case.ts';

const WHY = 'errors go into logs, and whoever reads a log could then be the workload';
const FORMS = [
  'key.malformed',
  'pem.malformed',
  'der.malformed',
  'key.type',
  'pem.block',
  'pem.none',
  'key.missing',
];

/** Row 88: whatever is wrong with an SVID, nothing that is said about it shows its key. */
export function svidRedactions(): readonly Draft[] {
  const leaf = issueLeaf();
  const good = keyPem(LEAF_KEY);
  const [begin = '', first = '', ...rest] = good.split('\n');
  const lines = (...texts: readonly string[]): string => texts.join('\n');
  const redact = (
    name: string,
    title: string,
    codes: readonly string[],
    plan: { readonly keyText?: string; readonly key?: Key; readonly cert?: string },
  ): Draft => ({
    ...refuse(88, `redact/no-key-in-errors[defect=${name}]`, title, codes, {
      chain: [leaf],
      level: 'ref',
      spec: [SPEC.kit('svid.parsePem')],
      why: WHY,
      ...plan,
    }),
    secrets: ['key'],
  });
  const rsa = rsaKey('rsa-2048');
  const cut = pkcs8Of(LEAF_KEY).subarray(0, -8);
  const broken = Buffer.from(pkcs8Of(LEAF_KEY));
  // The tag of the algorithm, so that the key is whole and cannot be read.
  broken.writeUInt8(0x31, 6);
  const swapped = redact('swapped', 'a key in the place of the certificate is not shown', FORMS, {});
  return [
    redact('mismatch', 'the key of another certificate is not shown', ['key.mismatch'], { key: EVIL_KEY }),
    redact('mismatch.rsa', 'an RSA key of another certificate is not shown', ['key.mismatch'], { key: rsa }),
    redact('cut-off', 'a key whose text is cut off is not shown', FORMS, {
      keyText: good.slice(0, good.length / 2 + 20),
    }),
    redact('bad-base64', 'a key that is no base64 at one place is not shown', FORMS, {
      keyText: lines(begin, first, `*${rest.join('\n').slice(1)}`),
    }),
    redact('bad-der', 'a key in base64 that holds no key is not shown', FORMS, {
      keyText: pem('PRIVATE KEY', broken),
    }),
    redact('no-label', 'a key without the lines around it is not shown', FORMS, {
      keyText: lines(first, ...rest.slice(0, -2), ''),
    }),
    redact('wrong-label', 'a key under a label that nobody knows is not shown', FORMS, {
      keyText: good.replaceAll('PRIVATE KEY', 'WORKLOAD KEY'),
    }),
    {
      ...swapped,
      expect: reject(...FORMS, 'x509.empty', 'x509.malformed'),
      params: { cert: good, key: certificatesPem([leaf]) },
      secrets: ['cert'],
    },
    {
      ...asDer(redact('bad-der', 'a key in DER that is cut off is not shown', FORMS, {}), [leaf.der], cut),
      id: 'redact/no-key-in-errors[defect=cut-off,form=der]',
      secrets: ['keyB64'],
    },
  ];
}
