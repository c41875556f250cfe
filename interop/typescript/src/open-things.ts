import { BadParams, type JsonObject, text } from './params.ts';

/** Something that a call opened and another one closes. */
export interface Closable {
  close(): Promise<void> | void;
}

/** What is open of one kind, by handle. */
export class OpenThings<T extends Closable> {
  readonly #prefix: string;
  readonly #things = new Map<string, T>();
  #last = 0;

  /** @param prefix - what handles begin with. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Keeps what `make` makes for a new handle. */
  add(make: (handle: string) => T): string {
    const handle = `${this.#prefix}${++this.#last}`;
    this.#things.set(handle, make(handle));
    return handle;
  }

  /** What the member `name` of the parameters is the handle of. */
  get(params: JsonObject, name = 'handle'): T {
    const handle = text(params, name);
    const thing = this.#things.get(handle);
    if (thing === undefined) throw new BadParams(`${name}: ${handle} is not open`);
    return thing;
  }

  /** Whether the handle of the parameters is one of these. */
  has({ handle }: JsonObject): boolean {
    return this.#things.has(String(handle));
  }

  async close(params: JsonObject): Promise<void> {
    const thing = this.get(params);
    await thing.close();
    this.#things.delete(text(params, 'handle'));
  }

  async closeAll(): Promise<void> {
    await Promise.all(Array.from(this.#things.values(), async (thing) => thing.close()));
    this.#things.clear();
  }
}
