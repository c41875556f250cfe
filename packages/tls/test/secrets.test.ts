import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { type Server } from 'node:tls';
import { inspect } from 'node:util';

import { authorizeAny, authorizeId, authorizeMemberOf } from '@svidkit/core';
import {
  connectTls,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  peerOf,
  secureServer,
  tlsClientOptions,
} from '@svidkit/tls';
import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  CLIENTS,
  closeAll,
  closing,
  Events,
  get,
  knock,
  listen,
  rawServer,
  rotate,
  sourceOf,
  tlsService,
  world,
} from './fixtures.ts';

afterEach(closeAll);

/** Everything that Node.js would show of a value, and everything a logger would. */
function show(value: unknown): string {
  const options = {
    depth: 12,
    showHidden: true,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: 200,
  };
  let json = '';
  try {
    json = JSON.stringify(value) ?? '';
  } catch {
    // Not everything has a JSON form.
  }
  return `${inspect(value, options)}\n${inspect(value, { getters: true, depth: 6 })}\n${json}\n${String(value)}`;
}

/** Every form in which a private key could appear in text. */
function marks(keyPem: string): RegExp {
  const body = keyPem.split('\n').slice(1, -2).join('');
  const der = Buffer.from(body, 'base64');
  // The private scalar of a P-256 key in PKCS#8 (RFC 5958, RFC 5915).
  const scalar = der.subarray(36, 68);
  const forms = [
    'PRIVATE KEY',
    ...(body.match(/.{32}/g)?.slice(1) ?? []),
    scalar.toString('hex').slice(8, 40),
    scalar.toString('base64').slice(3, 30),
    // As node prints bytes, of which a Buffer shows the first fifty.
    [...scalar.subarray(2, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
  ];
  const texts = forms.map((form) => form.replaceAll(/[+/]/g, String.raw`\$&`));
  return new RegExp([...texts, [...scalar.subarray(2, 12)].join(String.raw`,\s*`)].join('|'));
}

describe('the private key', () => {
  it('is recognised in each of its forms (the control)', async () => {
    const { keyPem } = await (await world()).a.issue();
    const der = Buffer.from(keyPem.split('\n').slice(1, -2).join(''), 'base64');
    for (const form of [
      keyPem,
      { key: keyPem },
      [der],
      { der: new Uint8Array(der) },
      der.toString('base64'),
      der.toString('hex'),
    ]) {
      expect(show(form)).toMatch(marks(keyPem));
    }
  });

  it('is in nothing that servers, agents, options, sockets, peers and errors show, before and after a rotation', async () => {
    const { a, rogue } = await world();
    const first = await a.issue({ path: '/first' });
    const second = await a.issue({ path: '/second' });
    const source = await sourceOf(a);
    const { bundles } = source.current;
    const [tlsServer, httpsServer, http2Server] = [
      createTlsServer(source, { authorize: authorizeAny() }, (socket) => socket.end('peer=\n')),
      createHttpsServer(source, { authorize: authorizeAny() }),
      secureServer(createSecureServer(), source, { authorize: authorizeAny() }),
    ];
    const port = await listen(tlsServer);
    const raw = await rawServer(await a.issue());
    const agent = closing(createHttpsAgent(source, { authorize: authorizeAny() }), (one) => one.destroy());
    const options = tlsClientOptions(source, { authorize: authorizeMemberOf('a.test') });
    const caught: unknown[] = [];
    tlsServer.on('tlsClientError', (error, socket) => caught.push(error, socket));
    const events = new Events();
    const shown: string[] = [];

    for (const issued of [first, second]) {
      source.update(issued.svid(), bundles);
      const free = once(agent, 'free');
      await get({ agent, host: '127.0.0.1', port: raw.port });
      await free;
      const socket = await connectTls(source, { authorize: authorizeAny(), host: '127.0.0.1', port });
      const refused = connectTls(source, {
        authorize: authorizeId('spiffe://a.test/x'),
        host: '127.0.0.1',
        port,
      });
      caught.push(await refused.catch((error: unknown) => error));
      await knock(port, await rogue.issue());
      shown.push(
        ...[
          source,
          source.current,
          tlsServer,
          httpsServer,
          http2Server,
          agent,
          options,
          socket,
          peerOf(socket),
          caught,
          events,
        ].map(show),
      );
      socket.destroy();
    }

    expect(events.rejected.length).toBeGreaterThan(0);
    expect(caught).not.toContain(undefined);
    for (const { keyPem } of [first, second]) {
      const key = marks(keyPem);
      for (const text of shown) expect(key.exec(text)?.[0]).toBeUndefined();
    }
  });

  it('is in no error of any client, and in no event', async () => {
    const { a, rogue } = await world();
    const marked = await a.issue();
    const source = await sourceOf(a);
    source.update(marked.svid(), source.current.bundles);
    const servers = [
      await rawServer(await rogue.issue()),
      await rawServer(await a.issue({ defects: ['expired'] })),
    ];
    const events = new Events();
    const errors: unknown[] = [];
    for (const call of Object.values(CLIENTS)) {
      for (const { port } of [...servers, { port: 1 }]) {
        errors.push(
          await call(source, authorizeId('spiffe://a.test/x'), { port }).catch((error: unknown) => error),
        );
      }
    }
    await source.close();
    for (const call of Object.values(CLIENTS)) {
      errors.push(
        await call(source, authorizeId('spiffe://a.test/x'), { port: 1 }).catch((error: unknown) => error),
      );
    }

    expect(errors.every((error) => error instanceof Error)).toBe(true);
    const key = marks(marked.keyPem);
    for (const value of [...errors, events]) expect(key.exec(show(value))?.[0]).toBeUndefined();
  });

  it('messages hold no whole certificate either', async () => {
    const { a, rogue } = await world();
    const { port } = await tlsService(await sourceOf(a));
    const events = new Events();
    await knock(port, await rogue.issue());

    for (const { error } of events.rejected) {
      expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(/BEGIN CERTIFICATE|[A-Za-z0-9+/]{100}/);
    }
    expect(events.rejected).toHaveLength(1);
  });
});

describe('key logging', () => {
  it('is never switched on: no object of ours listens for keylog, through handshakes and rotations', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const service = await tlsService(source);
    const raw = await rawServer(await a.issue());
    const agent = closing(createHttpsAgent(source, { authorize: authorizeAny() }), (one) => one.destroy());
    const accepted: Server[] = [];
    const listeners: number[] = [];
    service.server.on('secureConnection', (socket) => listeners.push(socket.listenerCount('keylog')));

    for (let round = 0; round < 2; round += 1) {
      const socket = await connectTls(source, {
        authorize: authorizeAny(),
        host: '127.0.0.1',
        port: service.port,
      });
      listeners.push(socket.listenerCount('keylog'));
      socket.destroy();
      await get({ agent, host: '127.0.0.1', port: raw.port });
      for (const idle of Object.values(agent.freeSockets).flat())
        listeners.push(idle?.listenerCount('keylog') ?? 0);
      accepted.push(service.server);
      await rotate(source, a);
    }

    listeners.push(service.server.listenerCount('keylog'), agent.listenerCount('keylog'));
    expect(accepted).toHaveLength(2);
    expect(listeners.length).toBeGreaterThan(5);
    expect(new Set(listeners)).toEqual(new Set([0]));
  });

  it('the control: a listener of the application is called, so the count above means something', async () => {
    const { a } = await world();
    const { server, port } = await tlsService(await sourceOf(a));
    const keylog = vi.fn<() => void>();
    server.on('keylog', keylog);
    await knock(port, await a.issue());
    expect(keylog).toHaveBeenCalled();
  });
});
