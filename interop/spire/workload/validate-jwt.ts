import { type JwtSource } from '@svidkit/core/jwt';

import { type Validate, type ValidationReport } from './commands.ts';
import { codeOf, describeError } from './describe-error.ts';

/** Judges the token of somebody. */
export async function validateJwt(
  source: JwtSource,
  { token, audience }: Validate,
): Promise<ValidationReport> {
  try {
    return { ok: true, id: (await source.validateJwtSvid(token, { audience })).id.toString() };
  } catch (error) {
    return { ok: false, code: codeOf(error), message: describeError(error) };
  }
}
