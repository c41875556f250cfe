/** Options of {@link onTermination}. */
export interface TerminationOptions {
  /** Signals that ask the process to end. @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly NodeJS.Signals[];
}

/**
 * Runs `end` once when the process is asked to end. The process then ends by itself, with what `end` let go of; a second
 * signal ends it at once, as if nobody listened. An error of `end` ends the process with exit code 1 and is printed.
 *
 * @returns stops listening when disposed.
 */
export function onTermination(
  end: (signal: NodeJS.Signals) => unknown,
  options: TerminationOptions = {},
): Disposable {
  const { signals = ['SIGTERM', 'SIGINT'] } = options;
  const stop = (): void => {
    for (const signal of signals) process.off(signal, ended);
  };
  const ended = (signal: NodeJS.Signals): void => {
    stop();
    Promise.resolve()
      .then(() => end(signal))
      .catch((error: unknown) => {
        console.error(error);
        process.exitCode = 1;
      });
  };
  for (const signal of signals) process.on(signal, ended);
  return { [Symbol.dispose]: stop };
}
