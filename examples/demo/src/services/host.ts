import { X509Certificate } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';

import { type SvidkitEvents, TrustDomain, type X509Context } from '@svidkit/core';
import {
  type MountedDenyList,
  type MountedX509Source,
  openMountedDenyList,
  openMountedX509Source,
} from '@svidkit/mount';

import { type Parent, parentOf } from '../child.ts';
import { type FromChild } from '../messages.ts';
import { DENY_LIST, type Mounts, mountsOf } from '../mounts.ts';
import { type EndpointName, OUR_DOMAIN, PARTNER_DOMAIN, type Ports } from '../topology.ts';
import { Meter } from './meter.ts';

/** What a service works with. */
export interface Host {
  /** Its identity, hot-reloaded from its mount. */
  readonly source: MountedX509Source;
  /** Whom to turn away whatever else speaks for them, hot-reloaded from its mount. */
  readonly deny: MountedDenyList;
  readonly mounts: Mounts;
  readonly meter: Meter;
  readonly parent: Parent;
  /** Counts a request that reaches application code, and tells the demo when it is marked. */
  serve(mark: unknown): void;
}

/** A service of the demo. */
export interface Service {
  /** Begins to listen. */
  listen?(host: Host): Promise<Partial<Record<EndpointName, number>>>;
  /** Begins to call others. */
  call?(host: Host, ports: Ports): { stop(): Promise<void> };
  /** Calls an address that claims to be somebody, and lets through what came of it. */
  dial?(host: Host, port: number, via: 'https' | 'tls', mark: string): Promise<void>;
  /** Stops listening. */
  close?(): Promise<unknown>;
}

/** How often counts go to the demo. */
const REPORT_MS = 200;

/** Runs a service in this process until the demo ends it. */
export async function hostService(service: Service): Promise<void> {
  const parent = parentOf();
  const { directory, name } = parent.config;
  const mounts = mountsOf(directory);
  const meter = new Meter(name);
  reportRefusals(parent);

  // Waits for the first SVID. SVIDs that live for seconds need a poll of less, for where inotify is blind.
  const source = await openMountedX509Source({
    directory: mounts.svid,
    bundles: federated(name, mounts.svid),
    pollIntervalMs: 500,
  });
  reportIdentity(parent, source, source.current);
  source.onUpdate((context) => reportIdentity(parent, source, context));
  const deny = await openMountedDenyList(join(mounts.policy, DENY_LIST));
  deny.onUpdate(() => parent.send({ type: 'deny-list' }));

  const host: Host = {
    source,
    deny,
    mounts,
    meter,
    parent,
    serve(mark) {
      meter.served();
      if (typeof mark === 'string') parent.send({ type: 'reached', mark });
    },
  };
  const report = (): void => {
    const tally = meter.take();
    if (tally !== undefined) parent.send(tally);
  };
  const reporting = setInterval(report, REPORT_MS);
  let calls: { stop(): Promise<void> } | undefined;

  parent.listen({
    start: ({ ports }) => (calls = service.call?.(host, ports)),
    dial: (message) => void dial(service, host, message),
    quiesce: () => void quiesce(),
    stop: () => void stop(),
  });
  parent.send({ type: 'listening', ports: (await service.listen?.(host)) ?? {} });

  async function quiesce(): Promise<void> {
    await calls?.stop();
    report();
    parent.send({ type: 'quiet' });
  }

  async function stop(): Promise<void> {
    await calls?.stop();
    await service.close?.();
    clearInterval(reporting);
    await Promise.all([source.close(), deny.close()]);
    report();
    parent.leave();
  }
}

/** Our bundle is the mount's own; the other trust domain's is a file beside it. */
function federated(name: string, directory: string): Record<string, string> {
  const other = name === 'settlement' ? OUR_DOMAIN : PARTNER_DOMAIN;
  return { [other]: join(directory, `${other}.pem`) };
}

function reportIdentity(parent: Parent, source: MountedX509Source, context: X509Context | undefined): void {
  if (context === undefined) {
    const { lastError } = source.health();
    if (!source.closed.aborted) {
      parent.send({ type: 'identity-lost', reason: lastError?.message ?? 'nothing left to present' });
    }
    return;
  }
  const { svid, generation, bundles, loadedAt } = context;
  const leaf = new X509Certificate(svid.leaf.der);
  parent.send({
    type: 'identity',
    generation,
    id: svid.id.toString(),
    serial: leaf.serialNumber,
    fingerprint: svid.leaf.fingerprint256,
    notBefore: svid.notBefore,
    notAfter: svid.notAfter,
    loadedAt,
    authorities: bundles.get(TrustDomain.parse(OUR_DOMAIN))?.authorities.map((ca) => ca.fingerprint256) ?? [],
    watchMode: source.watchMode(),
  });
}

/** Passes on whom svidkit turned away or threw out, and why. */
function reportRefusals(parent: Parent): void {
  subscribe('svidkit:peer.rejected', (message) => {
    const { side, remote, error } = message as SvidkitEvents['svidkit:peer.rejected'];
    if (side !== 'server') return;
    const port = Number(remote?.slice(remote.lastIndexOf(':') + 1));
    parent.send({ type: 'rejected', remotePort: Number.isNaN(port) ? undefined : port, code: error.code });
  });
  subscribe('svidkit:request.rejected', (message) => {
    const { path, error } = message as SvidkitEvents['svidkit:request.rejected'];
    // `/restricted/` and the mark.
    const mark = /^\/[^/]+\/(.+)$/.exec(path ?? '')?.[1];
    if (mark !== undefined) parent.send({ type: 'request-rejected', mark, code: error.code });
  });
  subscribe('svidkit:connection.drained', (message) => {
    const { side, reason } = message as SvidkitEvents['svidkit:connection.drained'];
    if (side === 'server' && (reason === 'denied' || reason === 'legacy-refused')) {
      parent.send({ type: 'evicted', reason });
    }
  });
}

async function dial(
  service: Service,
  host: Host,
  { mark, port, via }: { readonly mark: string; readonly port: number; readonly via: 'https' | 'tls' },
): Promise<void> {
  let reason: string | undefined;
  try {
    await service.dial?.(host, port, via, mark);
  } catch (error) {
    reason = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
  }
  host.parent.send({ type: 'dialled', mark, reason } satisfies FromChild);
}
