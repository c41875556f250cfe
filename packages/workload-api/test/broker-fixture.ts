import { type Clock } from '@svidkit/core';
import {
  type FakeBroker,
  type FakeBrokerOptions,
  type ReferencedWorkload,
  startFakeBroker,
  type TestX509Source,
  x509Response,
  type X509ResponseFields,
} from '@svidkit/testkit';
import { onTestFinished } from 'vitest';

import {
  type BrokerClient,
  type BrokerClientOptions,
  createBrokerClient,
} from '../src/experimental/broker/index.ts';
import { ca, closeLater } from './fixture.ts';

/** Who the server is, and who we are. */
export const SERVER = 'spiffe://prod.example/agent';
export const BROKER = 'spiffe://prod.example/broker';

/** A fake broker endpoint for one test. */
export async function startBroker(options: Partial<FakeBrokerOptions> = {}): Promise<FakeBroker> {
  const issuer = await ca;
  const broker = await startFakeBroker({
    certificate: await issuer.issue({ path: '/agent' }),
    trust: issuer,
    brokers: [BROKER],
    ...options,
  });
  onTestFinished(() => broker.close());
  return broker;
}

/** Our own identity. */
export async function ownSource(path = '/broker', clock?: Clock): Promise<TestX509Source> {
  const issuer = await ca;
  return closeLater(
    await issuer.source({ path, ...(clock === undefined ? {} : { notAfter: in2Hours(clock) }) }),
  );
}

/** A client of it. */
export async function clientOf(
  broker: FakeBroker,
  options: Partial<BrokerClientOptions> = {},
): Promise<BrokerClient> {
  const source = await ownSource('/broker', options.clock);
  return closeLater(
    createBrokerClient(source, { serverId: SERVER, address: broker.address, random: () => 0.5, ...options }),
  );
}

/** The message that gives a workload one identity. */
export async function identity(path: string, hint = ''): Promise<X509ResponseFields> {
  const issuer = await ca;
  const svid = await issuer.issue({ path, notAfter: new Date(Date.now() + 3_600_000) });
  return x509Response([{ svid, bundle: issuer, hint }]);
}

/** The process that a request is about. */
export function pidOf(workload: ReferencedWorkload | undefined): number | undefined {
  return workload !== undefined && 'pid' in workload ? workload.pid : undefined;
}

function in2Hours(clock: Clock): Date {
  return new Date(clock.now() + 7_200_000);
}
