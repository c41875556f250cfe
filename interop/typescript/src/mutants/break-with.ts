import { CLIENT_MUTANTS } from './client-mutants.ts';
import { FEDERATION_MUTANTS } from './federation-mutants.ts';
import { GRPC_MUTANTS } from './grpc-mutants.ts';
import { MIGRATION_MUTANTS } from './migration-mutants.ts';
import { MOUNT_DOCUMENT_MUTANTS } from './mount-document-mutants.ts';
import { MOUNT_LIFE_MUTANTS } from './mount-life-mutants.ts';
import { MOUNT_MUTANTS } from './mount-mutants.ts';
import { type Mutant } from './mutant.ts';
import { REDIRECT_MUTANTS } from './redirect-mutants.ts';
import { SERVER_MUTANTS } from './server-mutants.ts';
import { WIT_CLIENT_MUTANTS } from './wit-client-mutants.ts';
import { WORKLOAD_JWT_MUTANTS } from './workload-jwt-mutants.ts';
import { WORKLOAD_MUTANTS } from './workload-mutants.ts';

/** Every way in which this adapter can be broken, to see whether the kit notices. */
export const MUTANTS: readonly Mutant[] = [
  ...MOUNT_MUTANTS,
  ...MOUNT_DOCUMENT_MUTANTS,
  ...MOUNT_LIFE_MUTANTS,
  ...SERVER_MUTANTS,
  ...GRPC_MUTANTS,
  ...CLIENT_MUTANTS,
  ...REDIRECT_MUTANTS,
  ...MIGRATION_MUTANTS,
  ...WORKLOAD_MUTANTS,
  ...WORKLOAD_JWT_MUTANTS,
  ...FEDERATION_MUTANTS,
  ...WIT_CLIENT_MUTANTS,
];

/** Breaks this adapter in one way. */
export function breakWith(name: string): void {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant ${name}`);
  mutant.apply();
}
