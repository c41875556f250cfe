import { type JsonObject, member } from '../json.ts';
import { type Outcome } from './outcome.ts';

/** What an adapter can keep open between calls. */
type HandleKind = 'source' | 'server' | 'client';

const OPENING: Readonly<Record<string, HandleKind>> = {
  'source.open': 'source',
  'server.start': 'server',
  'client.pool': 'client',
};
const CLOSING: ReadonlySet<string> = new Set(['source.close', 'server.stop', 'client.close']);
const MOST_HANDLES = 10_000;

/**
 * What one process of an adapter has open, by the names that it gave. An event is legal from the answer that opened its
 * handle to the answer that closed it.
 */
export class Handles {
  readonly #open = new Map<string, HandleKind>();

  /**
   * Takes in the answer to a call.
   *
   * @returns what is wrong with it, to follow "the adapter"; undefined when nothing is.
   */
  answered(op: string, params: JsonObject, outcome: Outcome): string | undefined {
    if (outcome.kind !== 'ok') return undefined;
    if (op === 'reset') this.#open.clear();
    const kind = OPENING[op];
    if (kind !== undefined) return this.#opened(op, kind, member(outcome.value, 'handle'));
    const closed = member(params, 'handle');
    if (CLOSING.has(op) && typeof closed === 'string') this.#open.delete(closed);
    return undefined;
  }

  /**
   * Whether an event may come now.
   *
   * @returns what is wrong with it, to follow "the adapter"; undefined when nothing is.
   */
  judge(event: string, handle: string): string | undefined {
    const kind = this.#open.get(handle);
    if (kind === undefined) return `wrote the event ${event} for the handle ${handle}, which is not open`;
    return event.startsWith(`${kind}.`)
      ? undefined
      : `wrote the event ${event} for the handle ${handle}, which is a ${kind}`;
  }

  #opened(op: string, kind: HandleKind, handle: unknown): string | undefined {
    if (typeof handle !== 'string' || handle === '') return `answered ${op} without a handle`;
    if (this.#open.has(handle)) return `answered ${op} with the handle ${handle}, which is open already`;
    if (this.#open.size >= MOST_HANDLES) return `has more than ${MOST_HANDLES} handles open`;
    this.#open.set(handle, kind);
    return undefined;
  }
}
