import { SpiffeError } from '@svidkit/core';

/**
 * What one proxy wrote about the client in front of it. Text as it came, without the quotes: nothing in it is proven
 * by being here, see `forwardedPeerOf`.
 */
export interface XfccElement {
  /** `By`: the URI names of the proxy's own certificate. */
  readonly by: readonly string[];
  /** `Hash`: SHA-256 of the client's certificate, in hexadecimal. */
  readonly hash: string | undefined;
  /** `Cert`: the client's certificate as PEM, URL-encoded. */
  readonly cert: string | undefined;
  /** `Chain`: the same of its whole chain. */
  readonly chain: string | undefined;
  /** `Subject`: the subject of the client's certificate. */
  readonly subject: string | undefined;
  /** `URI`: the URI names of the client's certificate. */
  readonly uri: readonly string[];
  /** `DNS`: its DNS names. */
  readonly dns: readonly string[];
}

const MAX_LENGTH = 65_536;
const MAX_ELEMENTS = 32;

/** `key="value"` with escapes, or `key=value` without anything that would want quotes. */
const PAIR = /([a-z][a-z0-9_-]*)=(?:"([^"\\\t]*(?:\\[^\t][^"\\\t]*)*)"|([^\s"\\,;=]*))/iy;
/** Lines of the same name are joined by a comma and a space. */
const NEXT_ELEMENT = /[ \t]*,[ \t]*/y;

/** A certificate has one of each. Others may be repeated. */
const SINGLE: ReadonlySet<string> = new Set(['hash', 'cert', 'chain', 'subject']);

/**
 * Reads the header `x-forwarded-client-cert` of Envoy and its kin: elements separated by commas, the one of the nearest
 * proxy last; in each, pairs of a key and a value separated by semicolons. Strict: what could be read in two ways is
 * not read at all. Keys are taken in any case, those that are unknown are skipped, and so are empty values.
 *
 * @param header - at most 65,536 characters of printable ASCII and 32 elements.
 * @returns at least one element.
 * @throws {@link SpiffeError} `ERR_XFCC_INVALID`, with the offset of the defect.
 */
export function parseXfcc(header: string): readonly XfccElement[] {
  if (typeof header !== 'string') throw invalid('want a text');
  if (header.length > MAX_LENGTH)
    throw invalid(`want at most ${MAX_LENGTH} characters, got ${header.length}`);
  const stranger = /[^\t\x20-\x7e]/.exec(header);
  if (stranger !== null) throw invalid('want printable ASCII', stranger.index);

  const elements: XfccElement[] = [];
  let pairs = new Pairs();
  for (let at = 0; ;) {
    const [pair, key = '', quoted, bare = ''] = match(PAIR, header, at) ?? [];
    if (pair === undefined) throw invalid('want a key, "=" and a value', at);
    pairs.add(key, quoted === undefined ? bare : unescape(quoted), at);
    at += pair.length;
    if (header[at] === ';') {
      at += 1;
      continue;
    }
    if (elements.length === MAX_ELEMENTS) throw invalid(`want at most ${MAX_ELEMENTS} elements`, at);
    elements.push(pairs.element());
    if (at === header.length) return elements;
    const [comma] = match(NEXT_ELEMENT, header, at) ?? [];
    if (comma === undefined) throw invalid('want ";", "," or the end after a value', at);
    at += comma.length;
    pairs = new Pairs();
  }
}

/** The pairs of one element, by key in lower case. */
class Pairs {
  readonly #values = new Map<string, string[]>();

  add(key: string, value: string, at: number): void {
    const name = key.toLowerCase();
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else if (SINGLE.has(name)) throw invalid(`want ${name} once`, at);
    else values.push(value);
  }

  element(): XfccElement {
    return Object.freeze<XfccElement>({
      by: this.#all('by'),
      hash: this.#all('hash')[0],
      cert: this.#all('cert')[0],
      chain: this.#all('chain')[0],
      subject: this.#all('subject')[0],
      uri: this.#all('uri'),
      dns: this.#all('dns'),
    });
  }

  #all(name: string): readonly string[] {
    return Object.freeze((this.#values.get(name) ?? []).filter((value) => value !== ''));
  }
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Other backslashes belong to the value: a subject in the form of RFC 2253 has escapes of its own. */
function unescape(quoted: string): string {
  return quoted.replaceAll(/\\(["\\])/g, '$1');
}

function invalid(message: string, at?: number): SpiffeError {
  const where = at === undefined ? '' : ` at offset ${at}`;
  return new SpiffeError(
    'ERR_XFCC_INVALID',
    `the header x-forwarded-client-cert is not valid: ${message}${where}`,
  );
}
