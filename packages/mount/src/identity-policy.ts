import { SpiffeError, type SpiffeId, type X509Svid } from '@svidkit/core';

import { type MountSettings } from './mount-options.ts';

/** RFC 5280 gives no tolerance, clocks do: an SVID may begin this much later than our clock says. */
const NOT_BEFORE_SKEW_MS = 5 * 60_000;

/**
 * Decides whether `next` may be the identity of this process.
 *
 * @param current - the ID that it would replace, if any.
 * @throws {@link SpiffeError} `ERR_MOUNT_IDENTITY`.
 */
export function requireIdentity(
  next: X509Svid,
  current: SpiffeId | undefined,
  settings: Pick<MountSettings, 'expectedId' | 'identityChange'>,
  file: string,
): void {
  const { expectedId, identityChange } = settings;
  if (expectedId !== undefined && !next.id.equals(expectedId)) {
    throw refused(
      expectedId.toString(),
      next,
      file,
      'Check the workload registration, or option expectedId.',
    );
  }
  if (current === undefined || next.id.equals(current) || identityChange === 'any') return;
  if (identityChange === 'never') {
    throw refused(current.toString(), next, file, 'Restart the process, or see option identityChange.');
  }
  if (!next.id.memberOf(current.trustDomain)) {
    throw refused(
      `an identity of ${current.trustDomain.name}`,
      next,
      file,
      'A process does not change its trust domain while it runs. Restart it, or see option identityChange.',
    );
  }
}

/**
 * Refuses an SVID that has expired. The last instant of its validity is still inside (RFC 5280 4.1.2.5).
 *
 * @throws {@link SpiffeError} `ERR_SVID_EXPIRED`.
 */
export function requireUnexpired(svid: X509Svid, now: number, file: string): void {
  if (now <= svid.expiresAt) return;
  throw new SpiffeError(
    'ERR_SVID_EXPIRED',
    `want an SVID that is valid now (${iso(now)}) in ${file}, got ${svid.id.toString()}, which expired at ${iso(svid.expiresAt)}`,
    { hint: 'Find out why renewal stopped, and check the clock of this machine.', file },
  );
}

/** Whether `svid` is dated so far ahead that it has to wait for its first instant. */
export function isAhead(svid: X509Svid, now: number): boolean {
  return beginsAt(svid) - NOT_BEFORE_SKEW_MS > now;
}

/** The first instant at which the whole chain is valid. */
export function beginsAt({ certificates }: X509Svid): number {
  return Math.max(...certificates.map(({ notBefore }) => notBefore));
}

/** That an SVID is held back until it begins: `ERR_SVID_NOT_YET_VALID`. */
export function notYetValid(svid: X509Svid, now: number, file: string): SpiffeError {
  return new SpiffeError(
    'ERR_SVID_NOT_YET_VALID',
    `want an SVID that is valid now (${iso(now)}) in ${file}, got ${svid.id.toString()}, which begins at ${iso(beginsAt(svid))}`,
    { hint: 'It is used from then on. Check the clocks of this machine and of the issuer.', file },
  );
}

/** Whether `next` ends or begins before `current`, as after a roll-back or a lost update. */
export function isRegression(next: X509Svid, current: X509Svid): boolean {
  return next.notBefore < current.notBefore || next.expiresAt < current.expiresAt;
}

function refused(wanted: string, next: X509Svid, file: string, hint: string): SpiffeError {
  return new SpiffeError('ERR_MOUNT_IDENTITY', `want ${wanted} in ${file}, got ${next.id.toString()}`, {
    hint,
    file,
  });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
