import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';

import { SpiffeError, type X509Source } from '@svidkit/core';
import { type HttpsAgent, type IdentityInput } from '@svidkit/tls';

import { engine } from '../engine.ts';
import { type JsonObject } from '../params.ts';
import { sources } from '../source-operations.ts';
import { around, mishear, type Mutant } from './mutant.ts';
import { nameIn, ownOptions, sourceOf } from './naive-server.ts';
import { frozen, leafAlone } from './server-parts.ts';

/** Broken clients. */
export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'client-verifies-nothing',
    lie: 'believes whoever answers',
    cases: ['mtls-client/reject/**', 'mtls-client/env/**', 'mtls-client/resume/**'],
    apply: () => connectNaively(false),
  },
  {
    name: 'client-trusts-openssl',
    lie: 'leaves the verification to OpenSSL, with all bundles in one store and those of the environment',
    cases: ['mtls-client/reject/**', 'mtls-client/env/**', 'mtls-client/accept/**'],
    apply: () => connectNaively(true),
  },
  {
    name: 'client-ignores-rule',
    lie: 'speaks to everyone whom it can verify',
    cases: ['mtls-client/reject/wrong-id', 'mtls-client/resume/**', 'mtls-client/pool/**'],
    apply: () => {
      for (const op of ['client.connect', 'client.pool'])
        mishear(op, (params) => ({ ...params, authorize: { any: true } }));
    },
  },
  {
    name: 'client-checks-host-name',
    lie: 'wants the name localhost in the certificate of every server',
    cases: ['mtls-client/accept/**'],
    apply: () =>
      afterConnecting((socket) => {
        const names = socket.getPeerCertificate().subjectaltname ?? '';
        return names.includes('DNS:localhost') ? undefined : 'want the name localhost';
      }),
  },
  {
    name: 'client-knows-its-own-bundle',
    lie: 'believes servers of its own trust domain alone, and without intermediates',
    cases: ['mtls-client/accept/**'],
    apply: () =>
      afterConnecting((socket) => {
        const certificate = socket.getPeerCertificate(true);
        const isOwn = nameIn(socket).startsWith('spiffe://a.test/');
        const isDirect = certificate.issuerCertificate?.issuerCertificate === certificate.issuerCertificate;
        return isOwn && isDirect ? undefined : 'want a server of ours';
      }),
  },
  {
    name: 'client-drops-intermediates',
    lie: 'presents its leaf alone',
    cases: ['mtls-client/send/**'],
    apply: () => onClients((source) => leafAlone(source)),
  },
  {
    name: 'client-keeps-first-identity',
    lie: 'goes on with the identity of its first connection',
    cases: ['mtls-client/send/**', 'mtls-client/pool/**', 'mtls-client/retry/**', 'rotation/bundle/add*'],
    apply: () => {
      const first = new WeakMap<X509Source, X509Source>();
      onClients((source) => {
        const known = first.get(source) ?? frozen(source);
        first.set(source, known);
        return known;
      });
    },
  },
  {
    name: 'client-takes-silence-for-yes',
    lie: 'says that all went well when the server turned it away',
    cases: ['mtls-client/authz/**'],
    apply: () =>
      around('client.connect', async (params, honest) => {
        try {
          return await honest(params);
        } catch {
          return { peer: 'spiffe://a.test/server', line: '', resumed: false };
        }
      }),
  },
  {
    name: 'client-waits-for-ever',
    lie: 'waits for handshakes as long as they take',
    cases: ['mtls-client/timeout/**'],
    apply: () => mishear('client.connect', (params) => ({ ...params, timeoutMs: 3_600_000 })),
  },
  {
    name: 'client-judges-once',
    lie: 'judges a server once, and then believes its address',
    cases: ['mtls-client/resume/**'],
    apply: () => {
      const known = new Set<unknown>();
      around('client.connect', async (params, honest) => {
        const { port } = params;
        if (known.has(port)) return honest({ ...params, authorize: { any: true } });
        const answer = await honest(params);
        known.add(port);
        return answer;
      });
    },
  },
  {
    name: 'client-forgets-resumed-servers',
    lie: 'does not know who a second connection is to',
    cases: ['mtls-client/resume/**', 'mtls-client/accept/**'],
    apply: () => {
      const known = new Set<unknown>();
      around('client.connect', async (params, honest) => {
        const answer = await honest(params);
        const isKnown = known.has(params['port']);
        known.add(params['port']);
        return isKnown ? { ...answer, peer: '' } : answer;
      });
    },
  },
  {
    name: 'pool-keeps-nothing',
    lie: 'opens a connection for each request',
    cases: ['mtls-client/pool/**'],
    apply: () => {
      const honest = engine.createHttpsAgent;
      engine.createHttpsAgent = (source, options) => honest(source, { ...options, keepAlive: false });
    },
  },
  {
    name: 'pool-is-shared-by-address',
    lie: 'keeps one pool for all rules',
    cases: ['mtls-client/pool/**'],
    apply: () => {
      let one: HttpsAgent | undefined;
      const honest = engine.createHttpsAgent;
      engine.createHttpsAgent = (source, options) => (one ??= honest(source, options));
    },
  },
  {
    name: 'pool-is-an-ordinary-agent',
    lie: 'verifies nobody and keeps connections for as long as they last',
    cases: ['mtls-client/send/no-request*', 'mtls-client/pool/**', 'mtls-client/retry/**'],
    apply: poolNaively,
  },
  {
    name: 'pool-presents-expired',
    lie: 'opens connections with an SVID that has expired',
    cases: ['mtls-client/pool/own*'],
    apply: () => {
      let own: ReturnType<typeof ownOptions> = {};
      let until = Infinity;
      around('client.pool', async (params, honest) => {
        const source = await sources.get(params, 'source').opened;
        own = ownOptions(source);
        until = source.current.svid.expiresAt;
        return honest(params);
      });
      around('client.request', (params, honest) =>
        Date.now() > until ? askOnce(Number(params['port']), own) : honest(params),
      );
    },
  },
];

function askOnce(port: number, { cert, key }: ReturnType<typeof ownOptions>): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false, agent: false });
    asked.once('response', (response) => {
      response.resume().once('end', () => resolve({ status: 200, body: '', peer: 'spiffe://a.test/server' }));
    });
    asked.once('error', reject);
    asked.end();
  });
}

/** Connections as somebody makes them who has read the documentation of node:tls. */
function connectNaively(verifies: boolean): void {
  const names = new WeakMap<object, string>();
  rememberNames(names);
  engine.connectTls = (input, { host, port, servername }) =>
    new Promise((resolve, reject) => {
      const options = ownOptions(sourceOf(input));
      // What an environment trusts is trusted.
      const file = process.env['NODE_EXTRA_CA_CERTS'];
      const more = file === undefined ? [] : [readFileSync(file, 'utf8')];
      const socket = connect({
        host: host ?? '127.0.0.1',
        port: Number(port),
        ...(servername === undefined ? {} : { servername }),
        cert: options.cert,
        key: options.key,
        ca: [...(options.ca as string[]), ...more],
        rejectUnauthorized: verifies,
        checkServerIdentity: () => undefined,
      });
      socket.once('secureConnect', () => {
        names.set(socket, nameIn(socket));
        resolve(socket);
      });
      socket.once('error', reject);
    });
}

/** A pool as somebody makes it who has read the documentation of node:https. */
function poolNaively(): void {
  const names = new WeakMap<object, string>();
  rememberNames(names);
  engine.createHttpsAgent = (input) => {
    const { cert, key } = ownOptions(sourceOf(input));
    const agent = new Agent({
      keepAlive: true,
      rejectUnauthorized: false,
      cert,
      key,
    });
    return Object.assign(agent, { close: () => agent.destroy(), [Symbol.dispose]() {} }) as never;
  };
}

function rememberNames(names: WeakMap<object, string>): void {
  const honest = engine.anyPeerOf;
  engine.anyPeerOf = (holder) => {
    const { socket = holder } = holder as { socket?: TLSSocket };
    const name = names.get(socket ?? {}) ?? naiveName(socket as TLSSocket);
    return name === undefined ? honest(holder) : ({ kind: 'spiffe', id: { toString: () => name } } as never);
  };
}

function naiveName(socket: TLSSocket | undefined): string | undefined {
  return typeof socket?.getPeerCertificate === 'function' ? nameIn(socket) : undefined;
}

/** Refuses servers for a reason of its own. */
function afterConnecting(problem: (socket: TLSSocket) => string | undefined): void {
  const honest = engine.connectTls;
  engine.connectTls = async (input, options) => {
    const socket = await honest(input, options);
    const found = problem(socket);
    if (found === undefined) return socket;
    socket.destroy();
    throw new SpiffeError('ERR_PEER_UNAUTHORIZED', found);
  };
}

/** Gives clients another identity. */
function onClients(change: (source: X509Source) => X509Source): void {
  const { connectTls, createHttpsAgent } = engine;
  const changed = (input: IdentityInput): IdentityInput => change(sourceOf(input));
  engine.connectTls = (input, options) => connectTls(changed(input), options);
  engine.createHttpsAgent = (input, options) => createHttpsAgent(changed(input), options);
}
