import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type X509Source } from '@svidkit/core';
import { type MountedMigrationPolicy, openMountedMigrationPolicy } from '@svidkit/mount';
import { type LegacyIdentity, legacyIdentity, type LegacyMatcher } from '@svidkit/tls';

import { MIGRATION_POLICY } from '../mounts.ts';
import { type Host } from './host.ts';

/** What a service on its way from legacy certificates to SPIFFE works with. */
export interface Migrating {
  /** Both of its identities; the policy decides which counts. */
  readonly identity: { readonly spiffe: X509Source; readonly legacy: LegacyIdentity };
  /** Hot-reloaded from its mount. */
  readonly policy: MountedMigrationPolicy;
}

/**
 * Opens what a migrating service has beside its SVID, and tells the demo of each policy that is in use.
 *
 * @param clients - whom a server lets in by a legacy certificate.
 */
export async function openMigrating(host: Host, clients?: LegacyMatcher): Promise<Migrating> {
  const read = (name: string): string => readFileSync(join(host.mounts.legacy, name), 'utf8');
  const legacy = legacyIdentity({
    certificates: read('tls.crt'),
    privateKey: read('tls.key'),
    authorities: read('ca.crt'),
    ...(clients === undefined ? {} : { clients }),
  });
  const policy = await openMountedMigrationPolicy(join(host.mounts.policy, MIGRATION_POLICY));
  const report = ({ mode, prefer } = policy.current): void =>
    host.parent.send({ type: 'migration-policy', mode, prefer });
  policy.onUpdate((now) => report(now));
  report();
  return { identity: { spiffe: host.source, legacy }, policy };
}
