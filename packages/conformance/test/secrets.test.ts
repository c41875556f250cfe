import { generateKeyPairSync, randomBytes } from 'node:crypto';

import { expect, test } from 'vitest';

import { binaryKeys, derKey, keyMaterialIn, pemKeys } from '../src/protocol/key-material.ts';
import { Secrets } from '../src/protocol/secrets.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const der = privateKey.export({ type: 'pkcs8', format: 'der' });
const d = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');

function knowing(...material: Parameters<Secrets['learn']>): Secrets {
  const secrets = new Secrets();
  secrets.learn(...material);
  return secrets;
}

const FORMS: readonly (readonly [name: string, form: string, text: string])[] = [
  ['PEM', 'base64', key],
  ['PEM in JSON', 'base64', JSON.stringify({ message: key })],
  ['base64 with another offset', 'base64', Buffer.concat([Buffer.from('xy'), d]).toString('base64')],
  ['base64url', 'base64', d.toString('base64url')],
  ['base64 in short lines', 'base64', (d.toString('base64').match(/.{1,8}/g) ?? []).join('\r\n')],
  ['half of it', 'base64', d.subarray(8, 24).toString('base64')],
  ['hexadecimal digits', 'hexadecimal digits', d.toString('hex')],
  ['a dump', 'hexadecimal digits', (d.toString('hex').toUpperCase().match(/../g) ?? []).join(':')],
  [
    'a literal of C',
    'hexadecimal digits',
    [...d].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', '),
  ],
  ['a buffer in JSON', 'numbers', JSON.stringify(d)],
  ['a slice of Go', 'numbers', `[${[...d].join(' ')}]`],
  ['signed bytes of Java', 'numbers', `[${[...new Int8Array(d)].join(', ')}]`],
  ['raw bytes', 'plain bytes', d.toString('latin1')],
  [
    'escaped bytes',
    'plain bytes',
    [...d].map((byte) => `\\u00${byte.toString(16).padStart(2, '0')}`).join(''),
  ],
];

test.each(FORMS)('a key that is shown is noticed: %s', (_name, form, text) => {
  const secrets = knowing(pemKeys(key));
  expect(secrets.shownIn(`ERROR bad key ${text} at line 1`)).toBe(form);
});

test.each(FORMS)('nothing is noticed where nothing is known: %s', (_name, _form, text) => {
  expect(new Secrets().shownIn(text)).toBeUndefined();
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  expect(knowing(derKey(other.export({ type: 'pkcs8', format: 'der' }))).shownIn(text)).toBeUndefined();
});

test('the public half, and what every key begins with, may be shown', () => {
  const secrets = knowing(pemKeys(key));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const) {
    expect(secrets.shownIn(spki.toString(form))).toBeUndefined();
    expect(secrets.shownIn(der.subarray(0, 36).toString(form))).toBeUndefined();
  }
});

test('the private parts of an RSA key are known one by one, and its modulus is none', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const jwk = rsa.export({ format: 'jwk' });
  const secrets = knowing(pemKeys(rsa.export({ type: 'pkcs1', format: 'pem' }).toString()));
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const)
    expect([name, secrets.shownIn(String(jwk[name]))]).toEqual([name, 'base64']);
  expect(secrets.shownIn(String(jwk.n))).toBeUndefined();
});

test('keys are found wherever a call has them', () => {
  const places = [
    { key },
    { deep: { legacy: { key } } },
    { list: [key] },
    { certAndKey: `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${key}` },
    { keyB64: der.toString('base64') },
    { json: JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] }) },
  ];
  for (const params of places)
    expect(knowing(keyMaterialIn(params)).shownIn(d.toString('hex'))).toBeDefined();
  expect(keyMaterialIn({ cert: 'none', json: '{"keys":[{"x":"AAAA"}]}', chain: ['AAAA'] })).toEqual([]);
});

test('what cannot be read as a key is secret all the same', () => {
  const broken = Buffer.from(der);
  broken.writeUInt8(0x31, 6);
  const cut = key.slice(0, -60);
  expect(
    knowing(keyMaterialIn({ keyB64: broken.toString('base64') })).shownIn(d.toString('hex')),
  ).toBeDefined();
  expect(knowing(keyMaterialIn({ key: cut })).shownIn(cut)).toBe('base64');
  const bare = der.toString('base64');
  expect(keyMaterialIn({ key: bare })).toEqual([]);
  expect(knowing(keyMaterialIn({ key: bare }, ['key'])).shownIn(d.toString('hex'))).toBeDefined();
});

test('keys in the messages of a Workload API are found', () => {
  const message = Buffer.concat([Buffer.from([10, 3, 26]), der, Buffer.from([34, 0]), der]);
  expect(binaryKeys(message).map((one) => Buffer.from(one).toString('hex'))).toEqual([
    d.toString('hex'),
    d.toString('hex'),
  ]);
});

test('of many keys the latest are known', () => {
  const secrets = new Secrets();
  const first = randomBytes(32);
  secrets.learn([first]);
  expect(secrets.shownIn(first.toString('hex'))).toBeDefined();
  for (let n = 0; n < 64; n++) secrets.learn([randomBytes(32)]);
  expect(secrets.shownIn(first.toString('hex'))).toBeUndefined();
  const last = randomBytes(32);
  secrets.learn([last]);
  expect(secrets.shownIn(last.toString('hex'))).toBeDefined();
});
