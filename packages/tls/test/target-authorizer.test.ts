import { once } from 'node:events';
import { request } from 'node:https';
import { type LookupFunction } from 'node:net';

import { authorizeAny, type Authorizer, authorizeId } from '@svidkit/core';
import { createHttpsAgent, createHttpsServer, type TargetAuthorizer } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, expectFailure, get, httpsService, listen, sourceOf, world } from './fixtures.ts';

afterEach(closeAll);

/** Two services with identities of their own, and an agent for both. */
async function twoUpstreams(authorize: (first: number, second: number) => TargetAuthorizer) {
  const { a } = await world();
  const [first, second] = await Promise.all([
    httpsService(await sourceOf(a, { path: '/first' })),
    httpsService(await sourceOf(a, { path: '/second' })),
  ]);
  const agent = closing(
    createHttpsAgent(await sourceOf(a, { path: '/client' }), {
      authorize: authorize(first.port, second.port),
    }),
    (one) => one.destroy(),
  );
  return { first, second, ask: (port: number) => get({ agent, host: '127.0.0.1', port }) };
}

const FIRST = authorizeId('spiffe://a.test/first');
const SECOND = authorizeId('spiffe://a.test/second');
const origin = (port: number): string => `https://127.0.0.1:${port}`;

describe('an agent for many upstreams', () => {
  const spellings: Record<string, (first: number, second: number) => TargetAuthorizer> = {
    'a map': (first, second) =>
      new Map([
        [origin(first), FIRST],
        [origin(second), SECOND],
      ]),
    'a function': (first, second) => (asked) =>
      new Map([
        [origin(first), FIRST],
        [origin(second), SECOND],
      ]).get(asked),
  };

  it.each(Object.entries(spellings))('holds each to its own authorizer, given %s', async (_, authorize) => {
    const { first, second, ask } = await twoUpstreams(authorize);

    expect(await ask(first.port)).toContain('peer=spiffe://a.test/client');
    expect(await ask(second.port)).toContain('peer=spiffe://a.test/client');
  });

  it.each(Object.entries(spellings))(
    'refuses one that answers for the other, given %s',
    async (_, authorize) => {
      const { first, second, ask } = await twoUpstreams((one, other) => authorize(other, one));

      expect(await expectFailure(ask(first.port))).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
      expect(await expectFailure(ask(second.port))).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
      expect([...first.handled, ...second.handled]).toEqual([]);
    },
  );

  it.each(Object.entries(spellings))(
    'sends nothing to an origin that it does not know, given %s',
    async (_, authorize) => {
      const { first, ask } = await twoUpstreams(authorize);
      const { a } = await world();
      let connections = 0;
      const unknown = createHttpsServer(await sourceOf(a, { path: '/first' }), { authorize: authorizeAny() });
      unknown.on('connection', () => (connections += 1));
      const port = await listen(unknown);

      expect(await expectFailure(ask(port))).toMatchObject({ code: 'ERR_TARGET_UNKNOWN', blame: 'caller' });
      expect(connections).toBe(0);
      expect(await ask(first.port)).toContain('peer=');
    },
  );

  it('never lends a pooled connection to a request that another authorizer answers for', async () => {
    const { a } = await world();
    const { port } = await httpsService(await sourceOf(a, { path: '/first' }));
    let current: Authorizer = FIRST;
    const agent = closing(createHttpsAgent(await sourceOf(a), { authorize: () => current }), (one) =>
      one.destroy(),
    );
    expect(await get({ agent, host: '127.0.0.1', port })).toContain('peer=');

    current = SECOND;

    expect(await expectFailure(get({ agent, host: '127.0.0.1', port }))).toMatchObject({
      code: 'ERR_PEER_UNAUTHORIZED',
    });
  });

  it.each([
    ['gives no authorizer', () => 'yes' as never, 'ERR_CONFIG_AUTHORIZER'],
    [
      'throws',
      () => {
        throw new Error('no such thing');
      },
      'ERR_TARGET_UNKNOWN',
    ],
  ])('fails the request when the function %s', async (_, authorize, code) => {
    const { a } = await world();
    const { port, handled } = await httpsService(await sourceOf(a));
    const agent = closing(createHttpsAgent(await sourceOf(a), { authorize }), (one) => one.destroy());

    const asked = request({ agent, host: '127.0.0.1', port });
    asked.end();

    expect((await once(asked, 'error'))[0]).toMatchObject({ code });
    expect(handled).toEqual([]);
  });

  it.each(['127.0.0.1:443', 'http://127.0.0.1', 'https://127.0.0.1/path', '*', ''])(
    'is not made with the key %j, which no origin is',
    async (key) => {
      const source = await sourceOf((await world()).a);

      expect(() => createHttpsAgent(source, { authorize: new Map([[key, FIRST]]) })).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
      );
    },
  );

  it('takes the default port and upper case in a key for what they mean', async () => {
    const source = await sourceOf((await world()).a);
    const agent = createHttpsAgent(source, { authorize: new Map([['https://API.a.test:443', FIRST]]) });
    closing(agent, (one) => one.destroy());

    // Nobody listens there, so what comes is an error of the network and not ERR_TARGET_UNKNOWN.
    const failure = await expectFailure(get({ agent, host: 'api.a.test', port: 443, lookup: noSuchHost }));
    expect(failure).toMatchObject({ code: 'ENOTFOUND' });
  });
});

const noSuchHost: LookupFunction = (_host, _options, done) => {
  done(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }), '', 4);
};
