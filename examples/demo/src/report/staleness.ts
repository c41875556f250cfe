import { type Publication } from '../authority/publisher.ts';

/** How long after a successor was published a leaf may still be shown on new connections. */
const GRACE_MS = 1_000;

/** What a connection showed. */
export interface Seen {
  readonly fingerprint: string;
  readonly notAfter: number;
  /** When the connection was begun, and when its handshake was done; milliseconds since the Unix epoch. */
  readonly begunAt: number;
  readonly seenAt: number;
}

/**
 * What is wrong with what a new connection showed, given what was published; undefined when nothing is.
 * A connection is as old as its beginning: a slow handshake does not make the leaf stale that it started with.
 */
export function staleness(seen: Seen, publications: readonly Publication[]): string | undefined {
  // Certificates are valid through their last second.
  if (seen.seenAt > seen.notAfter + 999)
    return `a leaf that expired ${seen.seenAt - seen.notAfter} ms before`;
  const index = publications.findIndex(({ fingerprint }) => fingerprint === seen.fingerprint);
  if (index === -1) return 'a leaf that was never published';
  const replacedAt = publications[index + 1]?.publishedAt;
  if (replacedAt === undefined || seen.begunAt <= replacedAt + GRACE_MS) return undefined;
  return `a leaf whose successor had been published ${seen.begunAt - replacedAt} ms before`;
}
