import { type Clock, systemClock } from '../clock.ts';
import { SpiffeError } from '../errors.ts';
import { kindOf } from '../quote.ts';

/** How to validate a JWT-SVID. */
export interface ValidateJwtSvidOptions {
  /** Who we are to callers, at least one: a token for any of these is for us. Compared byte for byte. */
  readonly audience: string | readonly string[];
  /** How many milliseconds clocks may differ, 0 to 60,000. @default 30_000 */
  readonly leewayMs?: number;
  /** Decides what time it is. @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
  /**
   * Whether a token has to name its key. Without a name every key of the trust domain that fits is tried.
   *
   * @default 'optional', with `strict` 'required'
   */
  readonly kidPolicy?: 'optional' | 'required';
  /** Whether headers beside `alg`, `kid` and `typ`, and a token without `kid`, are refused. @default false */
  readonly strict?: boolean;
}

/**
 * Tells what is wrong with options before there is a token: for those who build something that will validate.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function requireValidateOptions(options: ValidateJwtSvidOptions): void {
  validationSettings(options);
}

/** {@link ValidateJwtSvidOptions}, checked and complete. */
export interface ValidationSettings {
  readonly audience: readonly string[];
  readonly leewayMs: number;
  readonly clock: Pick<Clock, 'now'>;
  readonly needsKeyId: boolean;
  readonly isStrict: boolean;
}

const MOST_LEEWAY_MS = 60_000;

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function validationSettings(options: ValidateJwtSvidOptions): ValidationSettings {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) throw badOption('options', 'an object', kindOf(given));
  const { leewayMs = 30_000, clock = systemClock, strict = false } = options;
  const { kidPolicy = strict ? 'required' : 'optional' } = options;
  const isLeeway = typeof leewayMs === 'number' && leewayMs >= 0 && leewayMs <= MOST_LEEWAY_MS;
  if (!isLeeway) {
    const got = typeof leewayMs === 'number' ? `${leewayMs}` : kindOf(leewayMs);
    throw badOption('leewayMs', `0 to ${MOST_LEEWAY_MS}`, got);
  }
  if (typeof strict !== 'boolean') throw badOption('strict', 'true or false', kindOf(strict));
  if (kidPolicy !== 'optional' && kidPolicy !== 'required') {
    throw badOption('kidPolicy', '"optional" or "required"', kindOf(kidPolicy));
  }
  return {
    audience: audienceOf(options.audience),
    leewayMs,
    clock,
    needsKeyId: kidPolicy === 'required',
    isStrict: strict,
  };
}

/**
 * An audience as a list. Nobody is never taken for everybody: there has to be one.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function audienceOf(given: string | readonly string[]): readonly string[] {
  const list: unknown = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list)) throw badOption('audience', 'one or more texts', kindOf(list));
  const others: unknown = list.find((one) => typeof one !== 'string' || one === '');
  if (list.length === 0 || others !== undefined || list.includes(undefined)) {
    throw badOption('audience', 'one or more non-empty texts', list.length === 0 ? 'none' : kindOf(others));
  }
  return Object.freeze([...(list as readonly string[])]);
}

function badOption(name: string, want: string, got: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `option ${name}: want ${want}, got ${got}`);
}
