import { once } from 'node:events';
import { createSecureServer, type IncomingHttpHeaders } from 'node:http2';
import { createServer as createTls } from 'node:tls';

import { credentials, Metadata, status } from '@grpc/grpc-js';
import { authorizeAny, authorizeId, authorizeMemberOf } from '@svidkit/core';
import { createChannelCredentials } from '@svidkit/grpc';
import { createTestCa } from '@svidkit/testkit';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, Events, listen, RawClient, rotate, sourceOf, world } from '../../tls/test/fixtures.ts';
import {
  clientWith,
  ECHO,
  failureOf,
  pipelinedCall,
  secureClient,
  secureEchoServer,
  unavailable,
} from './fixtures.ts';

afterEach(closeAll);

const SERVER = 'spiffe://a.test/server';

describe('a server lets begin no call', () => {
  const strangers = {
    'without a certificate': async () => undefined,
    'of a foreign authority': async () => (await world()).rogue.issue({ path: '/client' }),
    'whose SVID has expired': async () => (await world()).a.issue({ path: '/client', defects: ['expired'] }),
    'that is not authorised': async () => (await world()).a.issue({ path: '/other' }),
    'of a federated authority that vouches for our trust domain': async () =>
      (await world()).b.issue({ id: 'spiffe://a.test/client' }),
  } as const;

  it.each(Object.entries(strangers))(
    'of 100 peers %s, with the call pipelined behind the handshake',
    async (_, issue) => {
      const { a, b } = await world();
      const { port, handled } = await secureEchoServer(
        await sourceOf(a, { path: '/server', bundles: [a, b] }),
        {
          secure: { authorize: authorizeId('spiffe://a.test/client'), maxFailuresPerAddress: 0 },
        },
      );
      const send = await pipelinedCall();
      const options = { send, ALPNProtocols: ['h2'] };
      const identity = await issue();

      const clients = Array.from({ length: 100 }, () => new RawClient(port, identity, options));
      await Promise.all(clients.map(({ closed }) => closed));
      expect(handled).toEqual([]);

      // The same bytes from someone who may.
      const good = new RawClient(port, await a.issue({ path: '/client' }), options);
      await once(good.socket, 'data');
      while (handled.length === 0) await once(good.socket, 'data');
      expect(handled).toEqual(['spiffe://a.test/client']);
    },
  );

  it('of a peer that does not speak HTTP/2', async () => {
    const { a } = await world();
    const { port, handled } = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const client = new RawClient(port, await a.issue({ path: '/client' }), { send: await pipelinedCall() });

    await client.closed;

    expect(client.received.subarray(0, 12).toString()).toBe('HTTP/1.0 403');
    expect(handled).toEqual([]);
  });

  it('of a peer whose authority was removed, once it connects again', async () => {
    const { a } = await world();
    const { next: successor, both } = await a.rotate();
    const serverSource = await sourceOf(successor, { path: '/server', bundles: [both] });
    const { port } = await secureEchoServer(serverSource);
    const own = await sourceOf(a, { path: '/client', bundles: [both] });
    expect(await secureClient(own, port).unary()).toMatchObject({ peer: 'spiffe://a.test/client' });

    await rotate(serverSource, successor, { path: '/server' });

    expect(await failureOf(secureClient(own, port).unary())).toMatchObject(
      unavailable('ERR_PEER_CLOSED_AFTER_HANDSHAKE'),
    );
    const renewed = await sourceOf(successor, { path: '/client', bundles: [both] });
    expect(await secureClient(renewed, port).unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
  });
});

describe('a client that is turned away after the handshake', () => {
  it('is told so in the details of the status, and sent nothing', async () => {
    const { a } = await world();
    const { port, handled } = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
      secure: { authorize: authorizeId('spiffe://a.test/other') },
    });
    const client = secureClient(await sourceOf(a, { path: '/client' }), port);
    const events = new Events();

    const { code, details } = await failureOf(client.unary());

    expect(code).toBe(status.UNAVAILABLE);
    expect(details).toContain(`ERR_PEER_CLOSED_AFTER_HANDSHAKE: ${SERVER} at 127.0.0.1:${port}`);
    expect(details).toContain('we are spiffe://a.test/client');
    expect(events.codes('client')).toEqual(['ERR_PEER_CLOSED_AFTER_HANDSHAKE']);
    expect(handled).toEqual([]);
  });
});

describe('a client never sends a call, or its credentials, to a server', () => {
  const imposters = {
    'of another path': [async () => (await world()).a.issue({ path: '/other' }), 'ERR_PEER_UNAUTHORIZED'],
    'of a foreign authority': [
      async () => (await world()).rogue.issue({ path: '/server' }),
      'ERR_CHAIN_UNTRUSTED',
    ],
    'of a federated authority that vouches for our trust domain': [
      async () => (await world()).b.issue({ id: SERVER }),
      'ERR_CHAIN_UNTRUSTED',
    ],
    'whose SVID has expired': [
      async () => (await world()).a.issue({ path: '/server', defects: ['expired'] }),
      'ERR_CHAIN_EXPIRED',
    ],
  } as const;

  it.each(Object.entries(imposters))('%s', async (_, [issue, code]) => {
    const { a, b } = await world();
    const seen: IncomingHttpHeaders[] = [];
    const steal = async (identity: { certPem: string; keyPem: string }): Promise<number> => {
      const server = createSecureServer({ cert: identity.certPem, key: identity.keyPem }, () => {});
      server.on('stream', (stream, headers) => {
        seen.push(headers);
        stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true });
      });
      server.on('session', (session) => session.on('error', () => {}));
      return listen(server);
    };
    const token = credentials.createFromMetadataGenerator((_options, callback) => {
      const metadata = new Metadata();
      metadata.set('authorization', 'Bearer secret');
      callback(null, metadata);
    });
    const own = await sourceOf(a, { path: '/client', bundles: [a, b] });
    const combined = credentials.combineChannelCredentials(
      createChannelCredentials(own, { authorize: authorizeId(SERVER) }),
      token,
    );
    const events = new Events();

    const outcome = await failureOf(clientWith(await steal(await issue()), combined).unary());
    expect(outcome).toMatchObject(unavailable(code));
    await events.until(({ rejected }) => rejected.length > 0);
    expect(seen).toEqual([]);

    // The right one gets both.
    await failureOf(clientWith(await steal(await a.issue({ path: '/server' })), combined).unary());
    expect(seen).toMatchObject([{ ':path': ECHO.Unary.path, authorization: 'Bearer secret' }]);
  });

  it('that does not speak HTTP/2', async () => {
    const { a } = await world();
    const { certPem, keyPem } = await a.issue({ path: '/server' });
    const received: Buffer[] = [];
    const port = await listen(
      createTls({ cert: certPem, key: keyPem }, (socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk: Buffer) => received.push(chunk));
      }),
    );

    expect(await failureOf(secureClient(await sourceOf(a, { path: '/client' }), port).unary())).toMatchObject(
      unavailable('ERR_PEER_PROTOCOL'),
    );
    expect(received).toEqual([]);
  });

  it('of a trust domain that we hold no bundle of; with its bundle it does', async () => {
    const { a, b } = await world();
    const { port } = await secureEchoServer(await sourceOf(b, { path: '/server', bundles: [a, b] }));
    const alone = await sourceOf(a, { path: '/client' });
    const federated = await sourceOf(a, { path: '/client', bundles: [a, b] });
    const authorize = authorizeMemberOf('b.test');

    expect(await failureOf(secureClient(alone, port, { authorize }).unary())).toMatchObject(
      unavailable('ERR_BUNDLE_UNKNOWN'),
    );
    expect(await secureClient(federated, port, { authorize }).unary()).toMatchObject({
      peer: 'spiffe://a.test/client',
    });
  });

  it('whose authority was removed meanwhile, once it connects again', async () => {
    const { a } = await world();
    const { next: successor, both } = await a.rotate();
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server', bundles: [both] }));
    const own = await sourceOf(successor, { path: '/client', bundles: [both] });
    const client = secureClient(own, port);
    expect(await client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });

    const { svid } = own.current;
    own.update(svid, (await successor.context()).bundles);

    expect(await failureOf(client.unary())).toMatchObject(unavailable('ERR_CHAIN_UNTRUSTED'));
  });

  it('when it has no identity of its own any more', async () => {
    const { a } = await world();
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const own = await sourceOf(await createTestCa({ trustDomain: 'a.test' }), { path: '/client' });
    const client = secureClient(own, port, { authorize: authorizeAny() });
    await own.close();

    expect(await failureOf(client.unary())).toMatchObject(unavailable('ERR_SOURCE_CLOSED'));
  });
});
