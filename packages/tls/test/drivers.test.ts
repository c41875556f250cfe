import { authorizeId, BundleSet, type X509Source } from '@svidkit/core';
import { type TestX509Source } from '@svidkit/testkit';
import { tlsClientOptions } from '@svidkit/tls';
import {
  ioredisOptions,
  kafkajsOptions,
  mongodbOptions,
  mysql2Options,
  natsOptions,
  pgOptions,
  postgresOptions,
} from '@svidkit/tls/drivers';
import { Redis, type RedisOptions } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { connect as connectNats } from 'nats';
import pg from 'pg';
import postgresJs from 'postgres';
import { createClient } from 'redis';
import { afterEach, describe, expect, it } from 'vitest';

import { type Conversation, endpoint, mysql, nats, postgres, redis } from './driver-endpoints.ts';
import { closeAll, expectFailure, rotate, sourceOf, world } from './fixtures.ts';

afterEach(closeAll);

const authorize = authorizeId('spiffe://a.test/server');
const USER = 'the-user-of-the-driver';
const PASSWORD = 'the-password-of-the-driver';
const HOST = '127.0.0.1';

interface Case {
  /** Plays the server. */
  readonly converse: (conversation: Conversation) => Promise<void>;
  /** Opens a connection, logs in and closes it. */
  readonly use: (source: X509Source, port: number) => Promise<unknown>;
  /** Whether the endpoint knows too little for the driver to succeed. */
  readonly unfinished?: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  'pg, pgOptions': {
    converse: postgres(),
    use: (source, port) => usePg(port, pgOptions(source, { authorize })),
  },
  'pg, tlsClientOptions': {
    converse: postgres(),
    use: (source, port) => usePg(port, { ssl: tlsClientOptions(source, { authorize }) }),
  },
  'postgres.js, postgresOptions': {
    converse: postgres(),
    use: (source, port) => usePostgres(port, postgresOptions(source, { authorize })),
  },
  'postgres.js, tlsClientOptions': {
    converse: postgres(),
    use: (source, port) => usePostgres(port, { ssl: tlsClientOptions(source, { authorize }) }),
  },
  'mysql2, mysql2Options': {
    converse: mysql(),
    use: async (source, port) => {
      const connection = await createConnection({
        host: HOST,
        port,
        user: USER,
        password: PASSWORD,
        ...mysql2Options(source, { authorize }),
      });
      await connection.query('select 1');
      connection.destroy();
    },
  },
  'ioredis, ioredisOptions': {
    converse: redis,
    use: (source, port) => useIoredis(port, ioredisOptions(source, { authorize })),
  },
  'ioredis, tlsClientOptions': {
    converse: redis,
    use: (source, port) => useIoredis(port, { tls: tlsClientOptions(source, { authorize }) }),
  },
  'node-redis, tlsClientOptions': {
    converse: redis,
    use: async (source, port) => {
      const client = createClient({
        username: USER,
        password: PASSWORD,
        RESP: 2,
        disableClientInfo: true,
        socket: {
          host: HOST,
          port,
          tls: true,
          reconnectStrategy: false,
          ...tlsClientOptions(source, { authorize }),
        },
      });
      client.on('error', () => {});
      await client.connect();
      client.destroy();
    },
  },
  'nats, natsOptions': {
    converse: nats(),
    use: async (source, port) => {
      const connection = await connectNats({
        servers: `${HOST}:${port}`,
        user: USER,
        pass: PASSWORD,
        reconnect: false,
        ...natsOptions(source, { authorize }),
      });
      await connection.close();
    },
  },
  'kafkajs, kafkajsOptions': {
    converse: silent,
    use: (source, port) => useKafkajs(port, kafkajsOptions(source, { authorize })),
    unfinished: true,
  },
  'kafkajs, tlsClientOptions': {
    converse: silent,
    use: (source, port) => useKafkajs(port, { ssl: tlsClientOptions(source, { authorize }) }),
    unfinished: true,
  },
  'mongodb, mongodbOptions': {
    converse: silent,
    use: async (source, port) => {
      const client = new MongoClient(`mongodb://${HOST}:${port}/`, {
        appName: USER,
        serverSelectionTimeoutMS: 500,
        ...mongodbOptions(source, { authorize }),
      });
      try {
        await client.connect();
      } finally {
        await client.close(true);
      }
    },
    unfinished: true,
  },
};

describe.each(Object.entries(CASES))('%s', (_, { converse, use, unfinished }) => {
  it('shows the SVID and the credentials to the right server, and each time the SVID of the moment', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const server = await endpoint(await a.issue({ path: '/server' }), converse);
    const attempt = async (): Promise<string> => {
      const serial = serialOf(source);
      await (unfinished === true ? expectFailure(use(source, server.port)) : use(source, server.port));
      return serial;
    };

    const first = await attempt();
    expect(server.sent).toContain(USER);
    expect(new Set(server.serials)).toEqual(new Set([first]));
    await rotate(source, a);
    const second = await attempt();
    expect(new Set(server.serials)).toEqual(new Set([first, second]));
    expect(server.serials.at(-1)).toBe(second);
    expect(server.clear).not.toContain(USER);
    expect(server.complaints).toEqual([]);
  });

  it('sends nothing to a server of another SPIFFE ID, or of another authority', async () => {
    const { a, rogue } = await world();
    const source = await sourceOf(a);
    for (const identity of [await a.issue({ path: '/other' }), await rogue.issue({ path: '/server' })]) {
      const server = await endpoint(identity, converse);
      await expectFailure(use(source, server.port));
      await server.deserted;
      expect(server.sent).toBe('');
      expect(server.clear).not.toContain(USER);
    }
  });

  it('sends nothing while the source has no SVID', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const server = await endpoint(await a.issue({ path: '/server' }), converse);
    await source.close();
    await expectFailure(use(source, server.port));
    expect(server.sent).toBe('');
    expect(server.clear).not.toContain(USER);
  });
});

describe('a connection for a driver', () => {
  it('ends when the authority of its server leaves the bundle', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const server = await endpoint(await a.issue({ path: '/server' }), postgres());
    const client = new pg.Client({ host: HOST, port: server.port, ...pgOptions(source, { authorize }) });
    await client.connect();
    const lost = new Promise<Error>((resolve) => {
      client.on('error', resolve);
    });
    source.update(source.current.svid, BundleSet.empty);
    expect(await lost).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    await server.deserted;
  });
});

async function usePg(port: number, options: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({
    host: HOST,
    port,
    user: USER,
    password: PASSWORD,
    database: 'd',
    ...options,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('');
  } finally {
    await client.end();
  }
}

async function usePostgres(port: number, options: object): Promise<void> {
  const sql = postgresJs({
    host: HOST,
    port,
    user: USER,
    password: PASSWORD,
    max: 1,
    fetch_types: false,
    ...options,
  });
  try {
    await sql.unsafe('').simple();
  } finally {
    await sql.end();
  }
}

function useIoredis(port: number, options: Pick<RedisOptions, 'tls' | 'Connector'>): Promise<unknown> {
  const client = new Redis({
    host: HOST,
    port,
    username: USER,
    password: PASSWORD,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    ...options,
  });
  client.on('error', () => {});
  return client
    .connect()
    .then(() => client.ping())
    .finally(() => client.disconnect());
}

async function useKafkajs(port: number, options: object): Promise<void> {
  const kafka = new Kafka({
    brokers: [`${HOST}:${port}`],
    clientId: USER,
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...options,
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
  } finally {
    await admin.disconnect();
  }
}

/** Takes what comes over TLS, once, and hangs up. */
async function silent(conversation: Conversation): Promise<void> {
  await conversation.secure();
  await conversation.read();
  conversation.end();
}

function serialOf(source: TestX509Source): string {
  return source.current.svid.certificates[0]?.serialNumber.toLowerCase() ?? '';
}
