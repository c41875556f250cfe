import { type Failure } from './commands.ts';

/** An error with all its causes, in one line. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  for (let at = error; at instanceof Error && lines.length < 5; at = at.cause) lines.push(at.message);
  return lines.length === 0 ? String(error) : lines.join(': ');
}

/** The code of the first error in the chain of causes that has one of ours. */
export function codeOf(error: unknown): string | undefined {
  let first: string | undefined;
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { readonly code?: unknown };
    if (typeof code !== 'string') continue;
    if (/^ERR_(?:PEER|SOURCE|BUNDLE|SVID|TARGET|CONFIG|JWT|WORKLOAD_API)_/.test(code)) return code;
    first ??= code;
  }
  return first;
}

/** What a failure says, for the one who gave the command. */
export function failureOf(error: unknown): Failure {
  const { blame, cause } = (error instanceof Error ? error : {}) as {
    readonly blame?: string;
    readonly cause?: unknown;
  };
  return { ok: false, code: codeOf(error), message: describeError(error), reason: codeOf(cause), blame };
}
