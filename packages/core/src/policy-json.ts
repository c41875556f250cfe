import { SpiffeError } from './errors.ts';
import { kindOf, quote } from './quote.ts';

const MOST_BYTES = 1024 * 1024;
const MOST_ENTRIES = 10_000;

/** The members of a JSON object, by name. */
export type JsonMembers = ReadonlyMap<string, unknown>;

/**
 * Reads the JSON text of a policy document, whose top is an object with `version` 1 and no members but `known`. A
 * member that stands twice is refused, where `JSON.parse` would silently take the last one.
 *
 * @param what - the document, for messages: `a deny list`.
 * @throws {@link SpiffeError} `ERR_POLICY_INVALID`. Messages quote names and entries, never the text at large.
 */
export function readPolicyJson(text: string, what: string, known: readonly string[]): JsonMembers {
  const given: unknown = text;
  if (typeof given !== 'string') throw badPolicy(what, 'JSON text', kindOf(given));
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES) throw badPolicy(what, `at most ${MOST_BYTES} bytes`, `${bytes}`);
  const value = parseJson(text, what);
  const repeated = repeatedMember(text);
  if (repeated !== undefined) throw badPolicy(what, 'each member once', `${quote(repeated)} twice`);
  const members = membersOf(value, what, '', ['version', ...known]);
  const version = members.get('version');
  if (version !== 1) {
    throw badPolicy(what, '1 as version', typeof version === 'number' ? `${version}` : kindOf(version));
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
  value: unknown,
  what: string,
  place: string,
  known?: readonly string[],
): JsonMembers {
  const at = place === '' ? '' : ` as ${place}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badPolicy(what, `an object${at}`, kindOf(value));
  }
  const members = new Map<string, unknown>(Object.entries(value));
  const stranger =
    known === undefined ? undefined : [...members.keys()].find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw badPolicy(
      what,
      `no members but ${known?.join(', ')}${place === '' ? '' : ` in ${place}`}`,
      quote(stranger),
    );
  }
  return members;
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
  list<T>(value: unknown, place: string, wanted: string, read: (entry: string) => T): readonly T[] {
    if (!Array.isArray(value)) throw badPolicy(this.#what, `a list as ${place}`, kindOf(value));
    const entries: readonly unknown[] = value;
    this.#count += entries.length;
    if (this.#count > MOST_ENTRIES) {
      throw badPolicy(this.#what, `at most ${MOST_ENTRIES} entries`, `${this.#count} and perhaps more`);
    }
    return entries.map((entry, index) => {
      const at = `${wanted} as ${place}[${index}]`;
      if (typeof entry !== 'string') throw badPolicy(this.#what, at, kindOf(entry));
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

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // What the engine says can quote the text, which is a private key when the path is wrong.
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(String(error)) ?? [];
    const where = line === undefined ? '' : ` (line ${line}, column ${column})`;
    throw badPolicy(what, 'JSON', text.trim() === '' ? 'empty text' : `text that is none${where}`);
  }
}

/** The first member name that one object of `text`, which is JSON, has twice; undefined when there is none. */
function repeatedMember(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let index = 0;
  while (index < text.length) {
    const character = text[index];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    if (character !== '"') {
      index++;
      continue;
    }
    const end = endOfString(text, index);
    if (isName(text, end)) {
      // Two spellings of one name (escapes) are one name.
      const name = String(JSON.parse(text.slice(index, end)));
      const names = open.at(-1);
      if (names?.has(name) === true) return name;
      names?.add(name);
    }
    index = end;
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index + 1;
}

function isName(text: string, from: number): boolean {
  let index = from;
  while (' \t\r\n'.includes(text[index] ?? ':')) index++;
  return text[index] === ':';
}
