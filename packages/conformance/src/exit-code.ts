/** How a run ends, as an exit code. */
export const EXIT = {
  /** Every selected case passed, is known to fail, or needs what the adapter does not claim to have. */
  passed: 0,
  /** A case failed, or one that is known to fail passed. */
  failed: 1,
  /** The command line or the file of known failures is wrong. */
  usage: 2,
  /** The adapter could not be started, speaks no common protocol, or kept dying. */
  adapter: 3,
  /** The kit could not do its job, or executed nothing. */
  kit: 4,
  interrupted: 130,
} as const;

/** Ends the command with an exit code and a sentence for whoever typed it. */
export class KitFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'KitFailure';
    this.exitCode = exitCode;
  }
}

/** For a command line, or a file that it names, that cannot be followed. */
export function usageFailure(message: string): KitFailure {
  return new KitFailure(EXIT.usage, message);
}
