import {
  badTokenOption as badOption,
  type TimeSettings,
  timeSettings,
  type TokenTimeOptions,
} from '../jws/token-time-options.ts';
import { kindOf } from '../quote.ts';

/** How to validate a JWT-SVID. */
export interface ValidateJwtSvidOptions extends TokenTimeOptions {
  /** Who we are to callers, at least one: a token for any of these is for us. Compared byte for byte. */
  readonly audience: string | readonly string[];
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
export interface ValidationSettings extends TimeSettings {
  readonly audience: readonly string[];
  readonly needsKeyId: boolean;
  readonly isStrict: boolean;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function validationSettings(options: ValidateJwtSvidOptions): ValidationSettings {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) throw badOption('options', 'an object', kindOf(given));
  const { strict = false } = options;
  const { kidPolicy = strict ? 'required' : 'optional' } = options;
  const time = timeSettings(options);
  if (typeof strict !== 'boolean') throw badOption('strict', 'true or false', kindOf(strict));
  if (kidPolicy !== 'optional' && kidPolicy !== 'required') {
    throw badOption('kidPolicy', '"optional" or "required"', kindOf(kidPolicy));
  }
  return {
    audience: audienceOf(options.audience),
    ...time,
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
