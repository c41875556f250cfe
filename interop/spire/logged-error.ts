/** A failure whose reason is in the log of some program. */
export class LoggedError extends Error {
  /** The path of the log. */
  readonly log: string;

  constructor(message: string, log: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LoggedError';
    this.log = log;
  }
}
