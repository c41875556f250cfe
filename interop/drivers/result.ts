/** How one check of one way went. */
export interface Outcome {
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly why?: string;
}

/** The checks, in the order of the table, with what each shows. */
export const CHECKS = {
  work: 'a server that requires a client certificate does real work for the driver',
  rotation: 'after a rotation the next connection presents the new SVID, with the same client object',
  'wrong id': 'a server of the right authority under another SPIFFE ID gets no byte',
  'foreign CA': 'a server of another authority under the right SPIFFE ID gets no byte',
  'no TLS': 'a server that denies having TLS gets no credential',
} as const;

export type Check = keyof typeof CHECKS;

/** One row: a driver, and one way to give it identities. */
export interface Row {
  readonly driver: string;
  readonly version: string;
  readonly way: string;
  readonly server: string;
  readonly serverVersion: string;
  readonly configured: string;
  /** What the check `work` does. */
  readonly work: string;
  /** Whether there was a real server. */
  readonly proof: 'real' | 'not run';
  readonly checks: Readonly<Record<Check, Outcome>>;
}
