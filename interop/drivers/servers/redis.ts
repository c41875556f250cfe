import { join } from 'node:path';

import { unpackDebian } from '../fetch.ts';
import { REDIS } from '../pins.ts';
import { noPreface } from '../preface.ts';
import {
  PASSWORD,
  runServer,
  type ServerKind,
  serverFile,
  serverFolder,
  type ServerSetting,
  tlsFiles,
  USER,
} from '../server.ts';

/** Redis from Debian. */
export const redisServer: ServerKind = {
  name: 'Redis',
  version: REDIS[0]?.version.replace(/^5:|-.*$/g, '') ?? '',
  preface: noPreface,
  configured: '`tls-auth-clients yes`, plain port off',
  async start({ folder, port, ...setting }: ServerSetting) {
    const root = await unpackDebian(REDIS, join(folder, 'root'));
    const work = await serverFolder(join(folder, 'work'));
    const files = await tlsFiles(work, setting);
    const config = `
bind 127.0.0.1
port 0
tls-port ${port}
tls-auth-clients yes
tls-protocols "TLSv1.3"
tls-cert-file ${files.cert}
tls-key-file ${files.key}
tls-ca-cert-file ${files.ca}
dir ${work}
save ""
user default off
user ${USER} on >${PASSWORD} ~* &* +@all
`;
    return runServer({
      command: join(root, 'usr/bin/redis-server'),
      args: [await serverFile(join(work, 'redis.conf'), config)],
      folder: work,
      env: { LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu') },
      port,
    });
  },
};
