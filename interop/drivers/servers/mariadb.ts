import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { unpackDebian } from '../fetch.ts';
import { MARIADB } from '../pins.ts';
import { mysqlPreface } from '../preface.ts';
import {
  PASSWORD,
  runServer,
  runTool,
  type ServerKind,
  serverFile,
  serverFolder,
  type ServerSetting,
  tlsFiles,
  USER,
} from '../server.ts';

/** MariaDB from Debian. */
export const mariadbServer: ServerKind = {
  name: 'MariaDB',
  version: MARIADB[0]?.version.replace(/^1:|-.*$/g, '') ?? '',
  preface: mysqlPreface,
  configured: '`REQUIRE X509`, `require_secure_transport=ON`',
  async start({ folder, port, ...setting }: ServerSetting) {
    const root = await unpackDebian(MARIADB, join(folder, 'root'));
    const share = join(root, 'usr/share/mysql');
    const work = await serverFolder(join(folder, 'work'));
    const files = await tlsFiles(work, setting);
    const data = await serverFolder(join(work, 'data'));
    const common = {
      command: join(root, 'usr/sbin/mariadbd'),
      folder: work,
      env: { LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu') },
    };
    const base = [
      '--no-defaults',
      `--datadir=${data}`,
      `--lc-messages-dir=${share}`,
      '--innodb-flush-method=fsync',
    ];
    const sql = await Promise.all(
      ['mysql_system_tables.sql', 'mysql_system_tables_data.sql'].map((name) =>
        readFile(join(share, name), 'utf8'),
      ),
    );
    await runTool({
      ...common,
      args: [...base, '--bootstrap', '--skip-networking'],
      input: `create database mysql;\nuse mysql;\n${sql.join('\n')}`,
    });
    const init = await serverFile(
      join(work, 'init.sql'),
      `CREATE USER '${USER}'@'%' IDENTIFIED BY '${PASSWORD}' REQUIRE X509;\n`,
    );
    return runServer({
      ...common,
      args: [
        ...base,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        `--socket=${join(work, 'socket')}`,
        `--pid-file=${join(work, 'pid')}`,
        '--skip-name-resolve',
        `--init-file=${init}`,
        '--require-secure-transport=ON',
        '--tls-version=TLSv1.3',
        `--ssl-cert=${files.cert}`,
        `--ssl-key=${files.key}`,
        `--ssl-ca=${files.ca}`,
      ],
      port,
    });
  },
};
