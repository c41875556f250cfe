import { createCipheriv, pbkdf2Sync } from 'node:crypto';

import { element, integer, NULL, octets, oid, sequence } from './der.ts';
import { type Key, pkcs8Of, seed } from './keys.ts';

/** PKCS#8 behind the passphrase `secret` (PBES2 with PBKDF2 and AES-256-CBC), with salt and vector from a seed. */
export function encryptedPkcs8(key: Key): Buffer {
  const salt = seed('salt of an encrypted key', 16);
  const vector = seed('vector of an encrypted key', 16);
  const rounds = 2048;
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync('secret', salt, rounds, 32, 'sha256'), vector);
  const content = Buffer.concat([cipher.update(pkcs8Of(key)), cipher.final()]);
  const derivation = sequence(
    oid('1.2.840.113549.1.5.12'),
    sequence(octets(salt), integer(rounds), sequence(oid('1.2.840.113549.2.9'), NULL)),
  );
  const encryption = sequence(oid('2.16.840.1.101.3.4.1.42'), octets(vector));
  const algorithm = sequence(oid('1.2.840.113549.1.5.13'), sequence(derivation, encryption));
  return element(0x30, algorithm, octets(content));
}
