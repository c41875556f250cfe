import { type Clock, systemClock } from '../clock.ts';
import { SpiffeError } from '../errors.ts';
import { kindOf } from '../quote.ts';

/** How the time of tokens is judged. */
export interface TokenTimeOptions {
  /** How many milliseconds clocks may differ, 0 to 60,000. @default 30_000 */
  readonly leewayMs?: number;
  /** Decides what time it is. @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
}

/** {@link TokenTimeOptions}, checked and complete. */
export type TimeSettings = Required<TokenTimeOptions>;

const MOST_LEEWAY_MS = 60_000;

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function timeSettings(options: TokenTimeOptions): TimeSettings {
  const { leewayMs = 30_000, clock = systemClock } = options;
  return { leewayMs: millisecondsOf('leewayMs', leewayMs, MOST_LEEWAY_MS), clock };
}

/**
 * An option in milliseconds, 0 to `most`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function millisecondsOf(name: string, value: unknown, most: number): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw badTokenOption(name, `0 to ${most}`, typeof value === 'number' ? `${value}` : kindOf(value));
}

/** `ERR_CONFIG_OPTION`: what an option has to be, and what it is. */
export function badTokenOption(name: string, want: string, got: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `option ${name}: want ${want}, got ${got}`);
}
