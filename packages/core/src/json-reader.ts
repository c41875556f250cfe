import { type SpiffeError } from './errors.ts';
import { kindOf, quote } from './quote.ts';

/** What JSON text says, exactly. */
export type JsonValue = null | boolean | string | bigint | number | readonly JsonValue[] | JsonObject;

/** The members of an object. A map, so that no name (`__proto__`) means more than another. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** How {@link readJson} reads. */
export interface JsonReaderOptions {
  /** The most bytes of UTF-8. */
  readonly maxBytes: number;
  /** Makes the error out of what was wanted and what came. */
  readonly fail: (want: string, got: string) => SpiffeError;
}

/** RFC 8259 9 allows a limit; nothing that we read comes near. */
const MOST_LEVELS = 64;
/** Of values, so that `[[],[],...]` cannot take a hundred times the memory of its text. */
const MOST_VALUES = 500_000;
/** 2^64 - 1 has 20 digits. Longer ones cost more than they are worth. */
const MOST_DIGITS = 20;

const BLANKS = /[ \t\n\r]*/y;
// RFC 8259 7: what stands in a string for itself.
// oxlint-disable-next-line no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const HEX = /[\dA-Fa-f]{4}/y;
const WORD = /true|false|null/y;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/**
 * Reads JSON (RFC 8259) as strictly as documents about trust have to be read, where `JSON.parse` is silent: a member
 * that stands twice in one object is refused, whole numbers are exact (`bigint`, up to 20 digits; every other number
 * is a `number`), and text that is no Unicode, nesting of more than 64 levels and more than 500,000 values are refused.
 *
 * @param input - text, or bytes of UTF-8 without a byte order mark.
 * @throws what `fail` makes. It is told the place, and names of members, never the text at large.
 */
export function readJson(input: string | Uint8Array, options: JsonReaderOptions): JsonValue {
  return new JsonReader(textOf(input, options), options).readWhole();
}

/** Names what came instead of what was wanted, as JSON calls it. */
export function kindOfJson(value: JsonValue | undefined): string {
  if (isJsonObject(value)) return 'an object';
  return typeof value === 'bigint' ? 'a number' : kindOf(value);
}

/** Whether `value` is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return value instanceof Map;
}

/** Whether `value` is an array. */
export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function textOf(input: unknown, { maxBytes, fail }: JsonReaderOptions): string {
  const isBytes = input instanceof Uint8Array;
  if (!isBytes && typeof input !== 'string') throw fail('JSON text', kindOf(input));
  const bytes = isBytes ? input.byteLength : Buffer.byteLength(input);
  if (bytes > maxBytes) throw fail(`at most ${maxBytes} bytes`, `${bytes}`);
  if (!isBytes) return input;
  try {
    // A byte order mark stays, and is refused as what it is: no JSON.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input);
  } catch {
    throw fail('JSON', 'bytes that are no UTF-8');
  }
}

class JsonReader {
  readonly #text: string;
  readonly #fail: JsonReaderOptions['fail'];
  #index = 0;
  #values = 0;

  constructor(text: string, { fail }: JsonReaderOptions) {
    this.#text = text;
    this.#fail = fail;
  }

  readWhole(): JsonValue {
    if (this.#text.trim() === '') throw this.#fail('JSON', 'empty text');
    const value = this.#value(0);
    if (this.#index < this.#text.length) throw this.#noJson();
    return value;
  }

  /** A value and the blanks around it. */
  #value(level: number): JsonValue {
    if (level > MOST_LEVELS) throw this.#fail(`at most ${MOST_LEVELS} levels`, 'more');
    this.#values++;
    if (this.#values > MOST_VALUES) throw this.#fail(`at most ${MOST_VALUES} values`, 'more');
    this.#match(BLANKS);
    const value = this.#bareValue(level);
    this.#match(BLANKS);
    return value;
  }

  #bareValue(level: number): JsonValue {
    const character = this.#text[this.#index];
    if (character === '{') return this.#object(level);
    if (character === '[') return this.#array(level);
    if (character === '"') return this.#string();
    const word = WORDS.get(this.#match(WORD));
    if (word !== undefined) return word;
    const literal = this.#match(NUMBER);
    if (literal === '') throw this.#noJson();
    return literal.length <= MOST_DIGITS && /^-?\d+$/.test(literal) ? BigInt(literal) : Number(literal);
  }

  #object(level: number): JsonObject {
    const members = new Map<string, JsonValue>();
    this.#index++;
    this.#match(BLANKS);
    if (this.#take('}')) return members;
    do {
      this.#match(BLANKS);
      if (this.#text[this.#index] !== '"') throw this.#noJson();
      const name = this.#string();
      // Two spellings of one name (escapes) are one name.
      if (members.has(name)) throw this.#fail('each member once', `${quote(name)} twice`);
      this.#match(BLANKS);
      if (!this.#take(':')) throw this.#noJson();
      members.set(name, this.#value(level + 1));
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#noJson();
    return members;
  }

  #array(level: number): readonly JsonValue[] {
    const values: JsonValue[] = [];
    this.#index++;
    this.#match(BLANKS);
    if (this.#take(']')) return values;
    do values.push(this.#value(level + 1));
    while (this.#take(','));
    if (!this.#take(']')) throw this.#noJson();
    return values;
  }

  #string(): string {
    this.#index++;
    let value = this.#match(PLAIN);
    while (!this.#take('"')) {
      if (!this.#take('\\')) throw this.#noJson();
      value += this.#escape() + this.#match(PLAIN);
    }
    if (!value.isWellFormed()) throw this.#fail('Unicode text', `half a character${this.#place()}`);
    return value;
  }

  #escape(): string {
    if (this.#take('u')) {
      const digits = this.#match(HEX);
      if (digits === '') throw this.#noJson();
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const escaped = ESCAPES.get(this.#text[this.#index] ?? '');
    if (escaped === undefined) throw this.#noJson();
    this.#index++;
    return escaped;
  }

  #take(character: string): boolean {
    if (this.#text[this.#index] !== character) return false;
    this.#index++;
    return true;
  }

  /** What matches here, which may be nothing. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#index;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#index += found.length;
    return found;
  }

  #noJson(): SpiffeError {
    return this.#fail('JSON', `text that is none${this.#place()}`);
  }

  #place(): string {
    const lines = this.#text.slice(0, this.#index).split('\n');
    return ` (line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1})`;
  }
}
