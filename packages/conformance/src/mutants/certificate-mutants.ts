import { createHash, X509Certificate } from 'node:crypto';

import { isObject, isStringList, type Json, type JsonObject, member, textMember } from '../json.ts';
import { type Call, mishears, misreports, type Mutant, refuses } from './mutant.ts';

/** Mutants that read SVIDs and bundles, or verify chains, wrongly. */
export const CERTIFICATE_MUTANTS: readonly Mutant[] = [
  misreports(
    'svid-id-of-td',
    'answers the ID of the trust domain for that of the workload',
    (value, { op }) =>
      op === 'x509.verify' || op.startsWith('svid.')
        ? { id: textMember(value, 'id').replace(/^(spiffe:\/\/[^/]*).*$/, '$1') }
        : {},
  ),
  misreports('svid-leaf-alone', 'loses the intermediates', (value) => first(value, 'chainSha256')),
  misreports('verify-no-path', 'answers the leaf for the path', (value) => first(value, 'pathSha256')),
  misreports('bundle-first-only', 'reads the first authority alone', (value) => first(value, 'x509Sha256')),
  misreports('bundle-no-authority', 'reads no authority', (value) =>
    Object.hasOwn(value, 'x509Sha256') ? { x509Sha256: [] } : {},
  ),
  refuses('pem-lf-only', 'wants lines that end in LF', ({ params }) => pemOf(params).includes('\r')),
  refuses('pem-final-newline', 'wants a final line end', ({ params }) => pemOf(params).endsWith('-')),
  refuses('pem-no-blank-lines', 'wants no blank lines', ({ params }) => pemOf(params).startsWith('\n\n')),
  refuses(
    'pem-one-file',
    'wants certificate and key in two texts',
    ({ params }) => params['cert'] !== undefined && params['cert'] === params['key'],
  ),
  refuses(
    'svid-no-chain',
    'wants a leaf alone',
    ({ op, params }) => op.startsWith('svid.') && certificatesOf(params).length > 1,
  ),
  refuses(
    'svid-4-certificates',
    'wants at most four certificates',
    ({ op, params }) => op.startsWith('svid.') && certificatesOf(params).length > 4,
  ),
  refuses('svid-16-kib', 'wants certificates of at most 16 KiB', ({ params }) =>
    certificatesOf(params).some((one) => one.length > 16_384),
  ),
  refuses(
    'svid-no-other-names',
    'wants no names beside the SPIFFE ID',
    (call) => leafOf(call)?.subjectAltName?.includes(', ') === true,
  ),
  refuses(
    'svid-ec-only',
    'supports EC keys alone',
    (call) => leafOf(call)?.publicKey.asymmetricKeyType !== 'ec',
  ),
  refuses(
    'svid-p256-only',
    'supports no other curve than P-256',
    (call) => (leafOf(call)?.publicKey.asymmetricKeyDetails?.namedCurve ?? 'prime256v1') !== 'prime256v1',
  ),
  refuses(
    'leaf-eku-both',
    'wants an extended key usage with both purposes',
    (call) => leafOf(call)?.keyUsage?.length !== 2,
  ),
  refuses('leaf-subject', 'wants a subject', (call) => isNameless(leafOf(call))),
  refuses(
    'leaf-basic-constraints',
    'wants basic constraints in a leaf',
    (call) => !has(certificatesOf(call.params)[0], '551d13'),
  ),
  refuses(
    'verify-direct',
    'wants no intermediates',
    ({ op, params }) => op === 'x509.verify' && certificatesOf(params).length > 1,
  ),
  refuses(
    'verify-linear',
    'follows the chain as it was sent, without a search',
    ({ op, params }) => op === 'x509.verify' && !isLinear(certificatesOf(params)),
  ),
  refuses(
    'verify-no-extras',
    'wants every certificate on the path',
    ({ op, params }) => op === 'x509.verify' && hasExtras(certificatesOf(params)),
  ),
  refuses(
    'verify-no-expired',
    'gives up at a certificate that is over',
    ({ op, params }) =>
      op === 'x509.verify' &&
      certificatesOf(params).some((one) => parsed(one)?.validTo.endsWith('2020 GMT') === true),
  ),
  refuses(
    'verify-self-signed-anchor',
    'wants authorities that signed themselves',
    ({ op, params }) =>
      op === 'x509.verify' &&
      authoritiesOf(params).some((one) => parsed(one)?.subject !== parsed(one)?.issuer),
  ),
  refuses(
    'verify-one-authority',
    'wants one authority',
    ({ op, params }) => op === 'x509.verify' && authoritiesOf(params).length > 1,
  ),
  refuses(
    'verify-key-ids',
    'wants key identifiers',
    ({ op, params }) => op === 'x509.verify' && !has(certificatesOf(params)[0], '551d23'),
  ),
  refuses(
    'verify-no-unknown',
    'refuses extensions that it does not know',
    ({ op, params }) =>
      op === 'x509.verify' && certificatesOf(params).some((one) => has(one, '2b0601040183b20301')),
  ),
  refuses(
    'verify-no-constraints',
    'refuses name constraints',
    ({ op, params }) => op === 'x509.verify' && certificatesOf(params).some((one) => has(one, '551d1e')),
  ),
  refuses(
    'verify-path-length',
    'counts the leaf as a step of the path',
    ({ op, params }) =>
      op === 'x509.verify' &&
      [...authoritiesOf(params), ...certificatesOf(params)].some((one) => has(one, '0101ff020100')),
  ),
  refuses(
    'verify-ca-of-td',
    'wants authorities to have an ID of the trust domain of the leaf',
    ({ op, params }) =>
      op === 'x509.verify' &&
      certificatesOf(params)
        .slice(1)
        .some((one) => parsed(one)?.subjectAltName?.includes('other.example') === true),
  ),
  refuses(
    'verify-ecdsa',
    'verifies ECDSA alone',
    ({ op, params }) =>
      op === 'x509.verify' &&
      authoritiesOf(params).some((one) => parsed(one)?.publicKey.asymmetricKeyType !== 'ec'),
  ),
  refuses(
    'verify-sha256',
    'verifies signatures with SHA-256 alone',
    ({ op, params }) =>
      op === 'x509.verify' &&
      certificatesOf(params).some((one) =>
        [
          '300a06082a8648ce3d040303',
          '300a06082a8648ce3d040304',
          '2a864886f70d01010c',
          '2a864886f70d01010d',
        ].some((algorithm) => has(one, algorithm)),
      ),
  ),
  refuses(
    'verify-2049',
    'reads no years after 2119, nor 2050 itself',
    ({ op, params }) =>
      op === 'x509.verify' &&
      certificatesOf(params).some((one) =>
        ['May 31', 'Jun  1', 'Jan  1'].some((day) =>
          [`${day} 00:00:00 2119 GMT`, `${day} 00:00:00 2050 GMT`].includes(parsed(one)?.validTo ?? ''),
        ),
      ),
  ),
  mishears('verify-wall-clock', 'looks at the clock in place of the instant that was given', ({ params }) =>
    params['at'] === undefined ? undefined : { ...params, at: new Date().toISOString().replace(/\.\d+/, '') },
  ),
  mishears('verify-coarse-clock', 'rounds instants to hours', ({ params }) =>
    typeof params['at'] === 'string'
      ? {
          ...params,
          at: new Date(Math.round(Date.parse(params['at']) / 3_600_000) * 3_600_000).toISOString(),
        }
      : undefined,
  ),
  mishears('verify-pools-bundles', 'trusts the authorities of every trust domain for all', pooled),
  mishears('verify-no-authorizer', 'asks no authorizer', ({ params }) => without(params, 'authorize')),
  mishears('verify-trusts-chain', 'trusts what came with the leaf', trusting),
  mishears('verify-as-server', 'verifies every peer as a server', ({ op, params }) =>
    op === 'x509.verify' ? { ...params, role: 'server' } : undefined,
  ),
  mishears('svid-first-block', 'reads the first certificate alone', ({ op, params }) =>
    op === 'svid.parsePem'
      ? { ...params, cert: textMember(params, 'cert').replace(/(-----END CERTIFICATE-----\n).*$/s, '$1') }
      : undefined,
  ),
  mishears('pem-skips-broken', 'passes over broken blocks', ({ op, params }) =>
    op === 'bundle.parsePem'
      ? { ...params, pem: textMember(params, 'pem').split(/(?<=END CERTIFICATE-----\n)/)[0] ?? '' }
      : undefined,
  ),
];

const BLOCK = /-----BEGIN CERTIFICATE-----([^-]*)-----END/g;
const cache = new Map<string, X509Certificate | undefined>();

/** Every certificate that a call is about, the leaf first. */
function certificatesOf(params: JsonObject): readonly Buffer[] {
  const chain = member(params, 'chain');
  if (isStringList(chain)) return chain.map((one) => Buffer.from(one, 'base64'));
  const der = member(params, 'certB64');
  if (typeof der === 'string') return split(Buffer.from(der, 'base64'));
  return Array.from(pemOf(params).matchAll(BLOCK), (match) => Buffer.from(match[1] ?? '', 'base64'));
}

function pemOf(params: JsonObject): string {
  const text = member(params, 'cert') ?? member(params, 'pem');
  return typeof text === 'string' ? text : '';
}

function split(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start + 4 <= bytes.length;) {
    const end = start + 4 + bytes.readUInt16BE(start + 2);
    found.push(bytes.subarray(start, end));
    start = end;
  }
  return found;
}

function authoritiesOf(params: JsonObject): readonly Buffer[] {
  const bundles = member(params, 'bundles');
  if (!isObject(bundles)) return [];
  return Object.values(bundles).flatMap((list) =>
    isStringList(list) ? list.map((one) => Buffer.from(one, 'base64')) : [],
  );
}

/** Undefined when it does not parse. */
function parsed(der: Buffer): X509Certificate | undefined {
  const key = createHash('sha256').update(der).digest('hex');
  if (!cache.has(key)) {
    try {
      cache.set(key, new X509Certificate(der));
    } catch {
      cache.set(key, undefined);
    }
  }
  return cache.get(key);
}

/** The leaf of a call that reads an SVID or verifies one. */
function leafOf({ op, params }: Call): X509Certificate | undefined {
  if (op !== 'x509.verify' && !op.startsWith('svid.')) return undefined;
  const [leaf] = certificatesOf(params);
  return leaf === undefined ? undefined : parsed(leaf);
}

// Undefined on some Node.js for the empty name, whatever its types say.
function isNameless(leaf: X509Certificate | undefined): boolean {
  const subject: string | undefined = leaf?.subject;
  return leaf !== undefined && (subject ?? '') === '';
}

function has(der: Buffer | undefined, hex: string): boolean {
  return der?.includes(Buffer.from(hex, 'hex')) === true;
}

function isLinear(chain: readonly Buffer[]): boolean {
  return chain.every((one, index) => {
    const next = chain[index + 1];
    return next === undefined || parsed(one)?.issuer === parsed(next)?.subject;
  });
}

function hasExtras(chain: readonly Buffer[]): boolean {
  const distinct = new Set(chain.map((one) => one.toString('hex')));
  const isUnused = (one: Buffer): boolean =>
    !chain.some((below) => below !== one && parsed(below)?.issuer === parsed(one)?.subject);
  const selfSigned = chain.some((one) => parsed(one)?.issuer === parsed(one)?.subject);
  return distinct.size < chain.length || selfSigned || chain.slice(1).some((one) => isUnused(one));
}

function first(value: JsonObject, name: string): JsonObject {
  const list = member(value, name);
  return isStringList(list) ? { [name]: list.slice(0, 1) } : {};
}

function without(params: JsonObject, name: string): JsonObject | undefined {
  if (!Object.hasOwn(params, name)) return undefined;
  return Object.fromEntries(Object.entries(params).filter(([key]) => key !== name));
}

function pooled({ params }: Call): JsonObject | undefined {
  const bundles = member(params, 'bundles');
  if (!isObject(bundles)) return undefined;
  const all: readonly Json[] = Object.values(bundles).flatMap((list) => (isStringList(list) ? list : []));
  return {
    ...params,
    bundles: Object.fromEntries(['example.org', ...Object.keys(bundles)].map((name) => [name, all])),
  };
}

function trusting({ params }: Call): JsonObject | undefined {
  const chain = member(params, 'chain');
  const bundles = member(params, 'bundles');
  if (!isObject(bundles) || !isStringList(chain)) return undefined;
  const more = chain.slice(1, 9);
  return {
    ...params,
    bundles: Object.fromEntries(
      Object.entries(bundles).map(([name, list]) => [name, isStringList(list) ? [...list, ...more] : list]),
    ),
  };
}
