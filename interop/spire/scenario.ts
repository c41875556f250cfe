import { type Stage } from './stage.ts';

/** How identities come to workloads: through files that spiffe-helper writes, or from the Workload API itself. */
export type Via = 'spiffe-helper' | 'Workload API';

/** One row: something that is to hold with real SPIRE. */
export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  readonly via: Via | 'both';
  /** What it shows, in one sentence without an end. */
  readonly shows: string;
  /** Whether it runs with `--long` only. */
  readonly long?: boolean;
  /** Plays it and gives figures; throws when it does not hold, `Unavailable` when it cannot be had. */
  play(stage: Stage): Promise<string>;
}

/** What the programs of a scenario have said. */
export interface Logs {
  readonly folder: string;
  readonly files: readonly string[];
  /** The one to begin with, where that is known. */
  readonly first?: string;
}

/** How one scenario went. */
export interface Result {
  readonly name: string;
  readonly via: string;
  readonly shows: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly why?: string;
  /** Where to read on after a failure: what its programs said. */
  readonly logs?: Logs;
  /** What was counted. */
  readonly figures?: string;
  readonly seconds: number;
}
