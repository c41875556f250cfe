import { type TLSSocket } from 'node:tls';

import { engine } from '../engine.ts';
import { around, mishear, type Mutant } from './mutant.ts';
import { beNaive, sourceOf } from './naive-server.ts';
import {
  afterServers,
  alternating,
  frozen,
  leafAlone,
  momentary,
  onServers,
  onSockets,
  plainWords,
  silenceRejections,
} from './server-parts.ts';

/** Broken servers. */
export const SERVER_MUTANTS: readonly Mutant[] = [
  {
    name: 'server-verifies-nothing',
    lie: 'asks for certificates and looks at no more than the name in them',
    cases: [
      'mtls-server/reject/*',
      'mtls-server/authorize/**',
      'mtls-server/rotate/root-removed',
      'rotation/bundle/**',
      'mount-layout/trust/**',
      'mtls-server/resume/ticket-after-root*',
    ],
    apply: () => beNaive({ verify: 'nothing' }),
  },
  {
    name: 'server-trusts-openssl',
    lie: 'leaves the verification to OpenSSL, with all bundles in one store',
    cases: [
      'mtls-server/reject/**',
      'mtls-server/rotate/**',
      'rotation/bundle/**',
      'mount-layout/trust/**',
      'mount-layout/load/bundle*',
    ],
    apply: () => beNaive({ verify: 'openssl' }),
  },
  {
    name: 'server-ignores-rule',
    lie: 'lets in everyone whom it can verify',
    cases: [
      'mtls-server/reject/unauthorized*',
      'mtls-server/authorize/**',
      'mtls-server/http1/**',
      'mtls-server/http2/**',
      'migration/server/**',
    ],
    apply: () => mishear('server.start', (params) => ({ ...params, authorize: { any: true } })),
  },
  {
    name: 'server-refuses-everyone',
    lie: 'lets in nobody',
    cases: [
      'mtls-server/accept/**',
      'mtls-server/sni/**',
      'mtls-server/survive/**',
      'mtls-server/rotate/**',
      'mtls-server/resume/**',
      'mtls-server/close/**',
      'mount-layout/load/bundle-pem-multi',
      'mount-layout/trust/own-td*',
      'rotation/bundle/**',
      'rotation/swap/key*',
    ],
    apply: () =>
      mishear('server.start', (params) => ({
        ...params,
        authorize: { id: 'spiffe://a.test/nobody-at-all' },
      })),
  },
  {
    name: 'server-only-first-cipher-of-keys',
    lie: 'lets in nobody with an RSA key or one of P-384',
    cases: ['mtls-server/accept/**'],
    apply: () =>
      onSockets((socket) => {
        const { bits } = socket.getPeerCertificate() as { bits?: number };
        if (bits !== 256) socket.destroy();
      }),
  },
  {
    name: 'server-tells-no-reason',
    lie: 'says nothing about those whom it turns away',
    cases: ['mtls-server/reject/unauthorized-is-told'],
    apply: silenceRejections,
  },
  {
    name: 'server-drops-intermediates',
    lie: 'presents its leaf alone',
    cases: ['mtls-server/present/**'],
    apply: () => onServers((input) => leafAlone(sourceOf(input))),
  },
  {
    name: 'server-keeps-first-identity',
    lie: 'goes on with the identity that it was started with',
    cases: [
      'mtls-server/rotate/**',
      'mtls-server/resume/**',
      'rotation/swap/key*',
      'rotation/events/**',
      'rotation/bundle/**',
      'rotation/two-sources/**',
      'rotation/soak/**',
    ],
    apply: () => onServers((input) => frozen(sourceOf(input))),
  },
  {
    name: 'server-cuts-connections-at-rotation',
    lie: 'ends every connection when its identity changes',
    cases: ['mtls-server/rotate/**', 'mtls-server/close/**'],
    apply: () =>
      onServers((input, sockets) => {
        sourceOf(input).onUpdate(() => {
          for (const socket of sockets) socket.destroy();
        });
        return input;
      }),
  },
  {
    name: 'server-torn-moment',
    lie: 'has nothing to present for a moment in each rotation',
    cases: ['mtls-server/rotate/under-load', 'rotation/soak/**'],
    apply: () =>
      onServers((input) => {
        let until = 0;
        sourceOf(input).onUpdate(() => (until = Date.now() + 30));
        return momentary(sourceOf(input), () => Date.now() < until);
      }),
  },
  {
    name: 'server-alternates-generations',
    lie: 'presents the generation before the last one in every second connection',
    cases: ['mtls-server/rotate/under-load', 'rotation/soak/**', 'mtls-server/rotate/**'],
    apply: () => onServers((input) => alternating(sourceOf(input))),
  },
  {
    name: 'server-resumes-unverified',
    lie: 'verifies whole handshakes alone',
    cases: ['mtls-server/resume/**'],
    apply: () => beNaive({ verify: 'unless-resumed', tls: { minVersion: 'TLSv1.2' } }),
  },
  {
    name: 'server-forgets-resumed-peers',
    lie: 'resumes sessions without being asked to, and does not know who they are from',
    cases: ['mtls-server/resume/**'],
    apply: () => {
      mishear('server.start', (params) => ({ ...params, resumption: true }));
      const honest = engine.anyPeerOf;
      engine.anyPeerOf = (holder) => {
        const socket = holder as Partial<TLSSocket>;
        if (socket.isSessionReused?.() === true)
          return { kind: 'spiffe', id: { toString: () => '' } } as never;
        return honest(holder);
      };
    },
  },
  {
    name: 'server-takes-tls11',
    lie: 'speaks TLS 1.1',
    cases: ['mtls-server/reject/tls11'],
    apply: () => beNaive({ verify: 'openssl', tls: { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } }),
  },
  {
    name: 'server-waits-for-ever',
    lie: 'waits for handshakes as long as they take',
    cases: ['mtls-server/reject/slowloris*', 'mtls-server/reject/plain-tcp'],
    apply: () => mishear('server.start', (params) => ({ ...params, handshakeTimeoutMs: 3_600_000 })),
  },
  {
    name: 'server-answers-plain-text',
    lie: 'answers those who speak no TLS',
    cases: ['mtls-server/reject/plain-tcp'],
    apply: plainWords,
  },
  {
    name: 'server-dies-of-nonsense',
    lie: 'ends with the hundredth handshake that fails',
    cases: ['mtls-server/survive/**'],
    apply: () => {
      let left = 100;
      afterServers((server) => {
        server.on('tlsClientError', () => {
          if (--left === 0) process.exit(1);
        });
      });
    },
  },
  {
    name: 'server-picks-by-name',
    lie: 'serves only those who ask for the name localhost',
    cases: ['mtls-server/sni/**'],
    apply: () =>
      onSockets((socket) => {
        if ((socket as { servername?: string }).servername !== 'localhost') socket.destroy();
      }),
  },
  {
    name: 'server-loses-first-words',
    lie: 'throws away what comes with the handshake',
    cases: ['mtls-server/accept/first-word*'],
    apply: () =>
      onSockets((socket) => {
        const pipe = socket.pipe.bind(socket);
        socket.pipe = (target) => {
          socket.once('data', () => setImmediate(() => pipe(target)));
          return target;
        };
      }),
  },
  {
    name: 'http-peer-of-first-request',
    lie: 'knows the peer of the first request of a connection alone',
    cases: [
      'mtls-server/http1/**',
      'mtls-server/http2/**',
      'mtls-server/rotate/request-in-flight',
      'mtls-server/close/drains',
    ],
    apply: () => {
      const honest = engine.anyPeerOf;
      const seen = new WeakSet<object>();
      engine.anyPeerOf = (holder) => {
        const { socket, session } = holder as { socket?: object; session?: object };
        const one = session ?? socket ?? {};
        if (seen.has(one)) return { kind: 'spiffe', id: { toString: () => 'unknown' } } as never;
        seen.add(one);
        return honest(holder);
      };
    },
  },
  {
    name: 'http-answers-everyone',
    lie: 'runs its HTTP handlers before the verdict',
    cases: ['mtls-server/http1/**', 'mtls-server/http2/**', 'mtls-server/alpn/**'],
    apply: () => {
      around('server.start', (params, honest) =>
        honest(params['protocol'] === 'line' ? params : { ...params, authorize: { any: true } }),
      );
    },
  },
  {
    name: 'server-speaks-http1-alone',
    lie: 'makes HTTP/1.1 servers of HTTP/2 ones',
    cases: ['mtls-server/alpn/**', 'mtls-server/http2/**'],
    apply: () =>
      mishear('server.start', (params) =>
        params['protocol'] === 'http2' ? { ...params, protocol: 'http1' } : params,
      ),
  },
  {
    name: 'server-has-no-patience',
    lie: 'cuts off what is in flight when it stops',
    cases: ['mtls-server/close/**'],
    apply: () => mishear('server.stop', (params) => ({ ...params, graceMs: 0 })),
  },
  {
    name: 'server-stops-in-name-only',
    lie: 'says that it has stopped and goes on',
    cases: ['mtls-server/close/**'],
    apply: () => around('server.stop', () => ({})),
  },
  {
    name: 'server-default-is-anyone',
    lie: 'lets in everyone when it was given no rule',
    cases: ['mtls-server/authorize/default'],
    apply: () =>
      mishear('server.start', (params) =>
        params['authorize'] === undefined ? { ...params, authorize: { any: true } } : params,
      ),
  },
];
