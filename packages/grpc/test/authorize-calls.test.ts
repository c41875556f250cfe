import { once } from 'node:events';

import { experimental, type ServerInterceptor, ServerInterceptingCall, status } from '@grpc/grpc-js';
import { authorizeAny, authorizeId, authorizeMemberOf, authorizeWith, type SpiffeError } from '@svidkit/core';
import {
  authorizeCalls,
  type AuthorizeCallsOptions,
  type CallRules,
  createServerCredentials,
  peerOf,
} from '@svidkit/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, sourceOf, world } from '../../tls/test/fixtures.ts';
import { type EchoClient, echoServer, failureOf, secureClient, secureEchoServer } from './fixtures.ts';

afterEach(closeAll);

const admin = authorizeId('spiffe://a.test/admin');
const everyone = authorizeMemberOf('a.test');

/** A server with rules, a client that is an administrator, and one that is not. */
async function ruled(rules: CallRules, options?: AuthorizeCallsOptions) {
  const { a } = await world();
  const server = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
    interceptors: [authorizeCalls(rules, options)],
  });
  return {
    ...server,
    admin: secureClient(await sourceOf(a, { path: '/admin' }), server.port),
    user: secureClient(await sourceOf(a, { path: '/user' }), server.port),
  };
}

const denied = (method: string) => ({
  code: status.PERMISSION_DENIED,
  details: `this identity may not call /test.Echo/${method}`,
});

describe('rules for calls', () => {
  const same = { '/test.Echo/Unary': everyone, '/test.Echo/Admin': admin };

  it.each<[string, CallRules]>([
    ['an object', same],
    ['a Map', new Map(Object.entries(same))],
    ['a function', (method) => new Map(Object.entries(same)).get(method)],
  ])('as %s decide by method', async (_, rules) => {
    const reasons: [string, string][] = [];
    const onDenied = (error: SpiffeError, method: string) => reasons.push([error.message, method]);
    const { admin: boss, user, handled, port } = await ruled(rules, { onDenied });

    expect(await user.unary()).toMatchObject({ peer: 'spiffe://a.test/user' });
    expect(await boss.admin()).toMatchObject({ peer: 'spiffe://a.test/admin' });
    expect(await failureOf(user.admin())).toMatchObject(denied('Admin'));
    expect(await failing(boss.chat())).toMatchObject(denied('Chat'));

    expect(handled).toEqual(['spiffe://a.test/user', 'spiffe://a.test/admin']);
    expect(port).toBeGreaterThan(0);
    // Why is for the server to know.
    expect(reasons).toEqual([
      [
        'peer spiffe://a.test/user is not authorized: want spiffe://a.test/admin, got spiffe://a.test/user',
        '/test.Echo/Admin',
      ],
      ['nobody is allowed /test.Echo/Chat: there is no rule for it', '/test.Echo/Chat'],
    ]);
  });

  it('hold for calls of every kind, before the handler knows of them', async () => {
    const { user, handled } = await ruled({ '/test.Echo/Admin': everyone });
    const collected = Promise.withResolvers<unknown>();
    const writable = user.collect((error) => collected.resolve(error));
    writable.write({ text: 'a' });
    writable.end();

    expect(await failureOf(user.unary())).toMatchObject(denied('Unary'));
    expect(await collected.promise).toMatchObject(denied('Collect'));
    expect(await failing(user.spread({ count: 2 }))).toMatchObject(denied('Spread'));
    const chat = user.chat();
    chat.write({ text: 'a' });
    expect(await failing(chat)).toMatchObject(denied('Chat'));

    expect(handled).toEqual([]);
    expect(await user.admin()).toMatchObject({ peer: 'spiffe://a.test/user' });
  });

  it('may say who else may call what has no rule', async () => {
    const { admin: boss, user } = await ruled({ '/test.Echo/Unary': everyone }, { otherwise: admin });

    expect(await user.unary()).toMatchObject({ peer: 'spiffe://a.test/user' });
    expect(await failureOf(user.admin())).toMatchObject(denied('Admin'));
    expect(await boss.admin()).toMatchObject({ peer: 'spiffe://a.test/admin' });
  });

  it.each<[string, CallRules]>([
    [
      'an authorizer that throws',
      { '/test.Echo/Unary': authorizeWith({ trustDomains: 'any', description: 'nobody' }, broken) },
    ],
    ['a function that throws', () => broken()],
    ['a function that gives no authorizer', () => ({ authorize: () => ({ allowed: true }) }) as never],
    ['a name that only the prototype of objects has', {}],
  ])('refuse by %s', async (_, rules) => {
    const { user, handled } = await ruled(rules);

    expect(await failureOf(user.unary())).toMatchObject(denied('Unary'));
    expect(handled).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'ERR_CONFIG_OPTION'],
    ['a name without a service', { Unary: everyone }, 'ERR_CONFIG_OPTION'],
    ['a whole service', { '/test.Echo/': everyone }, 'ERR_CONFIG_OPTION'],
    ['no authorizer', { '/test.Echo/Unary': () => true }, 'ERR_CONFIG_AUTHORIZER'],
  ])('are not made of %s', (_, rules, code) => {
    expect(() => authorizeCalls(rules as CallRules)).toThrow(expect.objectContaining({ code }));
    expect(() => authorizeCalls({}, { otherwise: 'anyone' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_AUTHORIZER' }),
    );
  });
});

describe('the peer of a call', () => {
  it('is known behind other interceptors, whatever they change', async () => {
    const { a } = await world();
    const seen: string[] = [];
    const other: ServerInterceptor = (_method, call) => {
      seen.push(peerOf(call).id.toString());
      return new ServerInterceptingCall(call, {
        start: (next) => next({ onReceiveMetadata: (metadata, pass) => pass(metadata.clone()) }),
      });
    };
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
      interceptors: [other, authorizeCalls({ '/test.Echo/Unary': everyone }), other],
    });
    const client = secureClient(await sourceOf(a, { path: '/client' }), port);

    expect(await client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
    expect(seen).toEqual(['spiffe://a.test/client', 'spiffe://a.test/client']);
  });

  it('is unknown, and calls are refused, where something keeps the credentials from seeing them', async () => {
    const { a } = await world();
    const source = await sourceOf(a, { path: '/server' });
    const hidden = experimental.createServerCredentialsWithInterceptors(
      createServerCredentials(source, { authorize: authorizeAny() }),
      [authorizeCalls({ '/test.Echo/Unary': everyone })],
    );
    const { port, handled } = await echoServer(hidden);
    const client = secureClient(await sourceOf(a, { path: '/client' }), port);

    expect(await failureOf(client.unary())).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(handled).toEqual([]);
  });
});

/** How a stream fails. */
async function failing(
  stream: ReturnType<EchoClient['chat']> | ReturnType<EchoClient['spread']>,
): Promise<unknown> {
  stream.resume();
  const [error] = (await once(stream, 'error')) as [unknown];
  return error;
}

function broken(): never {
  throw new Error('broken');
}
