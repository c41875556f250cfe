/** The world as a command sees it. */
export interface CliIo {
  /** Where results go. */
  readonly stdout: { write(text: string): unknown };
  /** Where complaints go. */
  readonly stderr: { write(text: string): unknown };
  /** Aborted when whoever started the command wants it to end. */
  readonly interrupted: AbortSignal;
}
