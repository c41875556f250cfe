import { Buffer } from 'node:buffer';
import { type KeyObject } from 'node:crypto';

/** A copy of a certificate with another public key in it: same names, same key identifier, a signature that is wrong. */
export function withPublicKey(certificate: Uint8Array, key: KeyObject): Buffer {
  const [tbs, algorithm, signature] = children(contents(Buffer.from(certificate)));
  if (tbs === undefined || algorithm === undefined || signature === undefined)
    throw new TypeError('no certificate');
  // RFC 5280 4.1: version, serial number, signature, issuer, validity, subject, subject public key, extensions.
  const fields = children(contents(tbs));
  fields[6] = key.export({ type: 'spki', format: 'der' });
  return sequence([sequence(fields), algorithm, signature]);
}

function contents(element: Buffer): Buffer {
  return element.subarray(headLength(element));
}

function children(body: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < body.length; at += found.at(-1)?.length ?? Infinity) {
    const rest = body.subarray(at);
    const head = headLength(rest);
    const length = head === 2 ? (rest[1] ?? 0) : rest.readUIntBE(2, head - 2);
    found.push(rest.subarray(0, head + length));
  }
  return found;
}

function headLength(element: Buffer): number {
  const first = element[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function sequence(parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([Buffer.from([0x30, 0x82]), length, body]);
}
