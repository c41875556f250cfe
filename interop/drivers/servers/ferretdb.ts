import { join } from 'node:path';

import { buildGo, copyProgram } from '../fetch.ts';
import { FERRETDB } from '../pins.ts';
import { noPreface } from '../preface.ts';
import { runServer, type ServerKind, serverFolder, type ServerSetting, tlsFiles } from '../server.ts';

/** FerretDB on SQLite, built from its Go module: a database server that speaks the wire protocol of MongoDB. */
export const ferretdbServer: ServerKind = {
  name: 'FerretDB',
  version: FERRETDB.version.slice(1),
  preface: noPreface,
  configured: '`--listen-tls` with `--listen-tls-ca-file`, plain port off',
  async start({ folder, port, ...setting }: ServerSetting) {
    const built = await buildGo(FERRETDB, { 'build/version/version.txt': `${FERRETDB.version}\n` });
    const command = await copyProgram(built, join(folder, 'ferretdb'));
    const work = await serverFolder(join(folder, 'work'));
    const files = await tlsFiles(work, setting);
    const data = await serverFolder(join(work, 'data'));
    const options = {
      handler: 'sqlite',
      'sqlite-url': `file:${data}/`,
      'state-dir': data,
      'listen-addr': '',
      'listen-tls': `127.0.0.1:${port}`,
      'listen-tls-cert-file': files.cert,
      'listen-tls-key-file': files.key,
      'listen-tls-ca-file': files.ca,
      'debug-addr': '-',
      telemetry: 'disable',
    };
    return runServer({
      command,
      args: Object.entries(options).map(([name, value]) => `--${name}=${value}`),
      folder: work,
      port,
    });
  },
};
