import { type SpiffeError } from '@svidkit/core';

/**
 * Whether an error takes away what was given before. That nobody is registered does (Workload API 5.2.1), unless the
 * user would rather have it until it expires; that the workload of a broker is gone does in any case (Broker API 4.9).
 */
export function withdraws({ code }: SpiffeError, keepUntilExpiry: boolean): boolean {
  if (code === 'ERR_BROKER_WORKLOAD_NOT_FOUND') return true;
  return !keepUntilExpiry && (code === 'ERR_WORKLOAD_API_DENIED' || code === 'ERR_BROKER_DENIED');
}
