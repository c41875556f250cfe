import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { duplexPair } from 'node:stream';

import { authorizeAny } from '@svidkit/core';
import { manualClock } from '@svidkit/testkit';
import {
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  drainServers,
  type HttpsServerOptions,
} from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, expectFailure, listen, sourceOf, world } from './fixtures.ts';
import { runChild } from './run-child.ts';

afterEach(closeAll);

/** A server that holds its answers back, with one request under way. */
async function busy(options: Partial<HttpsServerOptions> = {}) {
  const { a } = await world();
  const answers: (() => void)[] = [];
  const server = createHttpsServer(
    await sourceOf(a),
    { authorize: authorizeAny(), ...options },
    (_, response) => {
      answers.push(() => response.end('done'));
    },
  );
  const port = await listen(server);
  const agent = closing(createHttpsAgent(await sourceOf(a), { authorize: authorizeAny() }), (one) =>
    one.destroy(),
  );
  const asked = request({ agent, host: '127.0.0.1', port });
  const response = once(asked, 'response') as Promise<[IncomingMessage]>;
  response.catch(() => {});
  asked.end();
  await once(server, 'request');
  return { server, answers, response };
}

describe('drain', () => {
  it('lets a request in flight finish, and accepts no more', async () => {
    const { server, answers, response } = await busy();

    const ending = server.drain({ deadlineMs: 60_000 });
    expect(server.listening).toBe(false);
    for (const answer of answers) answer();

    const [{ headers }] = await response;
    expect(headers.connection).toBe('close');
    expect(await ending).toMatchObject({ servers: 1, drained: true, destroyedConnections: 0 });
  });

  it('destroys at the deadline what does not end', async () => {
    // Ahead of what is issued from now on, which is not valid before its own second.
    const clock = manualClock(Date.now() + 60_000);
    const { server, response } = await busy({ clock });

    const ending = server.drain({ deadlineMs: 1000 });
    clock.advance(1000);

    expect(await ending).toEqual({ servers: 1, drained: false, destroyedConnections: 1, tookMs: 1000 });
    expect(await expectFailure(response)).toMatchObject({ code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE' });
  });

  it('destroys at the deadline what is still in its handshake, and streams that were handed in', async () => {
    const { a } = await world();
    const clock = manualClock(Date.now() + 60_000);
    const server = createTlsServer(await sourceOf(a), { authorize: authorizeAny(), clock });
    const port = await listen(server);
    const taken = once(server, 'connection');
    const stalled = closing(connect(port, '127.0.0.1'), (one) => one.destroy());
    stalled.resume().on('error', () => {});
    await taken;
    const [ours, theirs] = duplexPair();
    server.emit('connection', theirs);

    const ending = server.drain({ deadlineMs: 1000 });
    clock.advance(1000);

    expect(await ending).toMatchObject({ drained: false, destroyedConnections: 2 });
    expect(theirs.destroyed).toBe(true);
    ours.destroy();
    if (!stalled.destroyed) await once(stalled, 'close');
  });

  it('ends several servers together', async () => {
    const [one, other] = [await busy(), await busy()];

    const ending = drainServers([one.server, other.server, one.server]);
    for (const answer of [...one.answers, ...other.answers]) answer();

    expect(await ending).toMatchObject({ servers: 2, drained: true });
  });

  it.each([[{ deadlineMs: -1 }], [{ deadlineMs: Number.NaN }]])('refuses %j', async (options) => {
    const { server } = await busy();
    await expect(server.drain(options)).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
    expect(server.listening).toBe(true);
  });
});

describe('onTermination', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'finishes what is under way when %s comes, and the process ends',
    async (signal) => {
      const { stdout, stderr, code } = await runChild('drain-on-signal.ts', { args: [signal] });

      expect(stderr).toBe('');
      expect(stdout.split('\n')).toEqual(expect.arrayContaining(['answer 200 done', 'drained true']));
      expect(code).toBe(0);
    },
  );
});
