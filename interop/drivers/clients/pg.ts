import { tlsClientOptions } from '@svidkit/tls';
import { pgOptions } from '@svidkit/tls/drivers';
import pg from 'pg';

import { type Driver, expectBack, LARGE, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { PASSWORD, USER } from '../server.ts';
import { postgresServer } from '../servers/postgres.ts';

export const pgDriver: Driver = {
  name: 'pg',
  version: versionOf('pg'),
  server: postgresServer,
  work: 'queries',
  withoutCertificate: (target) => open(target, { ssl: { rejectUnauthorized: false } }),
  ways: {
    pgOptions: async (target) => open(target, pgOptions(target.source, { authorize: target.authorize })),
    tlsClientOptions: async (target) =>
      open(target, { ssl: tlsClientOptions(target.source, { authorize: target.authorize }) }),
  },
};

function open({ host, port }: Target, options: pg.PoolConfig): Session {
  const pool = new pg.Pool({
    host,
    port,
    user: USER,
    password: PASSWORD,
    database: 'postgres',
    max: 1,
    ...options,
  });
  pool.on('error', () => {});
  return {
    async work() {
      const { rows } = await pool.query<{ serial: string }>(
        'select client_serial::text as serial from pg_stat_ssl where pid = pg_backend_pid()',
      );
      const { rows: large } = await pool.query<{ back: string }>('select $1::text as back', [LARGE]);
      expectBack(LARGE, large[0]?.back);
      return BigInt(rows[0]?.serial ?? 0).toString(16);
    },
    close: () => pool.end(),
  };
}
