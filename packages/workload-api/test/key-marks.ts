import { createPrivateKey } from 'node:crypto';
import { inspect } from 'node:util';

/** Everything by which a private key in PKCS#8 could be recognised in text: its secret number in each usual form. */
export function keyMarks(pkcs8: Uint8Array): readonly string[] {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const { d = '' } = key.export({ format: 'jwk' });
  const secret = Buffer.from(d, 'base64url');
  const start = Math.ceil((Buffer.from(pkcs8).indexOf(secret) * 4) / 3);
  const body = Buffer.from(pkcs8).toString('base64');
  return [
    ...Array.from({ length: 28 }, (_, index) => body.slice(start + index, start + index + 12)),
    d.slice(0, 16),
    secret.toString('hex').slice(0, 16),
    secret.toString('hex').match(/../gu)?.slice(0, 8).join(' ') ?? '',
    secret.toString('base64').slice(0, 16),
    secret.toString('latin1').slice(0, 8),
    String([...secret].slice(0, 8)),
  ];
}

/** Everything that Node.js would show of a value, and everything that a logger would. */
export function show(value: unknown): string {
  const shown = inspect(value, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null });
  let json = '';
  try {
    json = JSON.stringify(value);
  } catch {
    // Not everything has a JSON form.
  }
  return `${shown}\n${inspect(value, { getters: true, depth: 6 })}\n${json}\n${String(value)}`;
}
