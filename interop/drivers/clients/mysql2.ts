import { mysql2Options } from '@svidkit/tls/drivers';
import { createPool, type PoolOptions, type RowDataPacket } from 'mysql2/promise';

import { type Driver, expectBack, LARGE, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { PASSWORD, USER } from '../server.ts';
import { mariadbServer } from '../servers/mariadb.ts';

export const mysql2Driver: Driver = {
  name: 'mysql2',
  version: versionOf('mysql2'),
  server: mariadbServer,
  work: 'queries, one prepared',
  withoutCertificate: (target) => open(target, { ssl: { rejectUnauthorized: false } }),
  ways: {
    mysql2Options: async (target) =>
      open(target, mysql2Options(target.source, { authorize: target.authorize })),
  },
};

function open({ host, port }: Target, options: PoolOptions): Session {
  const pool = createPool({
    host,
    port,
    user: USER,
    password: PASSWORD,
    connectionLimit: 1,
    ...options,
  });
  return {
    async work() {
      const [rows] = await pool.query<RowDataPacket[]>(
        "select variable_value as version from information_schema.session_status where variable_name = 'Ssl_version'",
      );
      if (rows[0]?.['version'] !== 'TLSv1.3') throw new Error(`want TLSv1.3, got ${JSON.stringify(rows)}`);
      const [large] = await pool.query<RowDataPacket[]>('select ? as back', [LARGE]);
      expectBack(LARGE, large[0]?.['back']);
      const [prepared] = await pool.execute<RowDataPacket[]>('select ? as back', ['prepared']);
      expectBack('prepared', prepared[0]?.['back']);
      return undefined;
    },
    close: () => pool.end(),
  };
}
