import { type HealthStatus } from './source.ts';
import { type X509Svid } from './x509-svid.ts';

/** When each state of the health of an SVID begins, in milliseconds since the Unix epoch. */
export interface HealthTimes {
  /** When a renewal was to be expected: after two thirds of the lifetime. */
  readonly renewalAt: number;
  /** When it is overdue: another 10 minutes, or a tenth of the lifetime if that is longer. */
  readonly overdueAt: number;
  /** When less than a tenth of the lifetime is left. */
  readonly criticalAt: number;
  /** The first instant after its validity. */
  readonly expiredAt: number;
}

const PATIENCE_MS = 10 * 60_000;

/** How the health of a source with `svid` will go on. For those who write sources. */
export function healthTimes({
  notBefore,
  expiresAt,
}: Pick<X509Svid, 'notBefore' | 'expiresAt'>): HealthTimes {
  const lifetime = expiresAt - notBefore;
  const renewalAt = notBefore + (lifetime * 2) / 3;
  return {
    renewalAt,
    overdueAt: renewalAt + Math.max(PATIENCE_MS, lifetime / 10),
    criticalAt: expiresAt - lifetime / 10,
    expiredAt: expiresAt + 1,
  };
}

/** The health of a source with an SVID of these times. Short lives go from fresh to critical. */
export function statusAt(times: HealthTimes, now: number): HealthStatus {
  if (now >= times.expiredAt) return 'expired';
  // Exactly a tenth is not less than a tenth.
  if (now > times.criticalAt) return 'critical';
  return now > times.overdueAt ? 'overdue' : 'fresh';
}

/** The next instant after `now` at which something is to be looked at, if any. */
export function nextHealthTime(times: HealthTimes, now: number): number | undefined {
  const { renewalAt, overdueAt, criticalAt, expiredAt } = times;
  // One past each limit, where the state has changed.
  const later = [renewalAt + 1, overdueAt + 1, criticalAt + 1, expiredAt].filter((at) => at > now);
  return later.length === 0 ? undefined : Math.min(...later);
}
