/** The wire type of everything that has a length: strings, bytes and messages. */
const LENGTH_DELIMITED = 2;
/** The wire type of numbers with a fraction. */
const EIGHT_BYTES = 1;

/** A field with a length: text, bytes, or a message that is encoded already. */
export function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(typeof value === 'string' ? Buffer.from(value, 'utf8') : value);
  return Buffer.concat([varint(number * 8 + LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

/** A field with a number of type `double`. */
export function doubleField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint(number * 8 + EIGHT_BYTES), bytes]);
}

/** A map with strings as keys: an entry for each of them. */
export function mapField(number: number, entries: Readonly<Record<string, Uint8Array>>): Buffer {
  return Buffer.concat(
    Object.entries(entries).map(([key, value]) =>
      field(number, Buffer.concat([field(1, key), field(2, value)])),
    ),
  );
}

/** A whole number of at least 0. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** The texts of a message that has nothing but fields with a length, by number. Throws at anything else. */
export function textFields(message: Uint8Array): ReadonlyMap<number, readonly string[]> {
  const fields = new Map<number, string[]>();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('a message ends in the middle of a number');
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = number();
    if (tag % 8 !== LENGTH_DELIMITED) throw new Error(`a message has a field of wire type ${tag % 8}`);
    const length = number();
    if (at + length > message.length) throw new Error('a message ends in the middle of a field');
    const text = Buffer.from(message.subarray(at, (at += length))).toString('utf8');
    fields.set(Math.floor(tag / 8), [...(fields.get(Math.floor(tag / 8)) ?? []), text]);
  }
  return fields;
}
