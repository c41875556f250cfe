import { resolve } from 'node:path';

import { type Clock, SpiffeError, systemClock, TrustDomain } from '@svidkit/core';

import { text } from './mount-options.ts';
import {
  type PolicyFileOptions,
  type PolicyFileSettings,
  policyFileSettings,
} from './policy-file-options.ts';

/** What {@link openMountedJwtSource} takes: `svids`, `bundle` or both. */
export interface MountedJwtOptions extends Omit<PolicyFileOptions<never>, 'fallback' | 'wait'> {
  /** What relative file names are relative to. Default: the working directory. */
  readonly directory?: string;
  /** Files with one token each, as spiffe-helper writes them (`jwt_svids[].jwt_svid_file_name`). Default: none. */
  readonly svids?: readonly string[];
  /**
   * A file with JWT bundles: as spiffe-helper writes it (`jwt_bundle_file_name`), a SPIFFE bundle map, or the SPIFFE
   * bundle or JWK Set of the one `trustDomain`. It can be the file that {@link openMountedX509Source} reads. Default:
   * none, and then nothing can be validated.
   */
  readonly bundle?: string;
  /** Whose bundle it is, for a file with one bundle, which does not say. */
  readonly trustDomain?: TrustDomain | string;
  /** Milliseconds to wait until every file can be used; 0 does not wait. @default 30_000 */
  readonly wait?: number;
}

/** {@link MountedJwtOptions}, checked and complete. */
export interface JwtFileSettings {
  readonly svids: readonly PolicyFileSettings[];
  readonly bundle: PolicyFileSettings | undefined;
  readonly trustDomain: TrustDomain | undefined;
  readonly clock: Clock;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`.
 */
export function jwtFileSettings(options: MountedJwtOptions): JwtFileSettings {
  const { directory = '.', svids = [], bundle, trustDomain, clock = systemClock } = options;
  const given: unknown = svids;
  if (!Array.isArray(given) || (svids.length === 0 && bundle === undefined)) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'want a list as option svids, or option bundle, got neither');
  }
  const base = resolve(text('directory', directory));
  const { pollIntervalMs, watch, signal } = options;
  const settings = (name: string, file: string, kind: 'jwt-svid' | 'jwt-bundle'): PolicyFileSettings =>
    policyFileSettings(resolve(base, text(name, file)), kind, {
      wait: options.wait ?? 30_000,
      clock,
      ...(pollIntervalMs === undefined ? {} : { pollIntervalMs }),
      ...(watch === undefined ? {} : { watch }),
      ...(signal === undefined ? {} : { signal }),
    });
  return {
    svids: svids.map((file, index) => settings(`svids[${index}]`, file, 'jwt-svid')),
    bundle: bundle === undefined ? undefined : settings('bundle', bundle, 'jwt-bundle'),
    trustDomain: trustDomain === undefined ? undefined : TrustDomain.parse(trustDomain.toString()),
    clock,
  };
}
