import { mkdir } from 'node:fs/promises';
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
  USER,
} from '../server.ts';

/** Redis from Debian. */
export const redisServer: ServerKind = {
  name: 'Redis',
  version: REDIS[0]?.version.replace(/^5:|-.*$/g, '') ?? '',
  preface: noPreface,
  configured: '`tls-auth-clients yes`, plain port off',
  async start({ folder, port, identity, authorities }: ServerSetting) {
    const root = join(folder, 'root');
    await mkdir(root);
    await unpackDebian(REDIS, root);
    const work = await serverFolder(join(folder, 'work'));
    const config = `
bind 127.0.0.1
port 0
tls-port ${port}
tls-auth-clients yes
tls-protocols "TLSv1.3"
tls-cert-file ${await serverFile(join(work, 'tls.crt'), identity.certPem)}
tls-key-file ${await serverFile(join(work, 'tls.key'), identity.keyPem)}
tls-ca-cert-file ${await serverFile(join(work, 'ca.crt'), authorities)}
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
