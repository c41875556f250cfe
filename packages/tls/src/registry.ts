import { type TLSSocket } from 'node:tls';

import { type LegacyPeer, type Peer } from './peer.ts';

/** What is remembered of an admitted connection. Read across copies of this package: add fields, change none. */
export interface Admitted {
  readonly peer: Peer | LegacyPeer;
  /** Whether the peer's SVID and our own, as presented on this connection, are still valid. */
  readonly live: () => boolean;
}

/** The decisions of one process. */
interface Registry {
  readonly admitted: WeakMap<object, Admitted>;
  readonly gated: WeakSet<object>;
}

const KEY: unique symbol = Symbol.for('@svidkit/tls/registry.v1') as never;

/**
 * The one registry of this process (of each worker thread): two copies of this package, a bundled one and an
 * installed one, see each other's decisions. Created once, then frozen in place.
 */
export function registry(): Registry {
  known ??= findOrCreate();
  return known;
}

/** Looked up once: nobody can replace it. */
let known: Registry | undefined;

function findOrCreate(): Registry {
  const holder = globalThis as { [KEY]?: Registry };
  const existing = holder[KEY];
  if (existing !== undefined) return existing;
  const created: Registry = Object.freeze({
    admitted: new WeakMap<object, Admitted>(),
    gated: new WeakSet<object>(),
  });
  Object.defineProperty(globalThis, KEY, { value: created });
  return created;
}

/** Records that `socket` was admitted. Called by admission alone. */
export function remember(socket: TLSSocket, admitted: Admitted): void {
  registry().admitted.set(socket, Object.freeze(admitted));
}
