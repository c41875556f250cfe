import { setTimeout as sleep } from 'node:timers/promises';

import { IDS } from '../topology.ts';

/** The workloads that are migrated: a service, and its client. */
export const MIGRATING = ['archive', 'importer'] as const;
/** The name of a workload that is migrated. */
export type MigratingName = (typeof MIGRATING)[number];

/** What a policy says about legacy. */
export interface Stance {
  readonly mode: 'permissive' | 'strict';
  readonly prefer: 'spiffe' | 'legacy';
}

/** A state that a migration stops in. */
export interface MigrationStep extends Readonly<Record<MigratingName, Stance>> {
  readonly text: string;
  /** Whose policy is changed first: nobody may ever meet a server that does not admit them any more, or not yet. */
  readonly first: MigratingName;
  /** As what the importer is known to the archive then. */
  readonly traffic: 'legacy' | 'spiffe';
}

const LEGACY: Stance = { mode: 'permissive', prefer: 'legacy' };
const BOTH: Stance = { mode: 'permissive', prefer: 'spiffe' };
const STRICT: Stance = { mode: 'strict', prefer: 'spiffe' };

/** From legacy to strict, all the way back once, and to strict again. */
export const MIGRATION_STEPS: readonly MigrationStep[] = [
  {
    text: 'both show legacy certificates',
    archive: LEGACY,
    importer: LEGACY,
    first: 'archive',
    traffic: 'legacy',
  },
  {
    text: 'the archive shows its SVID',
    archive: BOTH,
    importer: LEGACY,
    first: 'archive',
    traffic: 'legacy',
  },
  {
    text: 'the importer shows its SVID, too',
    archive: BOTH,
    importer: BOTH,
    first: 'importer',
    traffic: 'spiffe',
  },
  {
    text: 'strict: no legacy any more',
    archive: STRICT,
    importer: STRICT,
    first: 'importer',
    traffic: 'spiffe',
  },
  {
    text: 'roll-back: legacy is let in again, and used',
    archive: BOTH,
    importer: LEGACY,
    first: 'archive',
    traffic: 'legacy',
  },
  {
    text: 'the importer shows its SVID again',
    archive: BOTH,
    importer: BOTH,
    first: 'importer',
    traffic: 'spiffe',
  },
  { text: 'strict again', archive: STRICT, importer: STRICT, first: 'importer', traffic: 'spiffe' },
];

/** The document of the policy file. */
export function policyDocument(stance: Stance): object {
  return { version: 1, ...stance, allow: { archive: [IDS.importer] } };
}

/** What a migration needs from the rest of the demo. */
export interface MigrationHands {
  /** Tells how far it is. */
  progress(step: number, of: number, text: string): void;
  /** Writes the policy of one workload; resolves when it is in use there, with when it was written. */
  apply(workload: MigratingName, stance: Stance): Promise<number>;
  /** Tells the straggler that nobody knows for now; resolves when nothing of it is in flight. */
  holdStraggler(): Promise<void>;
  /** The straggler is let in from now on. */
  admitStraggler(): Promise<void>;
  /** It is not, since `at`; resolves when it has lost what it had. */
  refuseStraggler(at: number): Promise<void>;
  /** Resolves when the importer was served in this way some more times. */
  trafficIs(as: 'legacy' | 'spiffe'): Promise<void>;
}

/**
 * Migrates a service and its client while they work, by nothing but their policy files.
 *
 * @param again - whether they begin where the last time ended.
 */
export async function migrate(
  restMs: number,
  again: boolean,
  hands: MigrationHands,
  signal: AbortSignal,
): Promise<void> {
  let straggler: Stance['mode'] | undefined;
  if (again) {
    // Who is strict believes nobody who shows a legacy certificate: both become permissive before any shows one.
    await hands.holdStraggler();
    for (const workload of MIGRATING) await hands.apply(workload, BOTH);
  }
  for (const [index, step] of MIGRATION_STEPS.entries()) {
    hands.progress(index + 1, MIGRATION_STEPS.length, step.text);
    const { mode } = step.archive;
    if (mode !== straggler) await hands.holdStraggler();
    const order = MIGRATING.toSorted((one) => (one === step.first ? -1 : 1));
    let changedAt = 0;
    for (const workload of order) {
      const at = await hands.apply(workload, step[workload]);
      if (workload === 'archive') changedAt = at;
    }
    if (mode !== straggler) {
      await (mode === 'strict' ? hands.refuseStraggler(changedAt) : hands.admitStraggler());
      straggler = mode;
    }
    await hands.trafficIs(step.traffic);
    await sleep(restMs, undefined, { signal });
  }
}
