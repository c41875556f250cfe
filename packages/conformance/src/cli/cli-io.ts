/** The world as a command sees it. */
export interface CliIo {
  /** Where results go. */
  readonly stdout: { write(text: string): unknown };
  /** Where complaints go. */
  readonly stderr: { write(text: string): unknown };
  /** Aborted when whoever started the command wants it to end. */
  readonly interrupted: AbortSignal;
  /** The command that this program was started by, for scripts that run it again. Default: `npx @svidkit/conformance`. */
  readonly program?: readonly string[];
  /** The file that GitHub Actions shows as the summary of a job, if this is one. */
  readonly stepSummary?: string | undefined;
}
