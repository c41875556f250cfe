import { createHash, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Pem } from '../messages.ts';

/** The document of a deny list that names the key of a certificate. */
export function denyKey({ cert }: Pem): object {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return denyListOf([`sha256:${createHash('sha256').update(key).digest('hex')}`]);
}

/** The document of a deny list. */
export function denyListOf(keys: readonly string[]): object {
  return { version: 1, deny: { ids: [], keys } };
}

/** What a denial needs from the rest of the demo. */
export interface DenialHands {
  /** Gives the thief an identity of now that services let in; resolves when it is in and stays. */
  steal(): Promise<Pem>;
  /** Tells the thief that nobody knows for now; resolves when no attempt is in flight. */
  hold(): Promise<void>;
  /** Writes the deny list of all services; resolves when it is in use everywhere. */
  deny(list: object): Promise<void>;
  /** Resolves when the thief has lost every connection that it had. */
  thrownOut(): Promise<void>;
}

/** Lets a thief in with a stolen key, and denies that key: its owner has a new one, and is not touched. */
export async function denyThief(restMs: number, hands: DenialHands, signal: AbortSignal): Promise<void> {
  const identity = await hands.steal();
  await sleep(restMs, undefined, { signal });
  await hands.hold();
  await hands.deny(denyKey(identity));
  await hands.thrownOut();
}
