import { SpiffeError } from '../errors.ts';
import { kindOf } from '../quote.ts';
import { type Role } from './purpose.ts';

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when it is no instant. */
export function readInstant(at: unknown): number {
  const ms = at instanceof Date ? at.getTime() : at;
  // Every comparison with NaN is false, and would let everything through.
  // rule: options.at
  if (typeof ms !== 'number' || !Number.isFinite(ms)) {
    throw new SpiffeError('ERR_CONFIG_OPTION', `option at: want a Date or milliseconds, got ${kindOf(at)}`);
  }
  return ms;
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when it is no role. */
export function readRole(role: unknown): Role {
  // rule: options.role
  if (role !== 'client' && role !== 'server') {
    throw new SpiffeError('ERR_CONFIG_OPTION', `option role: want "client" or "server", got ${kindOf(role)}`);
  }
  return role;
}
