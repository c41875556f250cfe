import { type Certificate } from '@svidkit/core';

import { type Credential } from './identity.ts';

/** A session that a server gave, with the path by which that server was proven when it was made. */
export interface ResumableSession {
  readonly session: Buffer;
  /** Leaf first. A resumed connection shows no certificate, so this is judged again in its place. */
  readonly path: readonly Certificate[];
}

/** Targets remembered for each credential. */
const MOST_TARGETS = 1024;

/** The sessions of one client. They belong to what was presented when they were made, and so die with the generation. */
export class SessionStore {
  readonly #sessions = new WeakMap<Credential, Map<string, ResumableSession>>();

  /** A session to offer to `target`, if there is one. */
  get(own: Credential, target: string): ResumableSession | undefined {
    return this.#sessions.get(own)?.get(target);
  }

  /** Forgets what was offered in vain, so that the next connection starts anew. */
  drop(own: Credential, target: string): void {
    this.#sessions.get(own)?.delete(target);
  }

  put(own: Credential, target: string, session: ResumableSession): void {
    const sessions = this.#sessions.get(own) ?? new Map<string, ResumableSession>();
    this.#sessions.set(own, sessions);
    sessions.delete(target);
    sessions.set(target, session);
    if (sessions.size <= MOST_TARGETS) return;
    const oldest = sessions.keys().next();
    if (oldest.done !== true) sessions.delete(oldest.value);
  }
}
