import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Authorities } from './authorities.ts';
import { type Publisher } from './publisher.ts';

/** What a rotation of the root needs from the rest of the demo. */
export interface RootRotationSteps {
  /** Tells how far it is. */
  progress(step: number, of: number, text: string): void;
  /** Resolves when every workload has loaded exactly these authorities (SHA-256) of our trust domain. */
  everyoneTrusts(authorities: readonly string[]): Promise<void>;
  /** Resolves when every workload presents what was published last. */
  everyonePresentsLatest(): Promise<void>;
  /** Gives the intruder an outfit from the new root; resolves when nothing of the old one is in flight. */
  dressIntruder(): Promise<void>;
  /** Called when the old root is trusted by nobody any more. */
  removed(): void;
}

const STEPS = 4;

/**
 * Replaces our root while everything runs, as an operator would: trust both, issue from the new one, let what
 * is in flight end, trust the new one alone. No step begins before the one before has arrived everywhere.
 */
export async function rotateRoot(
  authorities: Authorities,
  publishers: readonly Publisher[],
  restMs: number,
  steps: RootRotationSteps,
  signal: AbortSignal,
): Promise<void> {
  const rest = (): Promise<void> => sleep(restMs, undefined, { signal });
  const old = sha256(authorities.issuer.der);

  steps.progress(1, STEPS, 'trust the old and the new root');
  const next = await authorities.addRoot();
  await Promise.all(publishers.map((publisher) => publisher.publishBundles()));
  await steps.everyoneTrusts([old, sha256(next.der)]);
  await rest();

  steps.progress(2, STEPS, 'issue everybody an SVID from the new root');
  authorities.issueFrom(next);
  await Promise.all(publishers.filter(isOurs).map((publisher) => publisher.renew()));
  await steps.everyonePresentsLatest();

  steps.progress(3, STEPS, 'let what began under the old root end');
  await steps.dressIntruder();
  await rest();

  steps.progress(4, STEPS, 'trust the new root alone');
  authorities.removeOldRoot();
  await Promise.all(publishers.map((publisher) => publisher.publishBundles()));
  await steps.everyoneTrusts([sha256(next.der)]);
  steps.removed();
}

function isOurs({ workload }: Publisher): boolean {
  return workload !== 'settlement';
}

function sha256(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}
