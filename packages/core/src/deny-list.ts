import { type Certificate } from './certificate.ts';
import { SpiffeError } from './errors.ts';
import { Listeners } from './listeners.ts';
import { badPolicy, EntryReader, membersOf, readPolicyJson } from './policy-json.ts';
import { kindOf, quote } from './quote.ts';
import { SpiffeId } from './spiffe-id.ts';

/** A peer of a connection: a legacy one has no SPIFFE ID, but a key like any other. */
export interface DenySubject {
  readonly id: SpiffeId | undefined;
  /** Its certificate; undefined: it is proven by a token, and only its ID can be denied. */
  readonly leaf: Certificate | undefined;
}

/** Peers that are turned away whatever else speaks for them, for emergencies. */
export interface DenyList {
  /** Why a peer is denied, for logs; undefined: it is not. Cheap: a look into two sets. */
  reason(peer: DenySubject): string | undefined;
  /** Calls `listener` synchronously after each change; one that throws is isolated. Dispose to stop. */
  onUpdate(listener: () => void): Disposable;
}

/** What a deny list holds. Frozen. */
export interface DenyListDocument {
  /** SPIFFE IDs, exactly as they stand in certificates. */
  readonly ids: ReadonlySet<string>;
  /** `sha256:` and 64 hexadecimal digits in lower case, over the DER SubjectPublicKeyInfo. */
  readonly keys: ReadonlySet<string>;
}

/** Entries of a {@link staticDenyList}. */
export interface DenyListEntries {
  /** SPIFFE IDs with a path. Default: none. */
  readonly ids?: Iterable<SpiffeId | string>;
  /** `sha256:` and {@link Certificate.publicKeyFingerprint256}. Default: none. */
  readonly keys?: Iterable<string>;
}

/** A deny list whose content the caller provides, and replaces. */
export interface StaticDenyList extends DenyList {
  /**
   * Replaces all entries. Listeners are told when that changes anything.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`; nothing is changed then.
   */
  update(entries: DenyListEntries): void;
}

const KEY = /^sha256:[0-9a-f]{64}$/;
const WHAT = 'a deny list';

/**
 * Reads a deny list: `{ "version": 1, "deny": { "ids": ["spiffe://..."], "keys": ["sha256:..."] } }`. Whatever it
 * does not know is an error, because a typing error must not deny nobody in silence.
 *
 * @param text - JSON of at most 1 MiB and 10,000 entries.
 * @throws {@link SpiffeError} `ERR_POLICY_INVALID`. The message names the place.
 */
export function parseDenyList(text: string): DenyListDocument {
  const top = readPolicyJson(text, WHAT, ['deny']);
  if (!top.has('deny')) throw badPolicy(WHAT, 'deny', 'no such member');
  const deny = membersOf(top.get('deny'), WHAT, 'deny', ['ids', 'keys']);
  const entries = new EntryReader(WHAT);
  const read = (name: 'ids' | 'keys', wanted: string, entry: (text: string) => string): ReadonlySet<string> =>
    new Set(deny.has(name) ? entries.list(deny.get(name), `deny.${name}`, wanted, entry) : []);
  return Object.freeze({
    ids: read('ids', 'a SPIFFE ID with a path', deniedId),
    keys: read('keys', 'sha256:<64 hexadecimal digits>', deniedKey),
  });
}

/**
 * A deny list over entries that are at hand.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function staticDenyList(entries: DenyListEntries): StaticDenyList {
  const listeners = new Listeners<void>(WHAT);
  let document = toDocument(entries);
  return Object.freeze({
    reason: (peer: DenySubject) => reasonOf(document, peer),
    onUpdate: (listener: () => void) => listeners.add(listener),
    update(next: DenyListEntries) {
      const replacement = toDocument(next);
      const isSame = isEqual(replacement.ids, document.ids) && isEqual(replacement.keys, document.keys);
      document = replacement;
      if (!isSame) listeners.tell();
    },
  });
}

function reasonOf({ ids, keys }: DenyListDocument, { id, leaf }: DenySubject): string | undefined {
  const name = id?.toString();
  if (name !== undefined && ids.has(name)) return `the deny list names ${name}`;
  // Hashing is left out for the usual list, which has no keys.
  if (keys.size === 0 || leaf === undefined) return undefined;
  const key = `sha256:${leaf.publicKeyFingerprint256}`;
  return keys.has(key) ? `the deny list names the key ${key}` : undefined;
}

function toDocument({ ids = [], keys = [] }: DenyListEntries): DenyListDocument {
  return Object.freeze({
    ids: new Set(Array.from(listOf('ids', ids), (id) => deniedId(String(id)))),
    keys: new Set(Array.from(listOf('keys', keys), (key) => deniedKey(key))),
  });
}

/** A text is iterable too, letter by letter, and would deny nobody. */
function listOf<T>(option: string, value: Iterable<T>): Iterable<T> {
  const given: unknown = value;
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) return value;
  throw badOption(option, 'a list', kindOf(value));
}

function deniedId(text: string): string {
  const id = SpiffeId.parse(text);
  // X509-SVID 2: an SVID has a path, so an ID without one denies nobody.
  if (id.path === '') throw badOption('ids', 'SPIFFE IDs with a path', quote(text));
  return id.toString();
}

function deniedKey(text: string): string {
  if (typeof text === 'string' && KEY.test(text)) return text;
  throw badOption(
    'keys',
    'sha256: and 64 hexadecimal digits in lower case',
    typeof text === 'string' ? quote(text) : kindOf(text),
  );
}

function badOption(option: string, want: string, got: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `want ${want} in ${option} of a deny list, got ${got}`);
}

function isEqual(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((entry) => other.has(entry));
}
