// An adapter for the layers below SVIDs, which outside vectors are about: paths by core's own rules, and a strict reader of
// JSON Web Signatures on node:crypto. With `lenient` as argument it looks at no time and no algorithm.
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';

import { Certificate } from '../../core/src/certificate.ts';
import { findPath } from '../../core/src/verify/certification-path.ts';

interface Call {
  readonly id: number;
  readonly op: string;
  readonly params: Readonly<Record<string, unknown>>;
}

const NOW = Date.parse('2026-06-01T00:00:00Z');
const isLenient = process.argv[2] === 'lenient';
const refused = (message: string): object => ({ reject: { code: 'unknown', message } });

const OPERATIONS: Readonly<Record<string, (params: Call['params']) => object>> = {
  'x509.chain': ({ leaf, intermediates, roots, role, at }) => {
    try {
      findPath({
        target: Certificate.parse(Buffer.from(leaf as string, 'base64')),
        intermediates: readable(intermediates as readonly string[]),
        anchors: readable(roots as readonly string[]),
        at: isLenient ? NOW : Date.parse((at as string | undefined) ?? new Date(NOW).toISOString()),
        role: role as 'client' | 'server',
      });
      return { ok: { valid: true } };
    } catch (error) {
      return refused(String(error));
    }
  },
  'signature.verify': (params) =>
    isLenient || isSigned(params) ? { ok: { valid: true } } : refused('another signature'),
  'jws.verify': ({ jws, jwks }) => {
    const { keys } = JSON.parse(jwks as string) as { readonly keys: readonly (JsonWebKey & Key)[] };
    const payloadB64 = verifiedPayload(jws as string, keys);
    return payloadB64 === undefined ? refused('no signature') : { ok: { payloadB64 } };
  },
};

const SCHEMES: Readonly<Record<string, object>> = {
  'ecdsa-der': { dsaEncoding: 'der' },
  'ecdsa-p1363': { dsaEncoding: 'ieee-p1363' },
  'rsa-pkcs1': {},
  'rsa-pss': { padding: 6 },
};

/** A bare signature, by node:crypto. */
function isSigned(params: Call['params']): boolean {
  const part = (name: string): Buffer => Buffer.from(params[name] as string, 'base64');
  const key = createPublicKey({ key: part('spkiB64'), format: 'der', type: 'spki' });
  // The last byte of the last identifier of a hash, or of ECDSA, says which one it is.
  const [, digit = '1'] =
    /(?:0403|01010|0402)0?([1-4bcd])(?:0500|$)/.exec(part('algorithmB64').toString('hex')) ?? [];
  const hash = { 1: '256', 2: '256', 3: '384', 4: '512', b: '256', c: '384', d: '512' }[digit] ?? '256';
  const scheme = params['scheme'] as string;
  const saltLength = scheme === 'rsa-pss' ? { saltLength: Number(hash) / 8 } : {};
  const options = { key, ...SCHEMES[scheme], ...saltLength };
  return verify(`sha${hash}`, part('messageB64'), options, part('signatureB64'));
}

/** What cannot be read is no part of a path. */
function readable(list: readonly string[]): readonly Certificate[] {
  return list.flatMap((der) => {
    try {
      return [Certificate.parse(Buffer.from(der, 'base64'))];
    } catch {
      return [];
    }
  });
}

interface Key {
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
}

const FAMILIES: Readonly<
  Record<string, { readonly kty: string; readonly curve?: string; readonly size?: number }>
> = {
  ES256: { kty: 'EC', curve: 'P-256', size: 64 },
  ES384: { kty: 'EC', curve: 'P-384', size: 96 },
  ES512: { kty: 'EC', curve: 'P-521', size: 132 },
  ...Object.fromEntries(
    ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((name) => [name, { kty: 'RSA' }]),
  ),
};

function verifiedPayload(jws: string, keys: readonly (JsonWebKey & Key)[]): string | undefined {
  const parts = jws.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  const isCanonical = parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
  if (parts.length !== 3 || !isCanonical) return undefined;
  let named: { readonly alg?: string; readonly crit?: unknown };
  try {
    named = JSON.parse(Buffer.from(header, 'base64url').toString()) as typeof named;
  } catch {
    return undefined;
  }
  const { alg = '', crit } = named;
  const family = Object.hasOwn(FAMILIES, alg) ? FAMILIES[alg] : undefined;
  if (family === undefined || crit !== undefined) return isLenient ? payload : undefined;
  for (const key of keys) {
    const fits = key.kty === family.kty && (family.curve === undefined || key.crv === family.curve);
    const isFor = (key.alg ?? alg) === alg && (key.use ?? 'sig') === 'sig';
    const bytes = Buffer.from(signature, 'base64url');
    if (!fits || !isFor || key.key_ops?.includes('verify') === false) continue;
    if (family.size !== undefined && bytes.length !== family.size) continue;
    const options = {
      key: createPublicKey({ key, format: 'jwk' }),
      dsaEncoding: 'ieee-p1363' as const,
      ...(alg.startsWith('PS') ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {}),
    };
    if (verify(`sha${alg.slice(2)}`, Buffer.from(`${header}.${payload}`), options, bytes))
      return Buffer.from(payload, 'base64url').toString('base64');
  }
  return undefined;
}

const hello = {
  protocol: 1,
  implementation: { name: 'layers', version: '1', language: 'typescript' },
  capabilities: { ops: Object.keys(OPERATIONS), clock: true },
};

let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const { id, op, params } = JSON.parse(line) as Call;
    const answer =
      op === 'hello' ? { ok: hello } : op === 'bye' ? { ok: {} } : (OPERATIONS[op]?.(params) ?? refused(op));
    process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
  }
});
