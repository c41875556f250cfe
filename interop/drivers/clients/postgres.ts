import { tlsClientOptions } from '@svidkit/tls';
import { postgresOptions } from '@svidkit/tls/drivers';
import postgres from 'postgres';

import { type Driver, expectBack, LARGE, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { PASSWORD, USER } from '../server.ts';
import { postgresServer } from '../servers/postgres.ts';

export const postgresDriver: Driver = {
  name: 'postgres',
  version: versionOf('postgres'),
  server: postgresServer,
  work: 'queries',
  withoutCertificate: (target) => open(target, { ssl: { rejectUnauthorized: false } }),
  ways: {
    postgresOptions: async (target) =>
      open(target, postgresOptions(target.source, { authorize: target.authorize })),
    tlsClientOptions: async (target) =>
      open(target, { ssl: tlsClientOptions(target.source, { authorize: target.authorize }) }),
  },
};

function open({ host, port }: Target, options: object): Session {
  const sql = postgres({
    host,
    port,
    user: USER,
    password: PASSWORD,
    database: 'postgres',
    max: 1,
    backoff: false,
    connect_timeout: 5,
    ...options,
  });
  return {
    async work() {
      const [row] = await sql<{ serial: string }[]>`
        select client_serial::text as serial from pg_stat_ssl where pid = pg_backend_pid()`;
      const [large] = await sql<{ back: string }[]>`select ${LARGE}::text as back`;
      expectBack(LARGE, large?.back);
      return BigInt(row?.serial ?? 0).toString(16);
    },
    close: () => sql.end({ timeout: 1 }),
  };
}
