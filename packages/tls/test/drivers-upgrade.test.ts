import { once } from 'node:events';

import { authorizeId } from '@svidkit/core';
import { createTestCa, manualClock } from '@svidkit/testkit';
import { peerOf } from '@svidkit/tls';
import {
  type DriverStream,
  ioredisOptions,
  kafkajsOptions,
  mongodbOptions,
  mysql2Options,
  natsOptions,
  pgOptions,
  postgresOptions,
} from '@svidkit/tls/drivers';
import { createConnection, createPool } from 'mysql2/promise';
import { connect as connectNats } from 'nats';
import pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  type Conversation,
  type Endpoint,
  endpoint,
  framed,
  mysql,
  type MysqlBehaviour,
  nats,
  postgres,
} from './driver-endpoints.ts';
import { closeAll, closing, expectFailure, sourceOf, world } from './fixtures.ts';

afterEach(closeAll);

const authorize = authorizeId('spiffe://a.test/server');
const HOST = '127.0.0.1';
const USER = 'the-user-of-the-driver';
const PASSWORD = 'the-password-of-the-driver';

/** A server of the right identity. */
async function serve(converse: (conversation: Conversation) => Promise<void>): Promise<Endpoint> {
  const { a } = await world();
  return endpoint(await a.issue({ path: '/server' }), converse);
}

async function pgClient(port: number, options: object = {}): Promise<pg.Client> {
  const { a } = await world();
  const source = await sourceOf(a);
  const client = new pg.Client({
    host: HOST,
    port,
    user: USER,
    ...pgOptions(source, { authorize, ...options }),
  });
  client.on('error', () => {});
  return closing(client, (one) => one.end());
}

async function mysqlConnection(port: number): ReturnType<typeof createConnection> {
  const { a } = await world();
  const source = await sourceOf(a);
  return closing(
    await createConnection({
      host: HOST,
      port,
      user: USER,
      password: PASSWORD,
      ...mysql2Options(source, { authorize }),
    }),
    (one) => one.destroy(),
  );
}

describe('a server of the right identity that denies having TLS gets no login', () => {
  it.each(['N', 'E', 'x'])('PostgreSQL that answers %s', async (answer) => {
    const server = await serve(postgres(answer));
    const client = await pgClient(server.port);
    expect(await expectFailure(client.connect())).toMatchObject({ code: 'ERR_PEER_HANDSHAKE' });
    await server.deserted;
    expect(server.clear).toHaveLength(8);
  });

  it('MySQL', async () => {
    const server = await serve(mysql({ offersTls: false }));
    expect(await expectFailure(mysqlConnection(server.port))).toMatchObject({ code: 'ERR_PEER_HANDSHAKE' });
    await server.deserted;
    expect(server.clear).toBe('');
  });

  it('NATS', async () => {
    const { a } = await world();
    const server = await serve(nats(false));
    const tls = natsOptions(await sourceOf(a), { authorize });
    await expectFailure(
      connectNats({ servers: `${HOST}:${server.port}`, user: USER, pass: PASSWORD, ...tls }),
    );
    await server.deserted;
    expect(server.clear).toBe('');
  });
});

describe('what a server sends in the clear behind its answer is not taken for its own', () => {
  it('PostgreSQL', async () => {
    const server = await serve(postgres(Buffer.from('S520000000800000000', 'latin1')));
    const client = await pgClient(server.port);
    expect(await expectFailure(client.connect())).toMatchObject({ code: 'ERR_PEER_HANDSHAKE' });
    await server.deserted;
    expect(server.clear).toHaveLength(8);
  });

  it('MySQL', async () => {
    const server = await serve(mysql({ behindGreeting: 'more' }));
    expect(await expectFailure(mysqlConnection(server.port))).toMatchObject({ code: 'ERR_PEER_HANDSHAKE' });
    await server.deserted;
    expect(server.clear).not.toContain(USER);
    expect(server.serials).toEqual([]);
  });
});

describe('mysql2 over a stream that speaks TLS for it', () => {
  const behaviours: Readonly<Record<string, MysqlBehaviour>> = {
    'a server that is content': {},
    'a server that knows the hash of the password': { sha2: 'known', password: PASSWORD },
    'a server that asks for the password': { sha2: 'full', password: PASSWORD },
    'a server that sends byte by byte': { sha2: 'full', password: PASSWORD, slowly: true },
  };

  it.each(Object.entries(behaviours))('%s: logs in and queries, every number right', async (_, behaviour) => {
    const warned = vi.spyOn(console, 'error');
    const server = await serve(mysql(behaviour));
    const connection = await mysqlConnection(server.port);
    await connection.query('select 1');
    await connection.query(`select '${'x'.repeat(100_000)}'`);
    expect(server.complaints).toEqual([]);
    // mysql2 writes there when numbers of packets are wrong.
    expect(warned).not.toHaveBeenCalled();
    expect(server.sent).toContain(USER);
    expect(server.clear).not.toContain(USER);
  });

  it('sees what a server says in place of a greeting, and sends nothing', async () => {
    const tooMany = Buffer.concat([
      Buffer.from([0xff, 0x10, 0x04]),
      Buffer.from('#08004Too many connections'),
    ]);
    const server = await serve(mysql({ insteadOfGreeting: framed(0, tooMany) }));
    expect(await expectFailure(mysqlConnection(server.port))).toMatchObject({ errno: 1040 });
    expect(server.clear).toBe('');
  });

  it('refuses a server that is none of MySQL', async () => {
    const server = await serve(mysql({ insteadOfGreeting: Buffer.from('SSH-2.0-OpenSSH_9.2\r\n') }));
    expect(await expectFailure(mysqlConnection(server.port))).toMatchObject({ code: 'ERR_PEER_HANDSHAKE' });
    await server.deserted;
    expect(server.clear).toBe('');
  });

  it('serves a pool, whose connections come and go', async () => {
    const { a } = await world();
    const server = await serve(mysql());
    const source = await sourceOf(a);
    const pool = createPool({ host: HOST, port: server.port, ...mysql2Options(source, { authorize }) });
    await Promise.all([pool.query('select 1'), pool.query('select 2'), pool.query('select 3')]);
    server.hangUp();
    await server.deserted;
    await pool.query('select 4').catch(() => pool.query('select 4'));
    await pool.end();
    expect(server.complaints).toEqual([]);
  });
});

describe('a connection that is not yet one', () => {
  it('is given up when the server does not answer in time', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const asked = Promise.withResolvers<void>();
    const server = await endpoint(await ca.issue({ path: '/server' }), async (conversation) => {
      await conversation.read(8);
      asked.resolve();
      await conversation.read();
    });
    const source = await sourceOf(ca);
    const timers = clock.pending;
    const options = pgOptions(source, { authorize, clock, handshakeTimeoutMs: 3000 });
    const client = new pg.Client({ host: HOST, port: server.port, ...options });
    client.on('error', () => {});
    const failure = expectFailure(client.connect());
    await asked.promise;
    clock.advance(2999);
    clock.advance(1);
    expect(await failure).toMatchObject({ code: 'ERR_PEER_HANDSHAKE_TIMEOUT' });
    await server.deserted;
    expect(clock.pending).toBe(timers);
  });

  it('is given up when the server stops in the middle of its greeting', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const started = Promise.withResolvers<void>();
    const server = await endpoint(await ca.issue({ path: '/server' }), async (conversation) => {
      conversation.write(Buffer.from([74, 0]));
      started.resolve();
      await conversation.read();
    });
    const source = await sourceOf(ca);
    const stream = mysql2Options(source, { authorize, clock, handshakeTimeoutMs: 3000 }).stream({
      config: { host: HOST, port: server.port },
    });
    const failed = once(stream, 'error');
    await started.promise;
    clock.advance(3000);
    expect(await failed).toMatchObject([{ code: 'ERR_PEER_HANDSHAKE_TIMEOUT' }]);
  });

  it('is closed when the driver gives it up', async () => {
    const asked = Promise.withResolvers<void>();
    const server = await serve(async (conversation) => {
      await conversation.read(8);
      asked.resolve();
      await conversation.read();
    });
    const { a } = await world();
    const stream = pgOptions(await sourceOf(a), { authorize }).stream();
    stream.connect(server.port, HOST);
    await asked.promise;
    expect(stream.readyState).toBe('opening');
    stream.destroy();
    await server.deserted;
    expect(stream.readyState).toBe('closed');
  });

  it.each([
    ['ends it', (stream: DriverStream) => void stream.end()],
    ['destroys it', (stream: DriverStream) => void stream.destroy()],
  ])('is closed when the driver %s during the handshake', async (_, end) => {
    const hello = Promise.withResolvers<void>();
    const server = await serve(async (conversation) => {
      await conversation.read(8);
      conversation.write('S');
      await conversation.read();
      hello.resolve();
      await conversation.read();
    });
    const { a } = await world();
    const stream = pgOptions(await sourceOf(a), { authorize })
      .stream()
      .connect(server.port, HOST);
    const closed = once(stream, 'close');
    await hello.promise;
    end(stream);
    await closed;
    await server.deserted;
    expect(stream.readyState).toBe('closed');
  });

  it('fails as it does without TLS when nobody listens', async () => {
    const server = await serve(postgres());
    await closeAll();
    const client = await pgClient(server.port);
    expect(await expectFailure(client.connect())).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('fails when the server hangs up in place of an answer', async () => {
    const server = await serve(async (conversation) => {
      await conversation.read(8);
      conversation.end();
    });
    const client = await pgClient(server.port);
    expect(await expectFailure(client.connect())).toMatchObject({ code: 'ERR_PEER_HANDSHAKE' });
  });
});

describe('a connection for a driver', () => {
  it('tells who the server is', async () => {
    const { a } = await world();
    const options = { authorize };
    const source = await sourceOf(a);
    const forPg = pgOptions(source, options).stream();
    forPg.connect((await serve(postgres())).port, HOST);
    await once(forPg, 'connect');
    expect(peerOf(forPg).id.toString()).toBe('spiffe://a.test/server');
    forPg.destroy();

    const connection = await mysqlConnection((await serve(mysql())).port);
    const { connection: inner } = connection as unknown as {
      readonly connection: { readonly stream: Parameters<typeof peerOf>[0] };
    };
    expect(peerOf(inner.stream).id.toString()).toBe('spiffe://a.test/server');
  });

  it('ends when the server ends it', async () => {
    const server = await serve(postgres());
    const client = await pgClient(server.port);
    await client.connect();
    const ended = new Promise((resolve) => {
      client.once('end', resolve);
    });
    server.hangUp();
    await expect(ended).resolves.toBeUndefined();
  });
});

describe('options that cannot be right are refused when they are given', () => {
  const makers = {
    ioredisOptions,
    kafkajsOptions,
    mongodbOptions,
    mysql2Options,
    natsOptions,
    pgOptions,
    postgresOptions,
  };

  it.each(Object.entries(makers))('%s', async (_, make) => {
    const { a } = await world();
    const source = await sourceOf(a);
    const code = (options: object): string => {
      try {
        make(source, options as { authorize: typeof authorize });
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'none';
    };
    expect(code({})).toBe('ERR_CONFIG_AUTHORIZER');
    expect(code({ authorize, rejectUnauthorized: false })).toBe('ERR_CONFIG_OPTION');
    expect(code({ authorize, ca: [] })).toBe('ERR_CONFIG_OPTION');
    expect(code({ authorize })).toBe('none');
  });

  it('several hosts for postgresOptions', async () => {
    const { a } = await world();
    const { socket } = postgresOptions(await sourceOf(a), { authorize });
    expect(() => socket({ host: ['one', 'two'], port: [1, 2] })).toThrow('want');
  });
});
