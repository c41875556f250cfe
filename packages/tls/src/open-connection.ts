import { SpiffeError, type Timer } from '@svidkit/core';

import { publishRejection } from './admission.ts';
import {
  attemptConnection,
  describe,
  type Opened,
  type OpenOptions,
  type Outcome,
  type Target,
} from './attempt-connection.ts';
import { type Credential, isLegacy } from './identity.ts';
import { type LegacyContext } from './legacy-identity.ts';

/** Servers that turned out to be legacy ones, so that the next connection of that legacy identity asks them as such. */
const legacyServers = new WeakMap<LegacyContext, Set<string>>();
const MOST_SERVERS = 1024;

/** What can be shown to a server of which it is not known what it is. */
interface BothKinds {
  readonly presented: Credential;
  readonly legacy: LegacyContext;
  readonly keyPair: Credential;
}

type Failed = Extract<Outcome, { readonly result: 'failed' }>;

/**
 * Connects, and hands the socket over only after its server was verified and authorised. `done` is called exactly once,
 * never in this turn.
 *
 * While legacy servers are admitted, one that is proven to be a legacy one, or that ends the handshake when it sees our
 * SVID, is asked again with our legacy certificate, and not a byte is sent before. What ended the handshake is not
 * known, so the second attempt is then for legacy servers only: nobody in between can make a server with a SPIFFE ID see
 * our legacy certificate. A server with a SPIFFE ID that fails is never given a second, weaker chance.
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
  const opening = new Opening(target, options, done);
  opening.begin();
  return (reason) => opening.giveUp(reason);
}

class Opening {
  readonly #target: Target;
  readonly #options: OpenOptions;
  readonly #done: (error: unknown, opened?: Opened) => void;
  readonly #name: string;
  readonly #timer: Timer;
  /** Of the attempt that is on its way. */
  giveUp: (reason: unknown) => void = () => {};

  constructor(target: Target, options: OpenOptions, done: (error: unknown, opened?: Opened) => void) {
    this.#target = target;
    this.#options = options;
    this.#done = done;
    this.#name = `${target.path ?? target.host ?? 'localhost'}:${target.port ?? ''}`;
    const { handshakeTimeoutMs } = options;
    this.#timer = options.clock.setTimer(() => {
      const problem = `no verified connection with ${describe(target)} within ${handshakeTimeoutMs} ms`;
      this.giveUp(new SpiffeError('ERR_PEER_HANDSHAKE_TIMEOUT', problem));
    }, handshakeTimeoutMs);
  }

  /** Makes the first attempt. */
  begin(): void {
    let generation: ReturnType<typeof currentOf>;
    try {
      generation = currentOf(this.#options);
    } catch (cause) {
      this.#timer.clear();
      process.nextTick(this.#done, cause);
      return;
    }
    const { presented, legacy } = generation;
    // A stream that somebody else opened can be used once.
    if (legacy?.keyPair === undefined || isLegacy(presented) || this.#target.socket !== undefined) {
      this.#attempt(presented, undefined, (outcome) => this.#end(outcome));
      return;
    }
    const both: BothKinds = { presented, legacy, keyPair: legacy.keyPair };
    if (legacyServers.get(legacy)?.has(this.#name) === true) this.#asLegacy(both);
    else this.#spiffeFirst(both);
  }

  /** As before, as long as the server is still what it was then. */
  #asLegacy(both: BothKinds): void {
    this.#attempt(both.keyPair, 'legacy', (outcome) => {
      if (outcome.result !== 'other-kind' && !isRefusal(outcome)) {
        this.#end(outcome);
        return;
      }
      legacyServers.get(both.legacy)?.delete(this.#name);
      this.#spiffeFirst(both);
    });
  }

  #spiffeFirst({ presented, legacy, keyPair }: BothKinds): void {
    this.#attempt(presented, 'spiffe', (first) => {
      const isProven = first.result === 'other-kind';
      if (!isProven && !isRefusal(first)) {
        this.#end(first);
        return;
      }
      // Behind one name there may be servers of both kinds: one that is proven may be followed by any.
      this.#attempt(keyPair, isProven ? undefined : 'legacy', (second) => {
        if (second.result === 'opened' && second.opened.admission.peer.kind === 'legacy') {
          remember(legacy, this.#name);
        }
        this.#end(second.result === 'other-kind' ? first : second);
      });
    });
  }

  #attempt(
    own: Credential,
    only: 'spiffe' | 'legacy' | undefined,
    then: (outcome: Exclude<Outcome, { readonly result: 'outdated' }>) => void,
  ): void {
    this.giveUp = attemptConnection(own, only, this.#target, this.#options, (outcome) => {
      if (outcome.result !== 'outdated') then(outcome);
      // From the start, by the generation of now.
      else if (this.#target.socket === undefined) this.begin();
      else this.#end(failure('our legacy certificate went out of use during the handshake'));
    });
  }

  #end(outcome: Outcome): void {
    this.#timer.clear();
    if (outcome.result === 'opened') {
      this.#done(undefined, outcome.opened);
      return;
    }
    const { error, remote } = outcome.result === 'failed' ? outcome : failure('the server changed its kind');
    // Errors of the network, before anybody was there to be turned away, are not about a peer.
    if (error instanceof SpiffeError) {
      publishRejection('client', this.#options.identity.latest.number, remote, error);
    }
    this.#done(error ?? new SpiffeError('ERR_PEER_HANDSHAKE', 'the connection ended'));
  }
}

function currentOf({ identity }: OpenOptions) {
  return identity.current;
}

/** Whether the server may have ended the handshake because of what we presented. */
function isRefusal(outcome: Outcome): outcome is Failed {
  return outcome.result === 'failed' && outcome.inHandshake;
}

function failure(problem: string): Failed {
  const error = new SpiffeError('ERR_PEER_HANDSHAKE', problem);
  return { result: 'failed', error, inHandshake: true, remote: undefined };
}

function remember(legacy: LegacyContext, name: string): void {
  const servers = legacyServers.get(legacy) ?? new Set();
  if (servers.size < MOST_SERVERS) legacyServers.set(legacy, servers.add(name));
}
