import { type KeyMaterial } from './key-material.ts';

/** How many characters of base64 in a row are taken for a part of a key: 12 bytes of it. What is shorter may be chance. */
const BASE64 = 12;
const HEX = 24;
const BYTES = 12;
/** Where the text is looked at. A part has to be as much longer, 4 characters, for one of these places to be inside of it. */
const STEP = 5;
const MOST_SECRETS = 64;

/** Parts of keys that an adapter was given. It may use them, and never show them. */
export class Secrets {
  /** By what was given, the oldest first. */
  readonly #known = new Map<string, readonly string[]>();
  readonly #windows = new Map<string, number>();

  /** Whether there is nothing to be noticed. */
  get isEmpty(): boolean {
    return this.#windows.size === 0;
  }

  /** Takes in what must not be shown from now on. The oldest of many is forgotten. */
  learn(material: readonly KeyMaterial[]): void {
    for (const one of material) this.#learn(one);
  }

  /**
   * Whether a text shows a part of at least 16 bytes: as base64 of either alphabet at any offset, as hexadecimal digits with or
   * without separators, as a list of numbers, or as it is; escaped as JSON or not.
   *
   * @returns in which form; undefined when it shows nothing.
   */
  shownIn(text: string): 'base64' | 'hexadecimal digits' | 'numbers' | 'plain bytes' | undefined {
    if (this.isEmpty) return undefined;
    const plain = withoutEscapes(text);
    const base64 = plain
      .replaceAll('-', '+')
      .replaceAll('_', '/')
      .replaceAll(/[^A-Za-z0-9+/]/g, '');
    if (this.#has('b', base64, BASE64)) return 'base64';
    const hex = plain
      .toLowerCase()
      .replaceAll('0x', '')
      .replaceAll(/[^0-9a-f]/g, '');
    if (this.#has('h', hex, HEX)) return 'hexadecimal digits';
    for (const [list] of plain.matchAll(/(?:-?\d{1,3}[\s,]+){15,}-?\d{1,3}/g)) {
      const numbers = list.split(/[\s,]+/).map(Number);
      if (this.#has('p', Buffer.from(numbers).toString('latin1'), BYTES)) return 'numbers';
    }
    return this.#has('p', plain, BYTES) ? 'plain bytes' : undefined;
  }

  #learn(secret: KeyMaterial): void {
    const name = typeof secret === 'string' ? `text ${secret}` : Buffer.from(secret).toString('base64');
    const known = this.#known.get(name);
    const windows = known ?? windowsOf(secret);
    this.#known.delete(name);
    this.#known.set(name, windows);
    if (known !== undefined) return;
    for (const one of windows) this.#windows.set(one, (this.#windows.get(one) ?? 0) + 1);
    if (this.#known.size > MOST_SECRETS) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const [oldest] = this.#known;
    if (oldest === undefined) return;
    this.#known.delete(oldest[0]);
    for (const one of oldest[1]) {
      const left = (this.#windows.get(one) ?? 1) - 1;
      if (left === 0) this.#windows.delete(one);
      else this.#windows.set(one, left);
    }
  }

  #has(form: string, text: string, length: number): boolean {
    for (let at = 0; at + length <= text.length; at += STEP) {
      if (this.#windows.has(form + text.slice(at, at + length))) return true;
    }
    return false;
  }
}

function windowsOf(secret: KeyMaterial): readonly string[] {
  if (typeof secret === 'string') return cut('b', secret, BASE64);
  const bytes = Buffer.from(secret);
  // Base64 of the same bytes looks otherwise with one or two bytes before them.
  const texts = [0, 1, 2].map((skip) =>
    bytes.subarray(skip, bytes.length - ((bytes.length - skip) % 3)).toString('base64'),
  );
  return [
    ...texts.flatMap((text) => cut('b', text, BASE64)),
    ...cut('h', bytes.toString('hex'), HEX),
    ...cut('p', bytes.toString('latin1'), BYTES),
  ];
}

/** Every part of that length. What repeats one character is nothing that only a key has. */
function cut(form: string, text: string, length: number): readonly string[] {
  return Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length))
    .filter((part) => new Set(part).size > 3)
    .map((part) => form + part);
}

function withoutEscapes(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|([nrtbf])|(.))/g, (_match, code, space, other) =>
    typeof code === 'string'
      ? String.fromCodePoint(Number.parseInt(code, 16))
      : space === undefined
        ? String(other)
        : ' ',
  );
}
