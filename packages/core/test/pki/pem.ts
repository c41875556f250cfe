import { createCipheriv } from 'node:crypto';

import { type Issued } from './certificates.ts';
import { type TestKey } from './keys.ts';

export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

export function certificatesPem(...certificates: readonly Issued[]): string {
  return certificates.map(({ der }) => pem('CERTIFICATE', der)).join('');
}

export function pkcs8(key: TestKey): Buffer {
  return key.privateKey.export({ format: 'der', type: 'pkcs8' });
}

export function keyPem(key: TestKey): string {
  return pem('PRIVATE KEY', pkcs8(key));
}

/** PKCS#8 behind a passphrase. */
export function encryptedKeyPem(key: TestKey): string {
  return key.privateKey
    .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();
}

/** What `openssl` wrote before PKCS#8. The content does not matter: nobody may try to read it. */
export function legacyEncryptedKeyPem(): string {
  const cipher = createCipheriv('aes-128-cbc', Buffer.alloc(16), Buffer.alloc(16));
  const [begin = '', ...rest] = pem(
    'EC PRIVATE KEY',
    Buffer.concat([cipher.update('k'.repeat(90)), cipher.final()]),
  ).split('\n');
  return [begin, 'Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-128-CBC,00', '', ...rest].join('\n');
}
