import { choice, type Draft, reject } from '../draft.ts';
import { type Certificate, issueCa, issueSvid } from '../pki/certificate.ts';
import { pem } from '../pki/der.ts';
import { encryptedPkcs8 } from '../pki/encrypted-key.ts';
import { ecKey, ed25519Key, type Key, pkcs8Of, rsaKey } from '../pki/keys.ts';
import { EVIL_KEY, ID, INT, leaf, leafBelow, LEAF_KEY, ROOT } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';
import { accept, asDer, certificatesPem, keyPem, readSvid, refuse } from './x509-svid-case.ts';

const REF = { level: 'ref', spec: [SPEC.kit('svid.parsePem')] } as const;
const PEM = { level: 'ref', spec: [SPEC.rfc7468] } as const;
const MALFORMED = ['pem.malformed', 'der.malformed', 'x509.malformed'];

/** Rows 50 to 64: how an SVID is written down. */
export function svidForms(): readonly Draft[] {
  return [...plain(), ...keyTypes(), ...texts(), ...broken(), ...keys(), ...order()];
}

function plain(): readonly Draft[] {
  const one = accept(50, 'accept/leaf-only', 'a leaf alone is an SVID', { chain: [leaf()] });
  const two = second();
  const chain = [leafBelow(two), two, INT];
  const whole = accept(51, 'accept/leaf-plus-intermediates', 'the intermediates come back in their order', {
    chain,
  });
  const pkcs8 = pkcs8Of(LEAF_KEY);
  return [
    one,
    asDer(one, [leaf().der], pkcs8),
    whole,
    asDer(
      whole,
      chain.map(({ der }) => der),
      pkcs8,
    ),
  ];
}

function second(): Certificate {
  return issueCa('intermediate b', ecKey('intermediate b'), { issuer: INT });
}

function keyTypes(): readonly Draft[] {
  const keysByName: Readonly<Record<string, Key>> = {
    'ec-p256': ecKey('leaf'),
    'ec-p384': ecKey('leaf', 'ec-p384'),
    'ec-p521': ecKey('leaf', 'ec-p521'),
    'rsa-2048': rsaKey('rsa-2048'),
    'rsa-4096': rsaKey('rsa-4096'),
    ed25519: ed25519Key('leaf'),
  };
  return Object.entries(keysByName).map(([name, key]) =>
    accept(52, `accept/key-types[key=${name}]`, `a key of ${name} is read`, {
      chain: [issueSvid(ID, key, ROOT)],
      key,
      features: [`keys:${name}`],
      ...REF,
    }),
  );
}

function texts(): readonly Draft[] {
  const cert = certificatesPem([leaf()]);
  const key = keyPem(LEAF_KEY);
  const both = (name: string, text: string): Draft =>
    accept(53, `accept/same-file-both-orders[first=${name}]`, 'certificate and key may be in one text', {
      chain: [leaf()],
      cert: text,
      keyText: text,
      ...REF,
    });
  const lenient = (row: number, id: string, title: string, text: string): Draft => ({
    ...accept(row, id, title, { chain: [leaf()], cert: text, level: 'choice', spec: [SPEC.rfc7468] }),
    control: 'accept/leaf-only',
    expect: choice({ accepted: readSvid([leaf()]), refused: reject(...MALFORMED, 'pem.block') }),
  });
  const crl = pem('X509 CRL', Buffer.from('3003020101', 'hex'));
  const parameters = pem('DH PARAMETERS', Buffer.from('3006020117020105', 'hex'));
  return [
    both('key', key + cert),
    both('certificate', cert + key),
    accept(54, 'accept/crlf', 'lines may end in CR LF', {
      chain: [leaf()],
      cert: cert.replaceAll('\n', '\r\n'),
      keyText: key.replaceAll('\n', '\r\n'),
      ...PEM,
    }),
    accept(54, 'accept/no-final-newline', 'the last line may have no end', {
      chain: [leaf()],
      cert: cert.trimEnd(),
      keyText: key.trimEnd(),
      ...PEM,
    }),
    accept(54, 'accept/blank-lines', 'blank lines around blocks are passed over', {
      chain: [leaf()],
      cert: `\n\n${cert}\n\n`,
      keyText: `\n${key}\n`,
      ...PEM,
    }),
    lenient(
      55,
      'choice/text-around-blocks',
      'text around a block may be passed over, or refused',
      `Certificate:\n    Data:\n        Version: 3 (0x2)\n${cert}`,
    ),
    lenient(
      63,
      'choice/foreign-blocks[label=crl]',
      'a revocation list beside may be passed over, or refused',
      cert + crl,
    ),
    lenient(
      63,
      'choice/foreign-blocks[label=dh]',
      'parameters beside may be passed over, or refused',
      cert + parameters,
    ),
  ];
}

function broken(): readonly Draft[] {
  const none = ['pem.none', 'x509.empty', ...MALFORMED];
  const good = leaf();
  const text = certificatesPem([good]);
  const block = (der: Buffer): string => pem('CERTIFICATE', der);
  const longer = Buffer.concat([good.der, Buffer.from([0])]);
  const trailing = refuse(
    57,
    'reject/trailing-der-bytes',
    'bytes after the certificate are refused',
    MALFORMED,
    { chain: [good], cert: block(longer), spec: [SPEC.rfc5280('4.1')] },
  );
  const cut = good.der.subarray(0, -20);
  const truncated = refuse(
    57,
    'reject/truncated-der',
    'a certificate that is cut off is refused',
    MALFORMED,
    { chain: [good], cert: block(cut), spec: [SPEC.rfc5280('4.1')] },
  );
  const without = refuse(58, 'reject/no-cert', 'a key alone is no SVID', none, { chain: [good], cert: '' });
  return [
    refuse(56, 'reject/bom-only-file', 'a byte order mark is no certificate', none, {
      chain: [good],
      cert: '\ufeff',
      ...PEM,
    }),
    refuse(56, 'reject/empty-file', 'nothing is no certificate', none, { chain: [good], cert: '\n', ...PEM }),
    refuse(56, 'reject/not-pem', 'text without a block is no certificate', none, {
      chain: [good],
      cert: 'this is no PEM\n',
      ...PEM,
    }),
    refuse(57, 'reject/bad-base64', 'what is not base64 is refused', MALFORMED, {
      chain: [good],
      cert: text.replace('MII', '*II'),
      spec: [SPEC.rfc5280('4.1'), SPEC.rfc7468],
    }),
    trailing,
    asDer(trailing, [longer], pkcs8Of(LEAF_KEY)),
    truncated,
    asDer(truncated, [cut], pkcs8Of(LEAF_KEY)),
    without,
    asDer(without, [], pkcs8Of(LEAF_KEY)),
    refuse(58, 'reject/no-key', 'a certificate alone is no SVID', ['key.missing', 'pem.none'], {
      chain: [good],
      keyText: '',
    }),
  ];
}

function keys(): readonly Draft[] {
  const mismatch = ['key.mismatch'];
  const ec = refuse(
    59,
    'reject/key-mismatch[key=ec]',
    'the key of another certificate is refused',
    mismatch,
    { chain: [leaf()], key: EVIL_KEY, ...REF },
  );
  const sec1 = pem('EC PRIVATE KEY', exported(LEAF_KEY, 'sec1'));
  const rsa = rsaKey('rsa-2048');
  const ofRsa = [issueSvid(ID, rsa, ROOT)];
  const legacy = (name: string, chain: readonly Certificate[], keyText: string): Draft => ({
    ...accept(
      61,
      `choice/legacy-key[label=${name}]`,
      'a key in a traditional encoding may be read, or refused',
      {
        chain,
        keyText,
        level: 'choice',
        spec: [SPEC.kit('svid.parsePem')],
      },
    ),
    control: name === 'rsa' ? 'accept/key-types[key=rsa-2048]' : 'accept/leaf-only',
    features: [`keys:${name === 'rsa' ? 'rsa-2048' : 'ec-p256'}`],
    expect: choice({ accepted: readSvid(chain), refused: reject('key.type', 'key.malformed', 'pem.block') }),
  });
  return [
    ec,
    { ...asDer(ec, [leaf().der], pkcs8Of(EVIL_KEY)), id: 'reject/key-mismatch[form=der,key=ec]' },
    refuse(59, 'reject/key-mismatch[key=rsa]', 'a key of another type is refused', mismatch, {
      chain: [leaf()],
      key: rsa,
      ...REF,
    }),
    refuse(60, 'reject/encrypted-key', 'an encrypted key is refused, and as such', ['key.encrypted'], {
      chain: [leaf()],
      keyText: pem('ENCRYPTED PRIVATE KEY', encryptedPkcs8(LEAF_KEY)),
    }),
    legacy('ec', [leaf()], sec1),
    legacy('rsa', ofRsa, pem('RSA PRIVATE KEY', exported(rsa, 'pkcs1'))),
    {
      ...accept(62, 'choice/two-keys', 'of two keys the first may be taken, or both be refused', {
        chain: [leaf()],
        keyText: keyPem(LEAF_KEY) + keyPem(EVIL_KEY),
        level: 'choice',
        spec: [SPEC.kit('svid.parsePem')],
      }),
      control: 'accept/leaf-only',
      expect: choice({ refused: reject('key.many', 'key.malformed'), first: readSvid([leaf()]) }),
    },
  ];
}

function order(): readonly Draft[] {
  const chain = [leafBelow(INT), INT];
  return [
    {
      ...accept(64, 'choice/leaf-not-first', 'a leaf that does not come first may be refused, or put first', {
        chain,
        cert: certificatesPem([INT, leafBelow(INT)]),
        level: 'choice',
      }),
      control: 'accept/leaf-plus-intermediates',
      why: 'the issuer has to write the leaf first; what must not happen is that the intermediate is taken for it',
      expect: choice({
        'put-first': readSvid(chain),
        refused: reject('key.mismatch', 'x509.leaf.ca', 'x509.uri-san.missing', 'x509.leaf.id'),
      }),
    },
  ];
}

function exported({ privateKey }: Key, type: 'sec1' | 'pkcs1'): Buffer {
  if (privateKey === undefined) throw new Error('no private half');
  return privateKey.export({ format: 'der', type });
}
