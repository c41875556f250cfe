import { natsOptions } from '@svidkit/tls/drivers';
import { connect, type ConnectionOptions, type TlsOptions } from 'nats';

import { type Driver, expectBack, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { PASSWORD, USER } from '../server.ts';
import { natsServer } from '../servers/nats.ts';

export const natsDriver: Driver = {
  name: 'nats',
  version: versionOf('nats'),
  server: natsServer,
  work: 'publish and receive',
  // Its types know no option of node:tls.
  withoutCertificate: (target) => open(target, { tls: { rejectUnauthorized: false } as TlsOptions }),
  ways: {
    natsOptions: (target) => open(target, natsOptions(target.source, { authorize: target.authorize })),
  },
};

async function open(
  { host, port, reconnects }: Target,
  options: Pick<ConnectionOptions, 'tls'>,
): Promise<Session> {
  const connection = await connect({
    servers: `${host}:${port}`,
    user: USER,
    pass: PASSWORD,
    reconnect: reconnects,
    reconnectTimeWait: 10,
    maxReconnectAttempts: reconnects ? -1 : 0,
    ...options,
  });
  return {
    async work() {
      const subscription = connection.subscribe('interop', { max: 1, timeout: 5000 });
      connection.publish('interop', 'nats');
      for await (const message of subscription) {
        expectBack('nats', message.string());
      }
      return undefined;
    },
    close: () => connection.close(),
  };
}
