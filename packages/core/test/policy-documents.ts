/** A JSON text, and whether it is a good document of its kind. */
export interface PolicyDocument {
  readonly name: string;
  readonly text: string;
  /** Undefined: it is good. Else what the message of the parser has to say. */
  readonly defect?: string;
  /** Whether the defect is one that no JSON Schema can see. */
  readonly isBeyondSchema?: true;
}

const json = JSON.stringify;
const KEY = `sha256:${'0af9'.repeat(16)}`;
const ID = 'spiffe://a.test/x';

const good = (name: string, value: unknown): PolicyDocument => ({ name, text: json(value) });
const bad = (name: string, value: unknown, defect: string): PolicyDocument => ({
  name,
  text: json(value),
  defect,
});
const blind = (name: string, text: string, defect: string): PolicyDocument => ({
  name,
  text,
  defect,
  isBeyondSchema: true,
});

/** IDs and patterns that are wrong wherever they stand. */
const BAD_ENTRIES: readonly (readonly [string, string, string])[] = [
  ['an ID in upper case', 'SPIFFE://a.test/x', ''],
  ['an upper-case trust domain', 'spiffe://A.test/x', ''],
  ['an ID without a path', 'spiffe://a.test', 'path'],
  ['an ID that ends with a slash', 'spiffe://a.test/x/', ''],
  ['an ID with an empty segment', 'spiffe://a.test//x', ''],
  ['an ID with a dot segment', 'spiffe://a.test/x/..', ''],
  ['an ID with a blank at its end', `${ID} `, ''],
  ['an ID with a line break at its end', `${ID}\n`, ''],
  ['an ID with a query', `${ID}?`, ''],
  ['a bare path', '/x', ''],
  ['an empty entry', '', ''],
  ['an empty trust domain', 'spiffe:///x', ''],
  ['a trust domain of 256 bytes', `spiffe://${'a'.repeat(256)}/x`, ''],
  ['an ID of 2049 bytes', `spiffe://a.test/${'x'.repeat(2033)}`, ''],
];

const badIds = (place: string, put: (entry: unknown) => unknown): readonly PolicyDocument[] => [
  ...BAD_ENTRIES.map(([name, entry, defect]) => bad(name, put(entry), defect === '' ? place : defect)),
  ...[1, null, true, {}, [ID]].map((entry) => bad(`${json(entry)} as an entry`, put(entry), `${place}[0]`)),
];

/** What is wrong with any kind of document; `rest` is a good text after `{"version":1`. */
const common = (rest: string): readonly PolicyDocument[] => [
  blind('no text', '', 'empty text'),
  blind('blanks alone', ' \n', 'empty text'),
  blind('cut in the middle', `{"version":1${rest}`.slice(0, -1), 'JSON'),
  blind('a comma too many', `{"version":1${rest},}`, 'JSON'),
  blind('two documents', `{"version":1${rest}}{"version":1${rest}}`, 'JSON'),
  blind('a comment', `{"version":1${rest}} // no`, 'JSON'),
  blind('a byte order mark', `\uFEFF{"version":1${rest}}`, 'JSON'),
  blind('version twice', `{"version":1${rest},"version":1}`, '"version" twice'),
  blind('version twice, once with an escape', `{"version":1${rest},"v\\u0065rsion":1}`, '"version" twice'),
  blind('more than 1 MiB', `{"version":1${rest}}${' '.repeat(1024 * 1024)}`, 'at most 1048576 bytes'),
  ...['null', '1', '"x"', '[]', 'true'].map((text) => ({
    name: `${text} in place of an object`,
    text,
    defect: 'want an object',
  })),
  { name: 'version 2', text: `{"version":2${rest}}`, defect: 'version' },
  { name: 'version as text', text: `{"version":"1"${rest}}`, defect: 'version' },
  { name: 'an unknown member', text: `{"version":1${rest},"note":""}`, defect: '"note"' },
  { name: 'the member __proto__', text: `{"version":1${rest},"__proto__":{}}`, defect: '"__proto__"' },
  { name: 'a member in upper case', text: `{"version":1${rest},"Version":1}`, defect: '"Version"' },
];

const deny = (value: unknown): unknown => ({ version: 1, deny: value });

/** Good and bad deny lists. */
export const DENY_LISTS: readonly PolicyDocument[] = [
  good('nobody', deny({})),
  good('nobody, in so many words', deny({ ids: [], keys: [] })),
  good('an ID', deny({ ids: [ID] })),
  good('a key', deny({ keys: [KEY] })),
  good('both, and twice', deny({ ids: [ID, ID, 'spiffe://b.test/A_b-c.d/e'], keys: [KEY, KEY] })),
  good('10000 entries', deny({ ids: Array.from({ length: 10_000 }, (_, index) => `${ID}${index}`) })),
  good('an ID of 2048 bytes', deny({ ids: [`spiffe://a.test/${'x'.repeat(2032)}`] })),
  good('a trust domain of 255 bytes', deny({ ids: [`spiffe://${'a'.repeat(255)}/x`] })),
  { name: 'members in another order, with blanks', text: ' { "deny" : { "ids" : [ ] } , "version" : 1.0 } ' },
  { name: 'an entry that looks like members', text: `{"version":1,"deny":{"ids":["${ID}","${ID}"]}}` },
  ...common(',"deny":{}'),
  bad('no deny', { version: 1 }, 'want deny'),
  bad('no version', { deny: {} }, 'version'),
  bad('ids at the top', { version: 1, ids: [ID] }, '"ids"'),
  bad('a typing error in deny', deny({ id: [ID] }), '"id"'),
  bad('deny as a list', deny([ID]), 'deny'),
  bad('deny as null', deny(null), 'deny'),
  bad('ids as text', deny({ ids: ID }), 'deny.ids'),
  bad('ids as null', deny({ ids: null }), 'deny.ids'),
  bad('keys as an object', deny({ keys: {} }), 'deny.keys'),
  ...badIds('deny.ids', (entry) => deny({ ids: [entry] })),
  bad('a pattern, which would deny nobody', deny({ ids: ['spiffe://a.test/*'] }), 'deny.ids[0]'),
  bad('the second entry', deny({ ids: [ID, 'x'] }), 'deny.ids[1]'),
  bad('a key without its hash', deny({ keys: [KEY.slice(7)] }), 'deny.keys[0]'),
  bad('a key in upper case', deny({ keys: [KEY.toUpperCase()] }), 'deny.keys[0]'),
  bad('a key with upper-case digits', deny({ keys: [`sha256:${'0AF9'.repeat(16)}`] }), 'deny.keys[0]'),
  bad('a key that is too short', deny({ keys: [KEY.slice(0, -1)] }), 'deny.keys[0]'),
  bad('a key that is too long', deny({ keys: [`${KEY}0`] }), 'deny.keys[0]'),
  bad('a key with colons', deny({ keys: [KEY.replaceAll('0a', '0a:')] }), 'deny.keys[0]'),
  bad('a key with a line break', deny({ keys: [`${KEY}\n`] }), 'deny.keys[0]'),
  bad('another hash', deny({ keys: [KEY.replace('sha256', 'sha512')] }), 'deny.keys[0]'),
  bad('an ID among the keys', deny({ keys: [ID] }), 'deny.keys[0]'),
  bad('a number among the keys', deny({ keys: [0] }), 'deny.keys[0]'),
  bad('10001 IDs', deny({ ids: Array.from({ length: 10_001 }, () => ID) }), 'at most 10000 entries'),
  blind('ids twice', `{"version":1,"deny":{"ids":["${ID}"],"ids":[]}}`, '"ids" twice'),
  blind('deny twice', '{"version":1,"deny":{},"deny":{}}', '"deny" twice'),
  blind(
    '10001 entries of both kinds',
    json(
      deny({ ids: Array.from({ length: 5_001 }, () => ID), keys: Array.from({ length: 5_000 }, () => KEY) }),
    ),
    'at most 10000 entries',
  ),
];

const allow = (...entries: readonly unknown[]): unknown => ({ version: 1, allow: { payments: entries } });

/** Good and bad migration policies. */
export const MIGRATION_POLICIES: readonly PolicyDocument[] = [
  good('the defaults', { version: 1 }),
  good('everything', {
    version: 1,
    mode: 'permissive',
    prefer: 'legacy',
    dryRun: true,
    allow: { payments: [ID, 'spiffe://b.test/batch/*', 'spiffe://b.test/**'], 'https://db.test:5432': [ID] },
  }),
  good('the other choices', { version: 1, mode: 'strict', prefer: 'spiffe', dryRun: false, allow: {} }),
  good(
    'patterns',
    allow('spiffe://a.test/*', 'spiffe://a.test/**', 'spiffe://a.test/*/x/*', 'spiffe://a/*/**'),
  ),
  good('names with many characters', { version: 1, allow: { '!"#$/[]~': [ID], ['x'.repeat(256)]: [ID] } }),
  good('names of the prototype', { version: 1, allow: { constructor: [ID], toString: [ID] } }),
  { name: 'the name __proto__', text: `{"version":1,"allow":{"__proto__":["${ID}"]}}` },
  { name: 'one name in two objects', text: `{"version":1,"allow":{"allow":["${ID}"],"version":["${ID}"]}}` },
  good('10000 entries', allow(...Array.from({ length: 10_000 }, (_, index) => `${ID}${index}`))),
  ...common(''),
  bad('no version', { mode: 'strict' }, 'version'),
  bad('another mode', { version: 1, mode: 'Strict' }, 'mode'),
  bad('mode as null', { version: 1, mode: null }, 'mode'),
  bad('another preference', { version: 1, prefer: 'both' }, 'prefer'),
  bad('dryRun as text', { version: 1, dryRun: 'false' }, 'dryRun'),
  bad('dryRun as a number', { version: 1, dryRun: 0 }, 'dryRun'),
  bad('dryrun', { version: 1, dryrun: true }, '"dryrun"'),
  bad('allow as a list', { version: 1, allow: [ID] }, 'allow'),
  bad('allow as null', { version: 1, allow: null }, 'allow'),
  bad('entries as text', { version: 1, allow: { payments: ID } }, 'allow["payments"]'),
  bad('no entries', allow(), 'at least one entry'),
  bad('an empty name', { version: 1, allow: { '': [ID] } }, 'names'),
  bad('a name with a blank', { version: 1, allow: { 'payments ': [ID] } }, 'names'),
  bad('a name beyond ASCII', { version: 1, allow: { 'zahlungen\u00e9': [ID] } }, 'names'),
  bad('a name with a line break', { version: 1, allow: { 'x\n': [ID] } }, 'names'),
  bad('a name of 257 characters', { version: 1, allow: { ['x'.repeat(257)]: [ID] } }, 'names'),
  ...badIds('allow["payments"]', (entry) => allow(entry)),
  bad('a star within a segment', allow('spiffe://a.test/x*'), 'not a whole segment'),
  bad('two stars before the end', allow('spiffe://a.test/**/x'), 'not its last segment'),
  bad('three stars', allow('spiffe://a.test/***'), 'not a whole segment'),
  bad('a star as trust domain', allow('spiffe://*/x'), 'allow["payments"][0]'),
  bad('a star without a scheme', allow('a.test/*'), 'begins like a SPIFFE ID'),
  bad('a star alone', allow('*'), 'begins like a SPIFFE ID'),
  bad('a pattern with a dot segment', allow('spiffe://a.test/../*'), 'allow["payments"][0]'),
  bad('a pattern with a slash at its end', allow('spiffe://a.test/*/'), 'allow["payments"][0]'),
  bad('a pattern of 2049 bytes', allow(`spiffe://a.test/*/${'x'.repeat(2031)}`), '2048'),
  bad('10001 entries', allow(...Array.from({ length: 10_001 }, () => ID)), 'at most 10000 entries'),
  blind('a name twice', `{"version":1,"allow":{"a":["${ID}"],"b":["${ID}"],"a":["${ID}"]}}`, '"a" twice'),
  blind('mode twice', '{"version":1,"mode":"strict","mode":"permissive"}', '"mode" twice'),
  blind(
    '10001 entries of two names',
    json({
      version: 1,
      allow: { a: Array.from({ length: 5_001 }, () => ID), b: Array.from({ length: 5_000 }, () => ID) },
    }),
    'at most 10000 entries',
  ),
];
