import { type StaticMigrationPolicy, staticMigrationPolicy } from '@svidkit/core';
import { type IdentityInput, legacyDnsName, legacyIdentity, type MigrationOptions } from '@svidkit/tls';

import { BadParams, isObject, type JsonObject, object, text, texts } from './params.ts';
import { sources } from './source-operations.ts';

/** What a server or a client is made with: who it is, and how far it is on the way from legacy certificates. */
export interface OwnIdentity {
  readonly input: IdentityInput;
  readonly migration: MigrationOptions;
  readonly policy: StaticMigrationPolicy | undefined;
}

/** The members `source` and `migration` of the parameters. */
export async function identityOf(params: JsonObject): Promise<OwnIdentity> {
  const spiffe = await sources.get(params, 'source').opened;
  if (params['migration'] === undefined) return { input: spiffe, migration: {}, policy: undefined };
  const migration = object(params, 'migration');
  const policy = staticMigrationPolicy(policyOf(migration));
  const legacy = object(migration, 'legacy');
  const names = legacy['clients'] === undefined ? [] : texts(legacy, 'clients');
  const [first, ...others] = names;
  return {
    input: {
      spiffe,
      legacy: legacyIdentity({
        authorities: text(legacy, 'authorities'),
        ...(legacy['cert'] === undefined
          ? {}
          : { certificates: text(legacy, 'cert'), privateKey: text(legacy, 'key') }),
        ...(first === undefined ? {} : { clients: legacyDnsName(first, ...others) }),
      }),
    },
    migration: { policy },
    policy,
  };
}

/** The members `mode`, `prefer` and `dryRun`. */
export function policyOf(params: JsonObject): {
  mode?: 'permissive' | 'strict';
  prefer?: 'spiffe' | 'legacy';
  dryRun?: boolean;
} {
  if (!isObject(params)) throw new BadParams('want a migration');
  const { mode, prefer, dryRun } = params;
  return {
    ...(mode === undefined ? {} : { mode: mode === 'permissive' ? 'permissive' : 'strict' }),
    ...(prefer === undefined ? {} : { prefer: prefer === 'legacy' ? 'legacy' : 'spiffe' }),
    ...(dryRun === undefined ? {} : { dryRun: dryRun === true }),
  };
}
