import assert from 'node:assert/strict';

import { authorizeId } from '@svidkit/core';
import { type TestCa, type TestX509Source } from '@svidkit/testkit';

import { type Driver, type Session, type Target } from './driver.ts';
import { type Check, type Outcome } from './result.ts';
import { PASSWORD } from './server.ts';
import { Tap } from './tap.ts';

/** A server that runs, and who is who. */
export interface Stage {
  readonly ca: TestCa;
  /** Who issues the SVID of the client. Default: `ca`. */
  readonly clientCa?: TestCa;
  /** Another authority that says it is of the same trust domain. */
  readonly foreign: TestCa;
  readonly serverId: string;
  readonly clientId: string;
  readonly port: number;
  readonly portForTap: number;
  /** Where a tap has to listen that stands in for the server. */
  readonly tapPort: number;
}

const HOST = '127.0.0.1';
const LIMIT_MS = 30_000;

/** Runs all checks of one way of one driver. None throws. */
export async function checkDriver(
  driver: Driver,
  way: string,
  stage: Stage,
): Promise<Record<Check, Outcome>> {
  const open = driver.ways[way];
  assert(open);
  const { ca, foreign, serverId } = stage;
  const rejected = (options: Pick<Parameters<typeof Tap.open>[0], 'identity' | 'refuseTls'>) =>
    outcome(() => getsNothing(driver, open, stage, options));
  return {
    work: await outcome(() => works(driver, open, stage)),
    rotation: await outcome(() => rotates(driver, open, stage)),
    'wrong id': await rejected({ identity: await ca.issue({ id: `${serverId}-other` }) }),
    'foreign CA': await rejected({ identity: await foreign.issue({ id: serverId }) }),
    'no TLS':
      driver.server.preface.refuse === undefined
        ? { state: 'skipped', why: 'this protocol has TLS from its first byte' }
        : await rejected({ identity: await ca.issue({ id: serverId }), refuseTls: true }),
  };
}

type Open = (target: Target) => Promise<Session>;

/** Real work at the real server, which refuses whoever has no certificate, or one of another authority. */
async function works(driver: Driver, open: Open, stage: Stage): Promise<void> {
  const { port } = stage;
  await assert.rejects(
    withSession(async (target) => driver.withoutCertificate(target), stage, port, doWork),
    'the server must refuse a client without a certificate',
  );
  await assert.rejects(
    withSession(open, { ...stage, clientCa: stage.foreign }, port, doWork),
    'the server must refuse a client of another authority',
  );
  await withSession(open, stage, port, async (session, source) => {
    const serial = await session.work();
    if (serial !== undefined) assert.equal(serial, serialOf(source), 'the serial that the server saw');
  });
}

/** Through a tap with the right identity: the twin of {@link getsNothing}. */
async function rotates(driver: Driver, open: Open, stage: Stage): Promise<void> {
  const { ca, serverId, clientId } = stage;
  const tap = await openTap(driver, stage, { identity: await ca.issue({ id: serverId }) });
  try {
    const reconnecting: Open = (target) => open({ ...target, reconnects: true });
    await withSession(reconnecting, stage, tap.port, async (session, source) => {
      const before = serialOf(source);
      await session.work();
      assert.deepEqual([...serialsOf(tap)], [before], 'serials before the rotation');
      assert(tap.sent.length > 0, 'a tap that is trusted sees what is sent');

      await rotate(ca, clientId, source);
      const seen = tap.connections.length;
      tap.drop();
      await insist(() => session.work());
      assert(tap.connections.length > seen, 'a new connection');
      assert.deepEqual([...serialsOf(tap, seen)], [serialOf(source)], 'serials after the rotation');
    });
  } finally {
    await tap.close();
  }
}

/** A tap that must not be trusted: the driver fails, and has sent nothing that the tap could read. */
async function getsNothing(
  driver: Driver,
  open: Open,
  stage: Stage,
  options: Pick<Parameters<typeof Tap.open>[0], 'identity' | 'refuseTls'>,
): Promise<void> {
  const tap = await openTap(driver, stage, options);
  try {
    await assert.rejects(withSession(open, stage, tap.port, doWork));
    await tap.deserted();
    assert(tap.connections.length > 0, 'the tap was reached');
    if (options.refuseTls === true) {
      // Some go on with TLS against a server that said no; those bytes are a handshake that nobody answers.
      const { sent } = tap;
      assert(sent.length === 0 || sent[0] === 0x16, `the tap got ${sent.length} bytes in the clear`);
      assert(!sent.includes(PASSWORD));
    } else {
      assert.equal(tap.sent.length, 0, 'application bytes that the tap got');
    }
  } finally {
    await tap.close();
  }
}

function openTap(
  driver: Driver,
  stage: Stage,
  options: Pick<Parameters<typeof Tap.open>[0], 'identity' | 'refuseTls'>,
): Promise<Tap> {
  const { ca, clientId, portForTap, tapPort } = stage;
  return ca.issue({ id: clientId }).then((toServer) =>
    Tap.open({
      ...options,
      toServer,
      preface: driver.server.preface,
      serverPort: portForTap,
      port: tapPort,
    }),
  );
}

async function withSession(
  open: Open,
  { ca, clientCa = ca, clientId, serverId }: Stage,
  port: number,
  use: (session: Session, source: TestX509Source) => Promise<unknown>,
): Promise<void> {
  const source = await clientCa.source({ id: clientId, bundles: [ca] });
  let session: Session | undefined;
  try {
    const authorize = authorizeId(serverId);
    session = await open({ source, authorize, host: HOST, port, reconnects: false });
    await use(session, source);
  } finally {
    await session?.close().catch(() => {});
    await source.close();
  }
}

function doWork(session: Session): Promise<unknown> {
  return session.work();
}

async function rotate(ca: TestCa, clientId: string, source: TestX509Source): Promise<void> {
  const { svid, bundles } = await ca.context({ id: clientId });
  source.update(svid, bundles);
}

function serialOf(source: TestX509Source): string {
  const serial = source.current.svid.certificates[0]?.serialNumber ?? '';
  return normal(serial);
}

function serialsOf(tap: Tap, from = 0): Set<string> {
  return new Set(tap.connections.slice(from).map(({ serial }) => normal(serial ?? '')));
}

function normal(serial: string): string {
  return serial.toLowerCase().replace(/^0+/, '');
}

/** Repeats what fails because its connection was just lost. */
async function insist(act: () => Promise<unknown>): Promise<void> {
  for (let left = 50; ; left -= 1) {
    try {
      await act();
      return;
    } catch (cause) {
      if (left === 0) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function outcome(act: () => Promise<void>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    await Promise.race([act(), late]);
    return { state: 'passed' };
  } catch (cause) {
    if (process.env['INTEROP_DEBUG'] !== undefined) console.error(cause);
    return { state: 'failed', why: cause instanceof Error ? cause.message : String(cause) };
  } finally {
    clearTimeout(timer);
  }
}
