import { isObject, type Json, type JsonObject, member, parseJson, textMember } from '../json.ts';
import { type Call, mishears, misreports, type Mutant, refuses } from './mutant.ts';

/** Mutants that read bundles as JSON documents wrongly. */
export const BUNDLE_MUTANTS: readonly Mutant[] = [
  misreports('bundle-no-jwt', 'reads no keys for JWT-SVIDs', (value) =>
    Object.hasOwn(value, 'jwt') ? { jwt: [] } : {},
  ),
  misreports('bundle-number-sequence', 'keeps sequence numbers as floating-point numbers', (value) => {
    const sequence = member(value, 'sequence');
    return typeof sequence === 'string' ? { sequence: BigInt(Number(sequence)).toString() } : {};
  }),
  misreports('bundle-int64-sequence', 'keeps sequence numbers in 64 bits with a sign', (value) => {
    const sequence = member(value, 'sequence');
    return typeof sequence === 'string' ? { sequence: BigInt.asIntN(64, BigInt(sequence)).toString() } : {};
  }),
  misreports('bundle-zero-sequence', 'takes a missing sequence number for 0', (value) =>
    member(value, 'sequence') === null ? { sequence: '0' } : {},
  ),
  misreports('bundle-default-hint', 'takes a missing refresh hint, and 0, for 300', (value) => {
    const hint = member(value, 'refreshHint');
    return hint === null || hint === 0 ? { refreshHint: 300 } : {};
  }),
  misreports('bundle-no-hint', 'reads no refresh hints', (value) =>
    Object.hasOwn(value, 'refreshHint') ? { refreshHint: null } : {},
  ),
  misreports(
    'bundle-keeps-duplicates',
    'counts an authority for each time it stands there',
    (value, call) => {
      const [one] = listIn(value, 'x509Sha256');
      const certificates = entriesOf(call).map((entry) => JSON.stringify(member(entry, 'x5c')));
      return one !== undefined && certificates.length === 2 && new Set(certificates).size === 1
        ? { x509Sha256: [one, one] }
        : {};
    },
  ),
  misreports('map-last-only', 'reads the last trust domain alone', (value) =>
    Object.hasOwn(value, 'bundles') ? { bundles: listIn(value, 'bundles').slice(-1) } : {},
  ),
  misreports('map-pools', 'gives the authorities of every trust domain to all', (value) => {
    const bundles = listIn(value, 'bundles').filter((one) => isObject(one));
    const all = bundles.flatMap((one) => listIn(one, 'x509Sha256'));
    return bundles.length === 0 ? {} : { bundles: bundles.map((one) => ({ ...one, x509Sha256: all })) };
  }),
  misreports('map-drops-empty', 'leaves out trust domains without authorities', (value) =>
    Object.hasOwn(value, 'bundles')
      ? {
          bundles: listIn(value, 'bundles').filter(
            (one) => isObject(one) && listIn(one, 'x509Sha256').length > 0,
          ),
        }
      : {},
  ),
  refuses(
    'map-not-empty',
    'wants a trust domain in a map',
    ({ op, params }) => op === 'bundleMap.parse' && textMember(params, 'json') === '{"trust_domains":{}}',
  ),
  refuses(
    'bundle-not-empty',
    'wants at least one key',
    (call) => call.op === 'bundle.parse' && entriesOf(call).length === 0,
  ),
  refuses('bundle-known-kty', 'refuses documents with key types or curves that it does not know', (call) =>
    entriesOf(call).some(
      (entry) => !['EC', 'RSA'].includes(textMember(entry, 'kty')) || isStrangeCurve(entry),
    ),
  ),
  refuses(
    'bundle-known-use',
    'refuses documents with uses that it does not know',
    (call) =>
      call.op !== 'jwks.parse' &&
      entriesOf(call).some(
        (entry) => !['x509-svid', 'jwt-svid', 'wit-svid'].includes(textMember(entry, 'use')),
      ),
  ),
  refuses('bundle-no-wit', 'refuses documents with keys for WIT-SVIDs', (call) =>
    entriesOf(call).some((entry) => textMember(entry, 'use') === 'wit-svid'),
  ),
  refuses('bundle-one-x5c', 'refuses documents with an entry that has not exactly one certificate', (call) =>
    entriesOf(call).some(
      (entry) => textMember(entry, 'use') === 'x509-svid' && listIn(entry, 'x5c').length !== 1,
    ),
  ),
  refuses('bundle-no-kid', 'refuses authorities with a key ID', (call) =>
    entriesOf(call).some((entry) => textMember(entry, 'use') === 'x509-svid' && Object.hasOwn(entry, 'kid')),
  ),
  refuses('bundle-no-unknown-members', 'refuses members that it does not know', (call) =>
    ['unknown', 'extra', 'd'].some((name) => textOf(call).includes(`"${name}":`)),
  ),
  refuses('bundle-good-numbers', 'refuses documents with a key that is none', (call) =>
    entriesOf(call).some((entry) => textMember(entry, 'e') === 'AQ' || isOffCurve(entry)),
  ),
  mishears('bundle-any-use', 'does not look at the use of an authority', (call) =>
    rewritten(call, (entry) => (Object.hasOwn(entry, 'x5c') ? { ...entry, use: 'x509-svid' } : entry)),
  ),
  mishears('bundle-last-x5c', 'takes the last certificate of an entry', (call) =>
    rewritten(call, (entry) => {
      const x5c = listIn(entry, 'x5c');
      return x5c.length < 2 ? entry : { ...entry, x5c: x5c.slice(-1) };
    }),
  ),
  mishears('bundle-any-case', 'does not look at the case of uses', (call) =>
    rewritten(call, (entry) =>
      Object.hasOwn(entry, 'use') ? { ...entry, use: textMember(entry, 'use').toLowerCase() } : entry,
    ),
  ),
  mishears('bundle-prototype', 'reads __proto__ as what it is in JavaScript', (call) =>
    rewrittenWhole(call, (value) => inherit(value)),
  ),
  mishears('bundle-passes-over-rest', 'reads no further than the end of the document', (call) =>
    changedText(call, (text) => text.slice(0, text.lastIndexOf('}') + 1)),
  ),
  mishears('bundle-reads-nan', 'reads NaN as a number', (call) =>
    changedText(call, (text) => text.replace('NaN', '0')),
  ),
  mishears('map-of-ids', 'reads SPIFFE IDs as names of trust domains', (call) =>
    changedText(call, (text) => text.replace('"spiffe://', '"')),
  ),
];

const OPS: ReadonlySet<string> = new Set(['bundle.parse', 'bundleMap.parse', 'jwks.parse']);

/** The document that a call is about; empty where it is about none. */
function textOf({ op, params }: Call): string {
  return OPS.has(op) ? textMember(params, 'json') : '';
}

/** Undefined where it is no JSON, or too deep. */
function documentOf(call: Call): JsonObject | undefined {
  try {
    const value = parseJson(textOf(call));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The entries of all keys of a document. */
function entriesOf(call: Call): readonly JsonObject[] {
  const document = documentOf(call);
  if (document === undefined) return [];
  const map = member(document, 'trust_domains');
  const bundles = isObject(map) ? Object.values(map) : [document];
  return bundles.flatMap((one) =>
    isObject(one) ? listIn(one, 'keys').filter((entry) => isObject(entry)) : [],
  );
}

function listIn(value: JsonObject, name: string): readonly Json[] {
  const list = member(value, name);
  return Array.isArray(list) ? (list as readonly Json[]) : [];
}

function isStrangeCurve(entry: JsonObject): boolean {
  return textMember(entry, 'kty') === 'EC' && !['P-256', 'P-384', 'P-521'].includes(textMember(entry, 'crv'));
}

/** Whether the numbers of an entry are of two keys: its authority's certificate, or another entry, has the right ones. */
function isOffCurve(entry: JsonObject): boolean {
  if (textMember(entry, 'crv') !== 'P-256' || Object.hasOwn(entry, 'x5c')) return false;
  const at = (name: string): bigint =>
    BigInt(`0x0${Buffer.from(textMember(entry, name), 'base64url').toString('hex')}`);
  const [x, y] = [at('x'), at('y')];
  const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  return (y * y - x * x * x + 3n * x - b) % prime !== 0n;
}

type Change = (entry: JsonObject) => JsonObject;

/** The parameters with every entry changed; undefined where there is nothing to change. */
function rewritten(call: Call, change: Change): JsonObject | undefined {
  return rewrittenWhole(call, (document) => {
    const map = member(document, 'trust_domains');
    if (!isObject(map)) return changedBundle(document, change);
    const bundles = Object.entries(map).map(([name, one]): [string, Json] => [
      name,
      changedBundle(one, change),
    ]);
    return { ...document, trust_domains: Object.fromEntries(bundles) };
  });
}

function changedBundle(bundle: Json, change: Change): Json {
  if (!isObject(bundle) || !Array.isArray(member(bundle, 'keys'))) return bundle;
  return {
    ...bundle,
    keys: listIn(bundle, 'keys').map((entry) => (isObject(entry) ? change(entry) : entry)),
  };
}

function rewrittenWhole(call: Call, change: (document: JsonObject) => Json): JsonObject | undefined {
  const document = documentOf(call);
  if (document === undefined) return undefined;
  try {
    const text = JSON.stringify(change(document));
    return changedText(call, () => text);
  } catch {
    // Too deep to be walked through: it is asked as it is.
    return undefined;
  }
}

function changedText(call: Call, change: (text: string) => string): JsonObject | undefined {
  const text = textOf(call);
  return text === '' ? undefined : { ...call.params, json: change(text) };
}

/** What stands in `__proto__`, as if it were a member of its own. */
function inherit(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((one) => inherit(one));
  if (!isObject(value)) return value;
  const inherited = member(value, '__proto__');
  const own = Object.entries(value).filter(([name]) => name !== '__proto__');
  return {
    ...(isObject(inherited) ? inherited : {}),
    ...Object.fromEntries(own.map(([name, one]) => [name, inherit(one)])),
  };
}
