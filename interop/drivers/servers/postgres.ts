import { join } from 'node:path';

import { unpackDebian } from '../fetch.ts';
import { POSTGRES } from '../pins.ts';
import { postgresPreface } from '../preface.ts';
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

/** PostgreSQL from Debian. */
export const postgresServer: ServerKind = {
  name: 'PostgreSQL',
  version: POSTGRES[0]?.version.split('-')[0] ?? '',
  preface: postgresPreface,
  configured: '`hostssl ... scram-sha-256 clientcert=verify-ca`',
  async start({ folder, port, ...setting }: ServerSetting) {
    const root = await unpackDebian(POSTGRES, join(folder, 'root'));
    const programs = join(root, 'usr/lib/postgresql/15/bin');
    const env = { LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu'), TZ: 'UTC', PGTZ: 'UTC' };
    const work = await serverFolder(join(folder, 'work'));
    const files = await tlsFiles(work, setting);
    const data = join(work, 'data');
    await runTool({
      command: join(programs, 'initdb'),
      args: ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
      folder: work,
      env,
    });
    await runTool({
      command: join(programs, 'postgres'),
      args: ['--single', '-D', data, '-c', 'timezone=UTC', '-c', 'log_timezone=UTC', 'postgres'],
      folder: work,
      env,
      input: `CREATE ROLE ${USER} LOGIN PASSWORD '${PASSWORD}';\n`,
    });
    await serverFile(
      join(data, 'pg_hba.conf'),
      'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n',
    );
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      timezone: 'UTC',
      log_timezone: 'UTC',
      jit: 'off',
      fsync: 'off',
      ssl: 'on',
      ssl_min_protocol_version: 'TLSv1.3',
      ssl_cert_file: files.cert,
      ssl_key_file: files.key,
      ssl_ca_file: files.ca,
    };
    return runServer({
      command: join(programs, 'postgres'),
      args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      folder: work,
      env,
      port,
    });
  },
};
