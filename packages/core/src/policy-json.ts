import { SpiffeError } from './errors.ts';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  kindOfJson,
  readJson,
} from './json-reader.ts';
import { kindOf, quote } from './quote.ts';

const MOST_BYTES = 1024 * 1024;
const MOST_ENTRIES = 10_000;

/**
 * Reads the JSON text of a policy document, whose top is an object with `version` 1 and no members but `known`. A
 * member that stands twice is refused, where `JSON.parse` would silently take the last one.
 *
 * @param what - the document, for messages: `a deny list`.
 * @throws {@link SpiffeError} `ERR_POLICY_INVALID`. Messages quote names and entries, never the text at large.
 */
export function readPolicyJson(text: string, what: string, known: readonly string[]): JsonObject {
  const fail = (want: string, got: string): SpiffeError => badPolicy(what, want, got);
  if (typeof text !== 'string') throw fail('JSON text', kindOf(text));
  const value = readJson(text, { maxBytes: MOST_BYTES, fail });
  const members = membersOf(value, what, '', ['version', ...known]);
  const version = members.get('version');
  if (version !== 1n && version !== 1) {
    const isNumber = typeof version === 'number' || typeof version === 'bigint';
    throw badPolicy(what, '1 as version', isNumber ? `${version}` : kindOfJson(version));
  }
  return members;
}

/**
 * The members of an object, none but `known`; of any name without `known`.
 *
 * @param place - where it stands, for messages: `deny`; empty at the top.
 * @throws {@link SpiffeError} `ERR_POLICY_INVALID`.
 */
export function membersOf(
  value: JsonValue | undefined,
  what: string,
  place: string,
  known?: readonly string[],
): JsonObject {
  const at = place === '' ? '' : ` as ${place}`;
  if (!isJsonObject(value)) throw badPolicy(what, `an object${at}`, kindOfJson(value));
  const stranger = known === undefined ? undefined : [...value.keys()].find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw badPolicy(
      what,
      `no members but ${known?.join(', ')}${place === '' ? '' : ` in ${place}`}`,
      quote(stranger),
    );
  }
  return value;
}

/** Reads lists of entries, at most 10,000 of them in all. */
export class EntryReader {
  readonly #what: string;
  #count = 0;

  /** @param what - the document, for messages. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Reads each entry of a list with `read`.
   *
   * @param place - where the list stands: `deny.ids`.
   * @param wanted - what each entry is: `a SPIFFE ID`.
   * @throws {@link SpiffeError} `ERR_POLICY_INVALID`, with what `read` threw as its cause.
   */
  list<T>(
    value: JsonValue | undefined,
    place: string,
    wanted: string,
    read: (entry: string) => T,
  ): readonly T[] {
    if (!isJsonArray(value)) throw badPolicy(this.#what, `a list as ${place}`, kindOfJson(value));
    this.#count += value.length;
    if (this.#count > MOST_ENTRIES) {
      throw badPolicy(this.#what, `at most ${MOST_ENTRIES} entries`, `${this.#count} and perhaps more`);
    }
    return value.map((entry, index) => {
      const at = `${wanted} as ${place}[${index}]`;
      if (typeof entry !== 'string') throw badPolicy(this.#what, at, kindOfJson(entry));
      try {
        return read(entry);
      } catch (cause) {
        const reason = cause instanceof SpiffeError ? `: ${cause.message}` : '';
        throw badPolicy(this.#what, at, `${quote(entry)}${reason}`, cause);
      }
    });
  }
}

/** `ERR_POLICY_INVALID`: what was wanted in the document, and what came. */
export function badPolicy(what: string, want: string, got: string, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_POLICY_INVALID', `${what}: want ${want}, got ${got}`, {
    hint: 'Correct the document; what is in use stays in use until then.',
    ...(cause === undefined ? {} : { cause }),
  });
}
