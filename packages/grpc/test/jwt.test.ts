import { once } from 'node:events';

import { credentials, Metadata, status } from '@grpc/grpc-js';
import {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeWith,
  type SpiffeError,
  staticDenyList,
} from '@svidkit/core';
import { JwtBundleSet, type JwtSource, staticJwtSource } from '@svidkit/core/jwt';
import {
  authorizeJwtCalls,
  type AuthorizeJwtCallsOptions,
  createChannelCredentials,
  createJwtChannelCredentials,
  jwtPeerOf,
  peerOf,
} from '@svidkit/grpc';
import { createTestJwtAuthority, manualClock } from '@svidkit/testkit';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, sourceOf, world } from '../../tls/test/fixtures.ts';
import { clientWith, type EchoClient, failureOf, secureClient, secureEchoServer } from './fixtures.ts';

afterEach(closeAll);

const AUDIENCE = 'spiffe://a.test/server';
const clock = manualClock(Date.now() + 60_000);
const authority = createTestJwtAuthority({ trustDomain: 'a.test', now: () => clock.now() });
const validator = staticJwtSource({ bundles: JwtBundleSet.of(authority.bundle()), clock });

function tokensOf(path: string, audience = AUDIENCE): JwtSource {
  return staticJwtSource({ svids: [authority.issue({ subject: path, audience })], clock });
}

/** A gated server that wants tokens, and clients that present them over the connections of a gateway. */
async function served(options: Partial<AuthorizeJwtCallsOptions> = {}) {
  const { a } = await world();
  const reasons: string[] = [];
  const seen: string[] = [];
  const server = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
    interceptors: [
      authorizeJwtCalls(validator, {
        audience: AUDIENCE,
        otherwise: authorizeMemberOf('a.test'),
        rules: { '/test.Echo/Admin': authorizeId('spiffe://a.test/admin') },
        onDenied: ({ code }: SpiffeError, method) => void reasons.push(`${code} ${method}`),
        ...options,
      }),
    ],
    unary(call, callback) {
      seen.push(`${peerOf(call).id.toString()} ${jwtPeerOf(call).id.toString()}`);
      callback(null, { text: jwtPeerOf(call).kind });
    },
  });
  const gateway = await sourceOf(a, { path: '/gateway' });
  const channel = createChannelCredentials(gateway, { authorize: authorizeAny() });
  return {
    ...server,
    reasons,
    seen,
    gateway,
    as: (tokens: JwtSource, audience = AUDIENCE): EchoClient =>
      clientWith(server.port, createJwtChannelCredentials(channel, tokens, { audience })),
    without: secureClient(gateway, server.port),
  };
}

describe('calls with a token', () => {
  it('J-17: go through, and their handler knows whose token and whose connection it is', async () => {
    const { as, seen, reasons } = await served();
    expect(await as(tokensOf('/user')).unary()).toEqual({ text: 'jwt' });
    expect(await as(tokensOf('/admin')).admin()).toEqual({ text: 'jwt' });
    expect(seen).toEqual([
      'spiffe://a.test/gateway spiffe://a.test/user',
      'spiffe://a.test/gateway spiffe://a.test/admin',
    ]);
    expect(reasons).toEqual([]);
  });

  it('J-17: stream as others do', async () => {
    const { as } = await served();
    const chat = as(tokensOf('/user')).chat();
    chat.write({ text: 'one' });
    const [first] = (await once(chat, 'data')) as [{ text: string }];
    chat.end();
    chat.resume();
    await once(chat, 'end');
    expect(first.text).toBe('one');
  });

  it('J-11: the audience may depend on the service', async () => {
    const { port, gateway } = await served();
    const channel = createChannelCredentials(gateway, { authorize: authorizeAny() });
    const urls: string[] = [];
    const audience = (url: URL): string => {
      urls.push(url.pathname);
      return AUDIENCE;
    };
    await clientWith(port, createJwtChannelCredentials(channel, tokensOf('/user'), { audience })).unary();
    expect(urls).toEqual(['/test.Echo']);
  });

  it('are refused without a good one, before any handler, and the caller learns no more than that', async () => {
    const { as, without, handled, reasons } = await served();
    const other = createTestJwtAuthority({ trustDomain: 'a.test', now: () => clock.now() });
    const forged = staticJwtSource({
      svids: [other.issue({ subject: '/admin', audience: AUDIENCE })],
      clock,
    });
    const unauthenticated = { code: status.UNAUTHENTICATED };
    expect(await failureOf(without.unary())).toMatchObject(unauthenticated);
    expect(await failureOf(as(forged).unary())).toMatchObject(unauthenticated);
    expect(await failureOf(as(tokensOf('/user', 'other'), 'other').unary())).toMatchObject(unauthenticated);
    const denied = await failureOf(as(tokensOf('/user')).admin());
    expect(denied).toMatchObject({ code: status.PERMISSION_DENIED });
    expect(denied.details).not.toContain('admin');
    expect(handled).toEqual([]);
    expect(reasons).toEqual([
      'ERR_JWT_MISSING /test.Echo/Unary',
      'ERR_JWT_SIGNATURE /test.Echo/Unary',
      'ERR_JWT_AUDIENCE /test.Echo/Unary',
      'ERR_PEER_UNAUTHORIZED /test.Echo/Admin',
    ]);
  });

  it('are refused when the rule fails or wants a certificate, and when there is no rule', async () => {
    const wantsLeaf = authorizeWith({ trustDomains: 'any', description: 'x' }, ({ leaf }) => leaf.isCa);
    for (const options of [{ otherwise: wantsLeaf }, { rules: () => undefined, otherwise: undefined }]) {
      const { as, handled } = await served(options as Partial<AuthorizeJwtCallsOptions>);
      expect(await failureOf(as(tokensOf('/user')).unary())).toMatchObject({
        code: status.PERMISSION_DENIED,
      });
      expect(handled).toEqual([]);
    }
  });

  it('are refused to who is denied', async () => {
    const deny = staticDenyList({ ids: ['spiffe://a.test/user'] });
    const { as, handled, reasons } = await served({ deny });
    expect(await failureOf(as(tokensOf('/user')).unary())).toMatchObject({ code: status.PERMISSION_DENIED });
    expect([handled, reasons]).toEqual([[], ['ERR_PEER_DENIED /test.Echo/Unary']]);
    expect(await as(tokensOf('/other')).unary()).toEqual({ text: 'jwt' });
  });

  it('are refused with two tokens', async () => {
    const { without, handled } = await served();
    const metadata = new Metadata();
    for (const path of ['/user', '/admin']) {
      metadata.add('authorization', `Bearer ${authority.issue({ subject: path, audience: AUDIENCE })}`);
    }
    const { code } = await failureOf(without.unary({}, {}, metadata));
    // grpc-js itself sends no such call.
    expect([status.INTERNAL, status.UNAUTHENTICATED]).toContain(code);
    expect(handled).toEqual([]);
  });

  it('are not sent when there is no token for them', async () => {
    const { as, handled, reasons } = await served();
    expect(await failureOf(as(tokensOf('/user'), 'nobody').unary())).toMatchObject({
      code: status.UNAVAILABLE,
    });
    expect([handled, reasons]).toEqual([[], []]);
  });
});

describe('secrecy', () => {
  it('J-22: a token is never for an insecure channel', async () => {
    for (const channel of [credentials.createInsecure(), {} as never]) {
      expect(() => createJwtChannelCredentials(channel, tokensOf('/user'), { audience: AUDIENCE })).toThrow(
        expect.objectContaining({ code: 'ERR_JWT_INSECURE' }),
      );
    }
  });

  it('J-22: a token is not sent to a server that was not let in', async () => {
    const { port, gateway, reasons } = await served();
    const asked: unknown[] = [];
    const tokens = tokensOf('/user');
    const spy: JwtSource = {
      ...tokens,
      fetchJwtSvid: (request) => (asked.push(request), tokens.fetchJwtSvid(request)),
    };
    const channel = createChannelCredentials(gateway, { authorize: authorizeId('spiffe://a.test/other') });
    const client = clientWith(port, createJwtChannelCredentials(channel, spy, { audience: AUDIENCE }));
    expect(await failureOf(client.unary())).toMatchObject({ code: status.UNAVAILABLE });
    expect([asked, reasons]).toEqual([[], []]);
  });

  it('a handler without the interceptor knows nobody by a token', async () => {
    const outcomes: string[] = [];
    const { a } = await world();
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
      unary(call, callback) {
        try {
          jwtPeerOf(call);
        } catch (error) {
          outcomes.push((error as SpiffeError).code);
        }
        callback(null, {});
      },
    });
    const channel = createChannelCredentials(await sourceOf(a, { path: '/user' }), {
      authorize: authorizeAny(),
    });
    await clientWith(
      port,
      createJwtChannelCredentials(channel, tokensOf('/user'), { audience: AUDIENCE }),
    ).unary();
    expect(outcomes).toEqual(['ERR_PEER_UNVERIFIED']);
  });

  it('is not made without audience, or with rules for no method', () => {
    expect(() => authorizeJwtCalls(validator, { audience: '' })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
    );
    expect(() => authorizeJwtCalls(validator, { audience: 'x', rules: { Unary: authorizeAny() } })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
    );
    expect(() => authorizeJwtCalls(validator, { audience: 'x', otherwise: {} as never })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_AUTHORIZER' }),
    );
  });
});
