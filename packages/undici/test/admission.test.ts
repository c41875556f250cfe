import { authorizeAny, authorizeId, authorizeMemberOf } from '@svidkit/core';
import { createHttpsServer } from '@svidkit/tls';
import { peerOfResponse } from '@svidkit/undici';
import { Agent, interceptors, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  Events,
  expectFailure,
  listen,
  rawServer,
  rotate,
  SECRET,
  sourceOf,
  world,
} from '../../tls/test/fixtures.ts';
import { anyService, codeOf, dispatcherOf, fetchOf, originOf, PROTOCOLS } from './fixtures.ts';

afterEach(closeAll);

const SERVER = authorizeId('spiffe://a.test/server');

describe.each(PROTOCOLS)('a fetch over %s', (_, allowH2) => {
  it('reaches a server that its authorizer takes', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a, { path: '/server' }));
    const fetch = fetchOf(await sourceOf(a, { path: '/client' }), { authorize: SERVER, allowH2 });

    const response = await fetch(originOf(service), { method: 'POST', body: SECRET });

    expect(await response.text()).toContain('peer=spiffe://a.test/client ');
  });

  it.each([
    ['of another path', async () => (await world()).a.issue({ path: '/other' }), 'ERR_PEER_UNAUTHORIZED'],
    [
      'of a foreign authority',
      async () => (await world()).rogue.issue({ path: '/server' }),
      'ERR_CHAIN_UNTRUSTED',
    ],
    [
      'of a federated authority that vouches for our trust domain',
      async () => (await world()).b.issue({ id: 'spiffe://a.test/server' }),
      'ERR_CHAIN_UNTRUSTED',
    ],
    [
      'whose SVID has expired',
      async () =>
        (await world()).a.issue({
          path: '/server',
          notBefore: new Date(Date.now() - 7_200_000),
          notAfter: new Date(Date.now() - 3_600_000),
        }),
      'ERR_CHAIN_EXPIRED',
    ],
  ])('says nothing to a server %s', async (__, issue, code) => {
    const { a, b } = await world();
    const server = await rawServer(await issue(), { ALPNProtocols: ['h2', 'http/1.1'] });
    const source = await sourceOf(a, { bundles: [a, b] });
    const fetch = fetchOf(source, { authorize: SERVER, allowH2 });

    const failure = await expectFailure(
      fetch(`${originOf(server)}/${SECRET}`, { method: 'POST', body: SECRET }),
    );

    expect(failure).toBeInstanceOf(TypeError);
    expect(failure.cause).toMatchObject({ code });
    await fetch.close();
    expect(await server.stolen()).toBe('');
  });

  it('says nothing once the authority of the server is removed, where it was answered before', async () => {
    const { a, b } = await world();
    const service = await anyService(await sourceOf(b, { path: '/server', bundles: [a, b] }));
    const source = await sourceOf(a, { bundles: [a, b] });
    const fetch = fetchOf(source, { authorize: authorizeMemberOf('b.test'), allowH2 });
    await (await fetch(originOf(service))).text();

    await rotate(source, a, { bundles: [a] });

    const failure = await expectFailure(fetch(originOf(service)));
    expect(codeOf(failure)).toBe('ERR_BUNDLE_UNKNOWN');
    expect(service.handled).toHaveLength(1);
  });

  it('is turned away when the server does not know it, and is told', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a), { authorize: authorizeId('spiffe://a.test/other') });
    const fetch = fetchOf(await sourceOf(a), { allowH2 });

    expect((await expectFailure(fetch(originOf(service)))).cause).toMatchObject({
      code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE',
    });
    expect(service.handled).toEqual([]);
  });

  it('shows its SVID, without which a server of ours lets no undici in', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const anonymous = closing(new Agent({ allowH2, connect: { rejectUnauthorized: false } }), (one) =>
      one.destroy(),
    );
    const events = new Events();
    await expectFailure(request(originOf(service), { dispatcher: anonymous }));
    await events.until(({ rejected }) => rejected.length > 0);
    expect(events.codes('server')).toEqual(['ERR_PEER_NO_CERTIFICATE']);
    expect(service.handled).toEqual([]);

    await (await fetchOf(await sourceOf(a, { path: '/client' }), { allowH2 })(originOf(service))).text();
    expect(service.handled).toEqual(['spiffe://a.test/client']);
  });
});

/** A service that sends its clients on, one that they may not go to, and a client. */
async function redirecting(location: (port: number) => string) {
  const { a } = await world();
  let connections = 0;
  const elsewhere = createHttpsServer(
    await sourceOf(a, { path: '/elsewhere' }),
    { authorize: authorizeAny() },
    (_request, response) => response.end('you should not be here'),
  );
  elsewhere.on('connection', () => (connections += 1));
  const port = await listen(elsewhere);
  const service = await anyService(await sourceOf(a, { path: '/server' }), {}, (__, response) => {
    response.writeHead(307, { location: location(port) }).end();
  });
  const authorize = new Map([[originOf(service), SERVER]]);
  const source = await sourceOf(a);
  return { service, source, authorize, port, connections: () => connections };
}

describe('an origin without an authorizer', () => {
  it('is not spoken to, whether asked for or redirected to', async () => {
    const { service, source, authorize, port, connections } = await redirecting(
      (at) => `https://127.0.0.1:${at}/`,
    );
    const fetch = fetchOf(source, { authorize });

    for (const target of [originOf({ port }), originOf(service)]) {
      const failure = await expectFailure(fetch(target, { method: 'POST', body: SECRET }));
      expect(failure.cause).toMatchObject({ code: 'ERR_TARGET_UNKNOWN', blame: 'caller' });
    }
    expect(connections()).toBe(0);
    expect(service.handled).toHaveLength(1);
  });

  it('is not spoken to when an interceptor follows the redirect', async () => {
    const { service, source, authorize, connections } = await redirecting((at) => `https://127.0.0.1:${at}/`);
    const dispatcher = dispatcherOf(source, { authorize }).compose(
      interceptors.redirect({ maxRedirections: 3 }),
    );

    const failure = await expectFailure(request(originOf(service), { dispatcher }));

    expect(codeOf(failure)).toBe('ERR_TARGET_UNKNOWN');
    expect(connections()).toBe(0);
  });

  it('is followed where it is known, and peerOfResponse tells who answered last', async () => {
    const { a } = await world();
    const last = await anyService(await sourceOf(a, { path: '/last' }));
    const service = await anyService(await sourceOf(a, { path: '/server' }), {}, (_, response) => {
      response.writeHead(302, { location: originOf(last) }).end();
    });
    const authorize = new Map([
      [originOf(service), SERVER],
      [originOf(last), authorizeId('spiffe://a.test/last')],
    ]);

    const response = await fetchOf(await sourceOf(a), { authorize })(originOf(service));

    expect(peerOfResponse(response).id.toString()).toBe('spiffe://a.test/last');
    expect(response.redirected).toBe(true);
    await response.text();
  });

  it('is one without TLS, where nobody can have an identity', async () => {
    const { source, port, connections } = await redirecting((at) => `http://127.0.0.1:${at}/`);

    expect(codeOf(await expectFailure(fetchOf(source)(`http://127.0.0.1:${port}/`)))).toBe(
      'ERR_TARGET_UNKNOWN',
    );
    expect(connections()).toBe(0);
  });

  it('is what a redirect from https to http leads to', async () => {
    const { service, source, connections } = await redirecting((at) => `http://127.0.0.1:${at}/`);

    expect(codeOf(await expectFailure(fetchOf(source)(originOf(service))))).toBe('ERR_TARGET_UNKNOWN');
    expect(connections()).toBe(0);
  });
});

describe('an origin whose authorizer changes', () => {
  it.each(PROTOCOLS)(
    'is not asked over a connection of %s that was let in by the one before',
    async (_, allowH2) => {
      const { a } = await world();
      const service = await anyService(await sourceOf(a, { path: '/server' }));
      let current = SERVER;
      const fetch = fetchOf(await sourceOf(a), { authorize: () => current, allowH2, connections: 1 });
      await (await fetch(originOf(service))).text();

      current = authorizeId('spiffe://a.test/other');

      expect(codeOf(await expectFailure(fetch(originOf(service))))).toBe('ERR_PEER_UNAUTHORIZED');
      expect(service.handled).toHaveLength(1);
    },
  );
});
