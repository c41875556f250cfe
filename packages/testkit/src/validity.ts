import { SpiffeError } from '@svidkit/core';

/** What decides how long a certificate is valid. */
export interface ValidityOptions {
  readonly lifetimeMs?: number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** The window in whole seconds, as certificates have it: never shorter than asked. */
export function validity(
  { notBefore, notAfter, lifetimeMs }: ValidityOptions,
  now: number,
  defaultLifetimeMs: number,
): { notBefore: number; notAfter: number } {
  const start = milliseconds('notBefore', notBefore) ?? now;
  const lifetime = lifetimeMs ?? defaultLifetimeMs;
  if (!Number.isFinite(lifetime) || lifetime <= 0) {
    throw new SpiffeError('ERR_CONFIG_OPTION', `want option lifetimeMs above 0, got ${lifetime}`);
  }
  const end = milliseconds('notAfter', notAfter) ?? start + lifetime;
  return { notBefore: Math.floor(start / 1000) * 1000, notAfter: Math.ceil(end / 1000) * 1000 };
}

function milliseconds(option: string, date: Date | undefined): number | undefined {
  if (date === undefined) return undefined;
  const time = date.getTime();
  if (Number.isFinite(time)) return time;
  throw new SpiffeError('ERR_CONFIG_OPTION', `want a valid date in option ${option}, got an invalid one`);
}
