import { type ConnectionOptions } from 'node:tls';

import { tlsClientOptions } from '@svidkit/tls';
import { createClient } from 'redis';

import { type Driver, expectBack, LARGE, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { PASSWORD, USER } from '../server.ts';
import { redisServer } from '../servers/redis.ts';

export const redisDriver: Driver = {
  name: 'redis',
  version: versionOf('redis'),
  server: redisServer,
  work: 'SET and GET',
  withoutCertificate: (target) => open(target, { rejectUnauthorized: false }),
  ways: {
    tlsClientOptions: (target) =>
      open(target, tlsClientOptions(target.source, { authorize: target.authorize })),
  },
};

async function open({ host, port, reconnects }: Target, options: ConnectionOptions): Promise<Session> {
  const client = createClient({
    username: USER,
    password: PASSWORD,
    socket: {
      host,
      port,
      tls: true,
      reconnectStrategy: reconnects ? 10 : false,
      ...options,
    },
  });
  client.on('error', () => {});
  await client.connect();
  return {
    async work() {
      await client.set('interop', LARGE);
      expectBack(LARGE, await client.get('interop'));
      return undefined;
    },
    close: async () => client.destroy(),
  };
}
