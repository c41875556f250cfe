import { type Authorizer, type X509Source } from '@svidkit/core';

import { type ServerKind } from './server.ts';

/** Where a driver goes, and as whom. */
export interface Target {
  readonly source: X509Source;
  readonly authorize: Authorizer;
  readonly host: string;
  readonly port: number;
  /** Whether it should come back after a lost connection; otherwise it fails at once. */
  readonly reconnects: boolean;
}

/** A client of a driver. */
export interface Session {
  /** Something real: a query, a message, a ping. Gives the serial number that the server saw, where it tells. */
  work(): Promise<string | undefined>;
  close(): Promise<unknown>;
}

/** One driver, with the ways to give it identities. */
export interface Driver {
  readonly name: string;
  readonly version: string;
  readonly server: ServerKind;
  /** What {@link Session.work} does. */
  readonly work: string;
  /** By the name of the function of svidkit that gives the options. */
  /** The same work and credentials without a certificate, by the TLS options of the driver alone: must fail. */
  withoutCertificate(target: Target): Session | Promise<Session>;
  readonly ways: Readonly<Record<string, (target: Target) => Promise<Session>>>;
}

/** More than any buffer on the way holds, so that both ends have to wait for each other. */
export const LARGE = 'svidkit'.repeat(600_000);

/** Fails when a server did not give back what it was given. */
export function expectBack(given: string, got: unknown): void {
  if (got === given) return;
  const told = typeof got === 'string' ? `${got.length} characters` : String(got);
  throw new Error(`want back the ${given.length} characters that were sent, got ${told}`);
}
