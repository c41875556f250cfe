import { type JwtSource } from '@svidkit/core/jwt';

import { type Validate, type ValidationReport } from './commands.ts';
import { failureOf } from './describe-error.ts';

/** Judges the token of somebody. */
export async function validateJwt(
  source: JwtSource,
  { token, ...options }: Validate,
): Promise<ValidationReport> {
  try {
    return { ok: true, id: (await source.validateJwtSvid(token, options)).id.toString() };
  } catch (error) {
    return failureOf(error);
  }
}
