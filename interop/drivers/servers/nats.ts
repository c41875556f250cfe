import { join } from 'node:path';

import { buildGo, copyProgram } from '../fetch.ts';
import { NATS } from '../pins.ts';
import { natsPreface } from '../preface.ts';
import {
  PASSWORD,
  runServer,
  type ServerKind,
  serverFile,
  serverFolder,
  type ServerSetting,
  tlsFiles,
} from '../server.ts';

/** The NATS server, built from its Go module. Its one user is the SPIFFE ID of the client, with a password. */
export const natsServer: ServerKind = {
  name: 'NATS server',
  version: NATS.version.slice(1),
  preface: natsPreface,
  configured: '`verify_and_map: true`, the user is the SPIFFE ID',
  async start({ folder, port, clientId, ...setting }: ServerSetting) {
    const command = await copyProgram(await buildGo(NATS), join(folder, 'nats-server'));
    const work = await serverFolder(join(folder, 'work'));
    const files = await tlsFiles(work, setting);
    const config = `
listen: "127.0.0.1:${port}"
tls {
  cert_file: ${JSON.stringify(files.cert)}
  key_file: ${JSON.stringify(files.key)}
  ca_file: ${JSON.stringify(files.ca)}
  verify_and_map: true
}
authorization { users = [ { user: ${JSON.stringify(clientId)}, password: ${JSON.stringify(PASSWORD)} } ] }
`;
    return runServer({
      command,
      args: ['-c', await serverFile(join(work, 'nats.conf'), config)],
      folder: work,
      port,
    });
  },
};
