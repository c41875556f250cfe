import {
  attemptConnection,
  type Opened,
  type OpenOptions,
  type Outcome,
  type Target,
} from './attempt-connection.ts';
import { type Generation, isLegacy } from './identity.ts';

/** Servers of each generation that turned out to be legacy ones, so that the next connection asks them as such. */
const legacyServers = new WeakMap<Generation, Set<string>>();
const MOST_SERVERS = 1024;

/**
 * Connects, and hands the socket over only after its server was verified and authorised. `done` is called exactly once,
 * never in this turn.
 *
 * While legacy servers are admitted, one that turns out to be legacy (or refuses our SVID in the handshake) is asked
 * again with our legacy certificate, and not a byte is sent before. A server with a SPIFFE ID that fails is never given
 * a second, weaker chance.
 *
 * Errors: those of node:net as they are (`ECONNREFUSED`, ...); `ERR_PEER_HANDSHAKE`, `ERR_PEER_HANDSHAKE_TIMEOUT`,
 * the verifier's and the source's.
 *
 * @returns a function that gives up; `done` then gets its reason.
 */
export function openConnection(
  target: Target,
  options: OpenOptions,
  done: (error: unknown, opened?: Opened) => void,
): (reason: unknown) => void {
  let generation: ReturnType<typeof currentOf>;
  try {
    generation = currentOf(options);
  } catch (cause) {
    process.nextTick(done, cause);
    return () => {};
  }
  const { presented } = generation;
  const keyPair = generation.legacy?.keyPair;
  // A stream that somebody else opened can be used once.
  const fallback = isLegacy(presented) || target.socket !== undefined ? undefined : keyPair;
  const name = `${target.path ?? target.host ?? 'localhost'}:${target.port ?? ''}`;
  if (fallback === undefined || legacyServers.get(generation)?.has(name) === true) {
    return attemptConnection(fallback ?? presented, target, options, (outcome) => tell(outcome, done));
  }

  let giveUp = attemptConnection(presented, target, options, (outcome) => {
    if (!isForLegacy(outcome)) {
      tell(outcome, done);
      return;
    }
    if ('opened' in outcome) outcome.opened.socket.destroy();
    giveUp = attemptConnection(fallback, target, options, (second) => {
      if ('opened' in second && second.opened.admission.peer.kind === 'legacy') remember(generation, name);
      tell(second, done);
    });
  });
  return (reason) => giveUp(reason);
}

function currentOf({ identity }: OpenOptions) {
  return identity.current;
}

function isForLegacy(outcome: Outcome): boolean {
  return 'opened' in outcome ? outcome.opened.admission.peer.kind === 'legacy' : outcome.inHandshake;
}

function tell(outcome: Outcome, done: (error: unknown, opened?: Opened) => void): void {
  if ('opened' in outcome) done(undefined, outcome.opened);
  else done(outcome.error);
}

function remember(generation: Generation, name: string): void {
  const servers = legacyServers.get(generation) ?? new Set();
  if (servers.size < MOST_SERVERS) legacyServers.set(generation, servers.add(name));
}
