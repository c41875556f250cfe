/**
 * What `promise` gives, or the reason of the first signal that aborts before. The promise itself goes on, and its
 * failure is then nobody's.
 */
export async function settledUnless<T>(
  promise: Promise<T>,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<T> {
  const given = signals.filter((signal) => signal !== undefined);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const listeners = given.map((signal) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return { signal, onAbort };
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    for (const { signal, onAbort } of listeners) signal.removeEventListener('abort', onAbort);
  }
}
