import { type SpiffeError } from './errors.ts';
import { type HealthStatus, type SourceHealth, type X509Context } from './source.ts';

/** Below this part of its lifetime an SVID is in a critical state. */
const CRITICAL_PART = 0.1;

/**
 * The health of a source that has `context` and expects no renewal of its own accord, so that it is never overdue.
 *
 * @param context - in use; undefined when there is none.
 * @param failure - why there is none.
 * @param at - milliseconds since the Unix epoch.
 * @internal
 */
export function healthAt(
  context: X509Context | undefined,
  failure: SpiffeError | undefined,
  at: number,
): SourceHealth {
  if (context === undefined) {
    const problems = failure === undefined ? [] : [failure.message];
    return freeze('expired', { generation: 0, notAfter: undefined, lastError: failure, problems });
  }
  const { notBefore, expiresAt } = context.svid;
  const leftMs = expiresAt - at;
  const critical = leftMs < (expiresAt - notBefore) * CRITICAL_PART;
  const problems = critical
    ? [
        `less than a tenth of the lifetime of the SVID is left (${Math.max(0, Math.floor(leftMs / 1000))} s): renew it`,
      ]
    : [];
  const { generation } = context;
  return freeze(critical ? 'critical' : 'fresh', {
    generation,
    notAfter: expiresAt,
    lastError: undefined,
    problems,
  });
}

function freeze(status: HealthStatus, rest: Omit<SourceHealth, 'status' | 'ready'>): SourceHealth {
  return Object.freeze({
    status,
    ready: status === 'fresh' || status === 'overdue',
    ...rest,
    problems: Object.freeze(rest.problems),
  });
}
