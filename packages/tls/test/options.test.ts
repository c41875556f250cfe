import { randomBytes } from 'node:crypto';
import { createServer as createHttp, IncomingMessage } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, Socket } from 'node:net';
import { createServer as createTls, type Server, TLSSocket } from 'node:tls';

import { allOf, authorizeAny, authorizeMemberOf, authorizeOneOf, not, TrustDomain } from '@svidkit/core';
import {
  connectTls,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  peerOf,
  secureServer,
  type SocketHolder,
  tlsClientOptions,
} from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  CLIENTS,
  closeAll,
  get,
  knock,
  listen,
  rawServer,
  serve,
  sourceOf,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

const a = authorizeMemberOf('a.test');
const code = (value: string, text?: string) =>
  expect.objectContaining({
    code: value,
    ...(text === undefined ? {} : { message: expect.stringContaining(text) as string }),
  }) as Error;

/** Every name by which node:tls could be told to trust or to present something else. */
const FORBIDDEN = [
  'ALPNCallback',
  'SNICallback',
  'allowPartialTrustChain',
  'ca',
  'cert',
  'checkServerIdentity',
  'ciphers',
  'clientCertEngine',
  'crl',
  'dhparam',
  'ecdhCurve',
  'honorCipherOrder',
  'key',
  'maxVersion',
  'passphrase',
  'pfx',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'pskCallback',
  'rejectUnauthorized',
  'requestCert',
  'secureContext',
  'secureOptions',
  'secureProtocol',
  'session',
  'sigalgs',
  'ticketKeys',
];

describe('options that would take a decision from the source', () => {
  it.each(FORBIDDEN)('%s is refused by name everywhere', async (name) => {
    const source = await sourceOf((await world()).a);
    const options = { authorize: a, [name]: false };
    const refused = code('ERR_CONFIG_OPTION', name);

    expect(() => createTlsServer(source, options)).toThrow(refused);
    expect(() => createHttpsServer(source, options)).toThrow(refused);
    expect(() => secureServer(createTls(), source, options)).toThrow(refused);
    expect(() => createHttpsAgent(source, options)).toThrow(refused);
    expect(() => tlsClientOptions(source, options)).toThrow(refused);
    await expect(connectTls(source, { ...options, port: 1 })).rejects.toThrow(refused);
  });

  it('undefined is not given', async () => {
    const source = await sourceOf((await world()).a);
    const options = { authorize: a, ...Object.fromEntries(FORBIDDEN.map((name) => [name, undefined])) };
    expect(createTlsServer(source, options)).toBeDefined();
    expect(tlsClientOptions(source, options)).toBeDefined();
  });
});

describe('options that are wrong', () => {
  const wrong: readonly [string, Record<string, unknown>, string][] = [
    ['no authorizer', { authorize: undefined }, 'ERR_CONFIG_AUTHORIZER'],
    ['null as authorizer', { authorize: null }, 'ERR_CONFIG_AUTHORIZER'],
    ['a function as authorizer', { authorize: () => true }, 'ERR_CONFIG_AUTHORIZER'],
    ['a SPIFFE ID as authorizer', { authorize: 'spiffe://a.test/x' }, 'ERR_CONFIG_AUTHORIZER'],
    [
      'an authorizer without trust domains',
      { authorize: { authorize: () => true } },
      'ERR_CONFIG_AUTHORIZER',
    ],
    [
      'an authorizer with a list of trust domains',
      { authorize: { ...a, trustDomains: ['a.test'] } },
      'ERR_CONFIG_AUTHORIZER',
    ],
    ['TLS 1.1', { authorize: a, minVersion: 'TLSv1.1' }, 'ERR_CONFIG_OPTION'],
    ['TLS 1.0', { authorize: a, minVersion: 'TLSv1' }, 'ERR_CONFIG_OPTION'],
    ['a number as version', { authorize: a, minVersion: 1.3 }, 'ERR_CONFIG_OPTION'],
  ];
  const limits: readonly [string, Record<string, unknown>][] = [
    ['a time-out of zero', { handshakeTimeoutMs: 0 }],
    ['a negative time-out', { handshakeTimeoutMs: -1 }],
    ['an endless time-out', { handshakeTimeoutMs: Infinity }],
    ['text as time-out', { handshakeTimeoutMs: '10' }],
  ];
  const serverLimits: readonly [string, Record<string, unknown>][] = [
    ['a negative number of handshakes', { maxHandshakes: -1 }],
    ['half a handshake', { maxHandshakes: 0.5 }],
    ['no number of failures', { maxFailuresPerAddress: Number.NaN }],
  ];

  it.each(wrong)('%s is refused everywhere', async (_, options, expected) => {
    const source = await sourceOf((await world()).a);
    const given = options as { authorize: typeof a };

    expect(() => createTlsServer(source, given)).toThrow(code(expected));
    expect(() => createHttpsServer(source, given)).toThrow(code(expected));
    expect(() => secureServer(createTls(), source, given)).toThrow(code(expected));
    // For clients of many servers a function gives the authorizer of an origin; what this one gives is none.
    const agent =
      typeof given.authorize === 'function'
        ? () => createTlsServer(source, given)
        : () => createHttpsAgent(source, given);
    expect(agent).toThrow(code(expected));
    expect(() => tlsClientOptions(source, given)).toThrow(code(expected));
    await expect(connectTls(source, { ...given, port: 1 })).rejects.toThrow(code(expected));
  });

  it.each([...limits, ...serverLimits])('%s is refused, and named', async (_, options) => {
    const source = await sourceOf((await world()).a);
    const [name = ''] = Object.keys(options);
    const refused = code('ERR_CONFIG_OPTION', name);

    expect(() => createTlsServer(source, { authorize: a, ...options })).toThrow(refused);
    expect(() => secureServer(createTls(), source, { authorize: a, ...options })).toThrow(refused);
    if (!(name in { handshakeTimeoutMs: 0 })) return;
    expect(() => createHttpsAgent(source, { authorize: a, ...options })).toThrow(refused);
    await expect(connectTls(source, { authorize: a, port: 1, ...options })).rejects.toThrow(refused);
  });

  it.each([undefined, null, {}, 'source', 7])('%s as source is refused', async (source) => {
    const given = source as never;
    const refused = code('ERR_CONFIG_OPTION', 'X509Source');

    expect(() => createTlsServer(given, { authorize: a })).toThrow(refused);
    expect(() => createHttpsServer(given, { authorize: a })).toThrow(refused);
    expect(() => secureServer(createTls(), given, { authorize: a })).toThrow(refused);
    expect(() => createHttpsAgent(given, { authorize: a })).toThrow(refused);
    expect(() => tlsClientOptions(given, { authorize: a })).toThrow(refused);
    await expect(connectTls(given, { authorize: a, port: 1 })).rejects.toThrow(refused);
  });

  it('good options are not', async () => {
    const source = await sourceOf((await world()).a);
    const options = { authorize: a, minVersion: 'TLSv1.2', handshakeTimeoutMs: 1 } as const;
    const { port } = await serve(() =>
      createTlsServer(
        source,
        { ...options, handshakeTimeoutMs: 10_000, maxHandshakes: 1, maxFailuresPerAddress: 1 },
        (socket) => socket.end('peer=\n'),
      ),
    );
    expect((await knock(port, await (await world()).a.issue())).line).toBe('peer=');
    expect(createHttpsAgent(source, options)).toBeDefined();
    expect(tlsClientOptions(source, options)).toBeDefined();
  });
});

describe('tlsClientOptions', () => {
  const any = [
    ['authorizeAny', authorizeAny()],
    ['authorizeOneOf two trust domains', authorizeOneOf('spiffe://a.test/x', 'spiffe://b.test/x')],
    ['not', not(a)],
  ] as const;

  it.each(any)('%s needs the option trustDomain', async (_, authorize) => {
    const { a: ca } = await world();
    const source = await sourceOf(ca);
    expect(() => tlsClientOptions(source, { authorize })).toThrow(
      code('ERR_CONFIG_TRUST_DOMAIN', 'trust domain'),
    );
    expect(() =>
      tlsClientOptions(source, { authorize, trustDomain: TrustDomain.parse('a.test') }),
    ).not.toThrow();
  });

  it('one trust domain is enough, however it was said', async () => {
    const source = await sourceOf((await world()).a);
    const authorizers = [
      a,
      authorizeOneOf('spiffe://a.test/x', 'spiffe://a.test/y'),
      allOf(authorizeAny(), a),
    ];
    for (const authorize of authorizers) expect(() => tlsClientOptions(source, { authorize })).not.toThrow();
  });

  it('trustDomain decides whose authorities count, whatever the authorizer would take', async () => {
    const { a: caOfA, b } = await world();
    const source = await sourceOf(caOfA, { bundles: [caOfA, b] });
    const [inA, inB] = [await rawServer(await caOfA.issue()), await rawServer(await b.issue())];
    const options = tlsClientOptions(source, {
      authorize: authorizeAny(),
      trustDomain: TrustDomain.parse('b.test'),
    });
    const target = { host: '127.0.0.1', agent: false, ...options };

    await expect(get({ ...target, port: inB.port })).resolves.toContain('peer=');
    await expectFailure(get({ ...target, port: inA.port }));
    expect(await inA.stolen()).toBe('');
  });

  it('a trustDomain that is none is refused at once', async () => {
    const source = await sourceOf((await world()).a);
    for (const trustDomain of ['', 7, {}] as unknown as TrustDomain[]) {
      expect(() => tlsClientOptions(source, { authorize: authorizeAny(), trustDomain })).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_CONFIG_/) as string }) as Error,
      );
    }
  });
});

describe('secureServer refuses', () => {
  const made: Record<string, () => unknown> = {
    'a plain HTTP server': () => createHttp(),
    'a TCP server': () => createTcp(),
    'no server': () => undefined,
    'an object': () => ({ on: () => {}, emit: () => {} }),
    'a server with SNICallback': () => createTls({ SNICallback: () => {} }),
    'a server with pskCallback': () => createTls({ pskCallback: () => null, ciphers: 'PSK' }),
    'a server with ALPNCallback': () => createTls({ ALPNCallback: () => undefined }),
    'an HTTPS server with SNICallback': () => createHttps({ SNICallback: () => {} }),
    'an HTTP/2 server with SNICallback': () => createSecureServer({ SNICallback: () => {} }),
    'a server with contexts by server name': () => {
      const server = createTls();
      server.addContext('a.test', {});
      return server;
    },
  };

  it.each(Object.entries(made))('%s', async (_, create) => {
    const source = await sourceOf((await world()).a);
    expect(() => secureServer(create() as Server, source, { authorize: a })).toThrow(
      code('ERR_CONFIG_SERVER'),
    );
  });

  it('a server that listens already, and takes it before', async () => {
    const source = await sourceOf((await world()).a);
    const server = createTls();
    await listen(server);
    expect(() => secureServer(server, source, { authorize: a })).toThrow(
      code('ERR_CONFIG_SERVER', 'listens'),
    );

    const other = secureServer(
      createTls((socket) => socket.end('peer=\n')),
      source,
      { authorize: a },
    );
    expect((await knock(await listen(other), await (await world()).a.issue())).line).toBe('peer=');
  });

  it('a server that is gated already', async () => {
    const source = await sourceOf((await world()).a);
    const server = secureServer(createHttps(), source, { authorize: a });
    expect(() => secureServer(server, source, { authorize: a })).toThrow(code('ERR_CONFIG_SERVER', 'gated'));
    expect(() => secureServer(createTlsServer(source, { authorize: a }), source, { authorize: a })).toThrow(
      code('ERR_CONFIG_SERVER', 'gated'),
    );
  });

  it('a server with certificates of its own presents those of the source once it is taken', async () => {
    const { a: ca, rogue } = await world();
    const source = await sourceOf(ca);
    const { certPem: cert, keyPem: key } = await rogue.issue();
    const server = createTls({ cert, key, ca: [rogue.pem], ticketKeys: randomBytes(48) }, (socket) =>
      socket.end('peer=\n'),
    );
    const port = await listen(secureServer(server, source, { authorize: a }));

    const client = await knock(port, await ca.issue());
    expect(client.line).toBe('peer=');
    expect(client.serverLeaf?.equals(source.current.svid.leaf.der)).toBe(true);
    expect((await knock(port, await rogue.issue())).line).toBeUndefined();
  });
});

describe('peerOf of strangers', () => {
  const strangers: Record<string, () => unknown> = {
    'an empty object': () => ({}),
    'a new socket': () => new Socket(),
    'a TLS socket without a handshake': () => new TLSSocket(new Socket()),
    'a request without a connection': () => new IncomingMessage(new Socket()),
    'a socket that says it is authorized': () =>
      Object.assign(new Socket(), { authorized: true, encrypted: true }),
    'a request whose socket is null': () => ({ socket: null }),
    'an object that says it has a peer': () => ({
      peer: { id: 'spiffe://a.test/admin' },
      socket: { peer: {} },
    }),
    undefined: () => undefined,
    null: () => null,
    'a string': () => 'spiffe://a.test/admin',
    'a number': () => 7,
  };

  it.each(Object.entries(strangers))('%s: ERR_PEER_UNVERIFIED', (_, make) => {
    expect(() => peerOf(make() as SocketHolder)).toThrow(code('ERR_PEER_UNVERIFIED'));
  });

  it('a connection of ours is none', async () => {
    const source = await sourceOf((await world()).a);
    const server = await rawServer(await (await world()).a.issue({ path: '/server' }));
    const socket = await connectTls(source, { authorize: a, host: '127.0.0.1', port: server.port });
    expect(peerOf(socket).id.toString()).toBe('spiffe://a.test/server');
    expect(peerOf({ socket }).id.toString()).toBe('spiffe://a.test/server');
    socket.destroy();
  });

  it('a connection that a client of ours gave up on is one', async () => {
    const { rogue, a: ca } = await world();
    const source = await sourceOf(ca);
    const server = await rawServer(await rogue.issue());
    for (const call of Object.values(CLIENTS)) {
      const error: unknown = await call(source, a, server).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
    }
  });
});
