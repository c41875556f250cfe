import { tlsClientOptions } from '@svidkit/tls';
import { ioredisOptions } from '@svidkit/tls/drivers';
import { Redis, type RedisOptions } from 'ioredis';

import { type Driver, expectBack, LARGE, type Session, type Target } from '../driver.ts';
import { versionOf } from '../installed-version.ts';
import { PASSWORD, USER } from '../server.ts';
import { redisServer } from '../servers/redis.ts';

export const ioredisDriver: Driver = {
  name: 'ioredis',
  version: versionOf('ioredis'),
  server: redisServer,
  work: 'SET and GET',
  withoutCertificate: (target) => open(target, { tls: { rejectUnauthorized: false } }),
  ways: {
    ioredisOptions: async (target) =>
      open(target, ioredisOptions(target.source, { authorize: target.authorize })),
    tlsClientOptions: async (target) =>
      open(target, { tls: tlsClientOptions(target.source, { authorize: target.authorize }) }),
  },
};

function open({ host, port, reconnects }: Target, options: Pick<RedisOptions, 'tls' | 'Connector'>): Session {
  const redis = new Redis({
    host,
    port,
    username: USER,
    password: PASSWORD,
    retryStrategy: reconnects ? () => 10 : () => null,
    ...options,
  });
  redis.on('error', () => {});
  return {
    async work() {
      await redis.set('interop', LARGE);
      expectBack(LARGE, await redis.get('interop'));
      return undefined;
    },
    close: async () => redis.disconnect(),
  };
}
