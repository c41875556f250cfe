import { isObject, isStringList, type JsonObject, member } from '../json.ts';

/** The protocols that this kit speaks. */
export const PROTOCOLS: readonly number[] = [1];

/** What an adapter says of itself. */
export interface Hello {
  readonly protocol: number;
  /** `name`, `version` and `language`, and whatever else it tells. */
  readonly implementation: Implementation;
  readonly capabilities: Capabilities;
}

/** Whose adapter it is. */
interface Implementation {
  readonly name: string;
  readonly version: string;
  readonly language: string;
  /** Further strings: `runtime`, `homepage`, `issues`, `commit`. */
  readonly more: Readonly<Record<string, string>>;
}

/** What an adapter claims to have. Claims select cases; none of them makes a case pass. */
export class Capabilities {
  /** The operations that it answers. */
  readonly ops: ReadonlySet<string>;
  readonly profiles: readonly string[];
  readonly #claims: JsonObject;

  constructor(claims: JsonObject) {
    const ops = member(claims, 'ops');
    const profiles = member(claims, 'profiles');
    this.ops = new Set(isStringList(ops) ? ops : []);
    this.profiles = isStringList(profiles) ? profiles : [];
    this.#claims = claims;
  }

  /** Whether it honours the instant that an operation is given: a claim for all, or a list of operations. */
  hasClock(op: string): boolean {
    const claim = member(this.#claims, 'clock');
    return claim === true || (isStringList(claim) && claim.includes(op));
  }

  /** The first entry of a list that it claims; undefined without one. */
  first(name: string): string | undefined {
    const claim = member(this.#claims, name);
    return isStringList(claim) ? claim[0] : undefined;
  }

  /**
   * Whether it has what a case needs.
   *
   * @param feature - `keys:ed25519` for an entry of a list, a name alone for a claim that is true or false. A list that is not claimed at
   * all stands for everything, so that a first adapter need not name much.
   */
  has(feature: string): boolean {
    const [name = '', value] = feature.split(':');
    const claim = member(this.#claims, name);
    if (value === undefined) return claim === true;
    return isStringList(claim) ? claim.includes(value) : claim === undefined;
  }
}

const MORE = ['runtime', 'homepage', 'issues', 'commit'];

/**
 * Reads the answer to `hello`.
 *
 * @returns what it says, or what is wrong with it, to follow "the adapter's hello".
 */
export function readHello(value: JsonObject): Hello | string {
  const protocol = member(value, 'protocol');
  if (typeof protocol !== 'number') return 'has no protocol number';
  const implementation = member(value, 'implementation');
  if (!isObject(implementation)) return 'has no implementation';
  const texts = ['name', 'version', 'language'].map((name) => member(implementation, name));
  const [name, version, language] = texts;
  if (typeof name !== 'string' || typeof version !== 'string' || typeof language !== 'string') {
    return 'has an implementation without name, version or language';
  }
  const capabilities = member(value, 'capabilities');
  if (!isObject(capabilities)) return 'has no capabilities';
  if (!isStringList(member(capabilities, 'ops'))) return 'has capabilities without a list of ops';
  const more = MORE.flatMap((key) => {
    const text = member(implementation, key);
    return typeof text === 'string' ? [[key, text] as const] : [];
  });
  return {
    protocol,
    implementation: { name, version, language, more: Object.fromEntries(more) },
    capabilities: new Capabilities(capabilities),
  };
}
