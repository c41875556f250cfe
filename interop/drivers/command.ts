import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { createTestCa } from '@svidkit/testkit';

import { checkDriver, type Stage } from './check-driver.ts';
import { ioredisDriver } from './clients/ioredis.ts';
import { kafkajsDriver } from './clients/kafkajs.ts';
import { mongodbDriver } from './clients/mongodb.ts';
import { mysql2Driver } from './clients/mysql2.ts';
import { natsDriver } from './clients/nats.ts';
import { pgDriver } from './clients/pg.ts';
import { postgresDriver } from './clients/postgres.ts';
import { redisDriver } from './clients/redis.ts';
import { type Driver } from './driver.ts';
import { Unavailable } from './fetch.ts';
import { renderTable, writeGuide } from './report.ts';
import { type Check, CHECKS, type Row } from './result.ts';
import { freePort, type ServerKind } from './server.ts';

const DRIVERS: readonly Driver[] = [
  pgDriver,
  postgresDriver,
  mysql2Driver,
  ioredisDriver,
  redisDriver,
  natsDriver,
  kafkajsDriver,
  mongodbDriver,
];

const HELP = `usage: npm run interop -- drivers [--only NAME[,NAME]] [--json FILE] [--no-guide]

Starts real servers on the loopback, each requiring client certificates, and shows for each driver that it works with
a SPIFFE SVID, follows a rotation, and sends nothing to a server that is not the one it was told to speak to.

Drivers: ${DRIVERS.map(({ name }) => name).join(', ')}
Servers come from Debian 12 packages (apt-get, dpkg), Go modules (go) and Maven Central (mvn, java), at exact versions,
and are kept in \${XDG_CACHE_HOME:-~/.cache}/svidkit-interop. A server that cannot be had is skipped, and said so;
handshakes alone are shown by the tests of packages/tls, everywhere.

  --only NAME   these drivers only; docs/drivers.md is then left alone
  --json FILE   write the results as JSON
  --no-guide    leave docs/drivers.md alone`;

/** `interop drivers`: gives the exit code. */
export async function driversCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      'no-guide': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !DRIVERS.some((driver) => driver.name === name));
  if (unknown !== undefined) {
    console.error(`no driver is called ${unknown}\n\n${HELP}`);
    return 2;
  }
  const chosen = DRIVERS.filter(({ name }) => only?.includes(name) ?? true);

  const rows: Row[] = [];
  for (const server of new Set(chosen.map((driver) => driver.server))) {
    rows.push(
      ...(await runServer(
        server,
        chosen.filter((driver) => driver.server === server),
      )),
    );
  }
  console.log(`\n${renderTable(rows)}`);
  const outcomes = rows.flatMap(({ checks }) => Object.values(checks));
  const count = (state: string): number => outcomes.filter((outcome) => outcome.state === state).length;
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  for (const why of new Set(
    outcomes.map((outcome) => (outcome.state === 'skipped' ? outcome.why : undefined)),
  )) {
    if (why !== undefined) console.log(`skipped: ${why}`);
  }
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ node: process.version, rows }, null, 2)}\n`);
  }
  const whole = rows.every(({ checks }) => checks.work.state !== 'skipped');
  if (only === undefined && values['no-guide'] !== true && whole) await writeGuide(rows);
  // A run that showed nothing is none.
  return count('failed') === 0 && count('passed') > 0 ? 0 : 1;
}

/** Starts one server and checks its drivers, one after the other. */
async function runServer(server: ServerKind, drivers: readonly Driver[]): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'svidkit-interop-'));
  // Servers that run as nobody have to get through here; what is secret is in folders of their own.
  await chmod(folder, 0o755);
  console.log(`\n${server.name} ${server.version}: starting`);
  try {
    const ca = await createTestCa({ trustDomain: 'interop.test' });
    const foreign = await createTestCa({ trustDomain: 'interop.test' });
    const serverId = 'spiffe://interop.test/server';
    const clientId = 'spiffe://interop.test/client';
    const [port, tapPort] = [await freePort(), await freePort()];
    const running = await server.start({
      folder,
      port,
      tapPort,
      identity: await ca.issue({ id: serverId }),
      authorities: ca.bundlePem,
      clientId,
    });
    const { portForTap = port } = running;
    try {
      return await runDrivers(drivers, { ca, foreign, serverId, clientId, port, portForTap, tapPort });
    } finally {
      await running.stop();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const state = cause instanceof Unavailable ? 'skipped' : 'failed';
    console.log(`${server.name} ${server.version}: ${state}: ${why}`);
    const checks = Object.fromEntries(Object.keys(CHECKS).map((check) => [check, { state, why }]));
    return drivers.flatMap((driver) =>
      Object.keys(driver.ways).map((way) => rowOf(driver, way, checks as Row['checks'])),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runDrivers(drivers: readonly Driver[], stage: Stage): Promise<Row[]> {
  const rows: Row[] = [];
  for (const driver of drivers) {
    for (const way of Object.keys(driver.ways)) {
      const checks = await checkDriver(driver, way, stage);
      const told = Object.keys(CHECKS).map((check) => {
        const { state, why } = checks[check as Check];
        return state === 'failed' ? `${check} FAILED (${why})` : `${check} ${state}`;
      });
      console.log(`${driver.name} ${driver.version}, ${way}: ${told.join(', ')}`);
      rows.push(rowOf(driver, way, checks));
    }
  }
  return rows;
}

function rowOf({ name, version, server, work }: Driver, way: string, checks: Row['checks']): Row {
  return {
    driver: name,
    version,
    way,
    server: server.name,
    serverVersion: server.version,
    configured: server.configured,
    work,
    proof: checks.work.state === 'skipped' ? 'not run' : 'real',
    checks,
  };
}
