/** The longest line either side may send, in bytes, without its LF. */
export const LONGEST_LINE: number = 16 * 1024 * 1024;

/** Cuts a stream of bytes into lines that end with LF. Keeps no more than one line of the allowed length. */
export class LineSplitter {
  readonly #longest: number;
  #parts: Buffer[] = [];
  #length = 0;
  #isOver = false;

  constructor(longest: number = LONGEST_LINE) {
    this.#longest = longest;
  }

  /** Whether a line went over the limit. Nothing that comes after is looked at. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** How many bytes came after the last LF. */
  get pending(): number {
    return this.#length;
  }

  /** Takes bytes, gives the lines that they complete, without LF and without a CR before it. */
  push(chunk: Buffer): readonly Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    while (!this.#isOver && start < chunk.length) {
      const end = chunk.indexOf(0x0a, start);
      const part = chunk.subarray(start, end === -1 ? chunk.length : end);
      this.#length += part.length;
      this.#parts.push(part);
      if (this.#length > this.#longest) {
        this.#isOver = true;
        this.#parts = [];
        break;
      }
      if (end === -1) break;
      lines.push(withoutCr(Buffer.concat(this.#parts)));
      this.#parts = [];
      this.#length = 0;
      start = end + 1;
    }
    return lines;
  }
}

function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}
