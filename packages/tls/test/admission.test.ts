import { EventEmitter } from 'node:events';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import {
  type ConnectionOptions,
  createSecureContext,
  createServer as createTls,
  Server,
  type TLSSocket,
} from 'node:tls';

import { type Authorizer, authorizeAny, authorizeMemberOf } from '@svidkit/core';
import { createHttpsServer, createTlsServer, peerOf, secureServer } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  application,
  closeAll,
  Events,
  type Identity,
  knock,
  listen,
  RawClient,
  serve,
  type Service,
  SERVICES,
  sourceOf,
  tlsService,
  world,
} from './fixtures.ts';

afterEach(closeAll);

const CLIENTS = 300;
/** No limit may do the gate's work here. */
const UNLIMITED = { maxFailuresPerAddress: 0, maxHandshakes: 0 };

const HTTP1 = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
/** Preface, empty SETTINGS, and HEADERS of `GET https://localhost/` that end stream 1 (RFC 9113 3.4, RFC 7541). */
const HTTP2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
  Buffer.from([0, 0, 14, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x87, 0x41, 9]),
  Buffer.from('localhost'),
]);

/** Whether a server's HTTP/2 frames hold HEADERS of stream 1: an answer of the application. */
function answersHttp2(received: Buffer): boolean {
  for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) {
    if (received[at + 3] === 1 && received.readUInt32BE(at + 5) === 1) return true;
  }
  return false;
}

/** Sends `send` together with the end of the handshake, `CLIENTS` times. Gives how many were answered. */
async function flood(port: number, identity: Identity, send: string | Buffer): Promise<number> {
  const options: ConnectionOptions = {
    secureContext: createSecureContext({ cert: identity.certPem, key: identity.keyPem }),
    ...(typeof send === 'string' ? {} : { ALPNProtocols: ['h2'] }),
  };
  let answered = 0;
  let left = CLIENTS;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const client = new RawClient(port, undefined, { ...options, send });
      if (typeof send === 'string') {
        await client.closed;
        if (client.received.includes('peer=')) answered += 1;
      } else {
        const answer = new Promise<void>((resolve) => {
          client.socket.on('data', () => answersHttp2(client.received) && resolve());
        });
        await Promise.race([answer, client.closed]);
        if (answersHttp2(client.received)) answered += 1;
        client.socket.destroy();
        await client.closed;
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
  return answered;
}

describe('trap: a request pipelined with the end of the handshake, before admission', () => {
  const gated = Object.entries(SERVICES).map(([name, start]) => ({
    name,
    start,
    send: HTTP1 as string | Buffer,
  }));
  gated.push({
    name: 'secureServer over http2, by HTTP/2',
    send: HTTP2,
    start: (source, options) =>
      serve((handled) => {
        const server = createSecureServer({}, application(handled) as never);
        return secureServer(server, source, { authorize: authorizeAny(), ...options });
      }),
  });
  gated.push({
    name: 'secureServer over http2, by streams',
    send: HTTP2,
    start: (source, options) =>
      serve((handled) => {
        const server = createSecureServer();
        server.on('stream', (stream) => {
          handled.push('stream');
          stream.respond({ ':status': 200 });
          stream.end('peer=\n');
        });
        return secureServer(server, source, { authorize: authorizeAny(), ...options });
      }),
  });

  it.each(gated)(`$name: of ${CLIENTS} unverified clients 0 are handled`, async ({ start, send }) => {
    const { a, rogue } = await world();
    const { port, handled } = await start(await sourceOf(a), UNLIMITED);
    const events = new Events();

    expect(await flood(port, await rogue.issue(), send)).toBe(0);

    expect(handled).toEqual([]);
    expect(events.codes('server')).toEqual(Array(CLIENTS).fill('ERR_CHAIN_UNTRUSTED'));
  });

  it.each(gated)(`$name: of ${CLIENTS} verified clients all are handled`, async ({ start, send }) => {
    const { a } = await world();
    const { port, handled } = await start(await sourceOf(a), UNLIMITED);
    const events = new Events();

    expect(await flood(port, await a.issue(), send)).toBe(CLIENTS);

    expect(handled).toHaveLength(CLIENTS);
    expect(events.rejected).toEqual([]);
  });

  it('the control: behind an appended listener the same requests are all handled', async () => {
    const { a, rogue } = await world();
    const { certPem: cert, keyPem: key } = await a.issue();
    let handled = 0;
    const naive = createHttps(
      { cert, key, requestCert: true, rejectUnauthorized: false, ca: [] },
      (_, response) => {
        handled += 1;
        response.end();
      },
    );
    naive.on('secureConnection', (socket) => socket.destroy());

    await flood(await listen(naive), await rogue.issue(), HTTP1);

    expect(handled).toBe(CLIENTS);
  });
});

describe('trap: listeners of secureConnection, however they were added', () => {
  it('see no unverified socket, and every verified one', async () => {
    const { a, rogue } = await world();
    const source = await sourceOf(a);
    const seen: string[] = [];
    const note = (name: string) => (socket: TLSSocket) => {
      seen.push(`${name} ${peerOf(socket).id.toString()}`);
    };
    const server = createTls(note('at creation'));
    server.on('secureConnection', note('before'));
    secureServer(server, source, { authorize: authorizeAny() });
    server.on('secureConnection', note('after'));
    server.once('secureConnection', note('once'));
    server.prependListener('secureConnection', note('prepended'));
    const port = await listen(server);

    await Promise.all([knock(port), knock(port, await rogue.issue())]);
    expect(seen).toEqual([]);

    const client = new RawClient(port, await a.issue());
    await new Promise((resolve) => {
      server.once('secureConnection', resolve);
    });
    expect(seen.toSorted()).toEqual(
      ['after', 'at creation', 'before', 'once', 'prepended'].map(
        (name) => `${name} spiffe://a.test/workload`,
      ),
    );
    client.socket.destroy();
    await client.closed;
  });

  it('nobody can take the gate away by assigning or redefining emit', async () => {
    const { a } = await world();
    const { server } = await tlsService(await sourceOf(a));

    expect(() => Object.assign(server, { emit: () => true })).toThrow(TypeError);
    expect(() => Object.defineProperty(server, 'emit', { value: () => true })).toThrow(TypeError);
    expect(() => Reflect.deleteProperty(server, 'emit') || Reflect.has(server, 'emit')).not.toThrow();
    expect(Object.hasOwn(server, 'emit')).toBe(true);
  });

  it('a listener of tlsClientError gets the reason, and a socket that is gone', async () => {
    const { a, rogue } = await world();
    const { server, port } = await tlsService(await sourceOf(a));
    const failures: { readonly error: Error; readonly destroyed: boolean }[] = [];
    server.on('tlsClientError', (error, socket) => failures.push({ error, destroyed: socket.destroyed }));

    await knock(port, await rogue.issue());

    expect(failures).toEqual([
      { error: expect.objectContaining({ code: 'ERR_CHAIN_UNTRUSTED' }) as Error, destroyed: true },
    ]);
    expect((await knock(port, await a.issue())).line).toContain('peer=');
    expect(failures).toHaveLength(1);
  });
});

describe('the second layer', () => {
  it('destroys a connection whose requests reach the application past the gate, and serves the others', async () => {
    const { a, rogue } = await world();
    const { server, port, handled } = await (SERVICES['createHttpsServer'] as typeof tlsService)(
      await sourceOf(a),
    );
    const { certPem: cert, keyPem: key } = await a.issue();
    const events = new Events();

    // Behind the gate's back: a connection that another server took over, given to the HTTP machinery directly.
    const outside = createTls(
      { cert, key, requestCert: true, rejectUnauthorized: false, ca: [] },
      (socket) => {
        EventEmitter.prototype.emit.call(server, 'secureConnection', socket);
      },
    );
    const outsidePort = await listen(outside);
    const slipped = await knock(outsidePort, await rogue.issue());
    expect(slipped.secured).toBe(true);
    expect(slipped.line).toBeUndefined();
    // Even a good one: it is the gate that admits, not the application.
    expect((await knock(outsidePort, await a.issue())).line).toBeUndefined();
    expect(handled).toEqual([]);
    expect(events.accepted).toEqual([]);

    expect((await knock(port, await a.issue())).line).toContain('peer=');
    expect(handled).toHaveLength(1);
  });

  it('peerOf throws for connections of plain servers', async () => {
    const { a } = await world();
    const { certPem: cert, keyPem: key } = await a.issue();
    const thrown: unknown[] = [];
    const plain = createHttps(
      { cert, key, requestCert: true, rejectUnauthorized: false, ca: [a.pem] },
      (request, response) => {
        for (const holder of [request, response, request.socket]) {
          try {
            peerOf(holder);
          } catch (error) {
            thrown.push(error);
          }
        }
        response.end('peer=\n');
      },
    );
    // Even where OpenSSL itself says that the client is authorized.
    expect((await knock(await listen(plain), await a.issue())).line).toBe('peer=');
    expect(thrown).toEqual(Array(3).fill(expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' })));
  });

  it('switching the certificate request off lets nobody in', async () => {
    const { a } = await world();
    const { server, port, handled } = await tlsService(await sourceOf(a));
    Object.assign(server, { requestCert: false });

    expect((await knock(port)).line).toBeUndefined();
    expect((await knock(port, await a.issue())).line).toBeUndefined();
    expect(handled).toEqual([]);

    Object.assign(server, { requestCert: true });
    expect((await knock(port, await a.issue())).line).toContain('peer=');
  });

  it('authorized and authorizationError of a socket are what others read, and setting them admits nobody', async () => {
    const { a, rogue } = await world();
    const { server, port, handled } = await tlsService(await sourceOf(a));
    const verdicts: unknown[] = [];
    server.on('secureConnection', ({ authorized, authorizationError }) =>
      verdicts.push([authorized, authorizationError]),
    );
    server.on('tlsClientError', (_, socket) => {
      verdicts.push([socket.authorized, (socket.authorizationError as { code?: string } | null)?.code]);
      socket.authorized = true;
    });

    await knock(port, await rogue.issue());
    await knock(port, await a.issue());

    expect(verdicts).toEqual([
      [false, 'ERR_CHAIN_UNTRUSTED'],
      [true, null],
    ]);
    expect(handled).toHaveLength(1);
  });
});

describe('trap: an authorizer that does not answer with a decision', () => {
  const answers: Record<string, () => unknown> = {
    'throws an error': () => {
      throw new Error('boom');
    },
    'throws undefined': () => {
      // oxlint-disable-next-line typescript/only-throw-error -- an application may
      throw undefined;
    },
    'returns a promise of a yes': async () => ({ allowed: true }),
    'returns a promise that rejects': async () => {
      throw new Error('later');
    },
    // oxlint-disable-next-line unicorn/no-thenable -- this is what is tested
    'returns a thenable': () => ({ allowed: true, then: () => {} }),
    'returns true': () => true,
    'returns 1': () => 1,
    'returns a string': () => 'yes',
    'returns a truthy allowed': () => ({ allowed: 'yes' }),
    'returns an inherited allowed': () => Object.create({ allowed: true }) as unknown,
    'returns nothing': () => undefined,
    'returns null': () => null,
  };

  it.each(Object.entries(answers))('%s: rejected by the server', async (_, authorize) => {
    const { a } = await world();
    const authorizer = {
      trustDomains: 'any',
      description: 'a strange one',
      authorize,
    } as unknown as Authorizer;
    const { port, handled } = await tlsService(await sourceOf(a), { authorize: authorizer });
    const events = new Events();

    expect((await knock(port, await a.issue())).line).toBeUndefined();

    expect(handled).toEqual([]);
    expect(events.codes('server')).toEqual(['ERR_PEER_UNAUTHORIZED']);
  });

  it('answers with a decision: admitted', async () => {
    const { a } = await world();
    const authorizer: Authorizer = {
      trustDomains: 'any',
      description: 'a decent one',
      authorize: () => ({ allowed: true }),
    };
    const { port } = await tlsService(await sourceOf(a), { authorize: authorizer });

    expect((await knock(port, await a.issue())).line).toContain('peer=');
  });

  it('is not asked about peers outside the trust domains it declares', async () => {
    const { a, b } = await world();
    const asked: string[] = [];
    const { trustDomains } = authorizeMemberOf('a.test');
    const authorizer: Authorizer = {
      trustDomains,
      description: 'whom a.test knows',
      authorize: ({ id }) => {
        asked.push(id.toString());
        return { allowed: true };
      },
    };
    const { port } = await tlsService(await sourceOf(a, { bundles: [a, b] }), { authorize: authorizer });

    expect((await knock(port, await b.issue())).line).toBeUndefined();
    expect((await knock(port, await a.issue())).line).toContain('peer=');
    expect(asked).toEqual(['spiffe://a.test/workload']);
  });
});

describe('createHttpsServer and createTlsServer', () => {
  it('give real servers of node:https and node:tls', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    expect(createTlsServer(source, { authorize: authorizeAny() })).toBeInstanceOf(Server);
    expect(createHttpsServer(source, { authorize: authorizeAny() })).toBeInstanceOf(Server);
  });

  it('refuse the same server twice', async () => {
    const { a } = await world();
    const { server } = (await tlsService(await sourceOf(a))) satisfies Service;
    const source = await sourceOf(a);
    expect(() => secureServer(server, source, { authorize: authorizeAny() })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_SERVER' }) as Error,
    );
  });
});
