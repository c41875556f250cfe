import { once } from 'node:events';
import { type ServerResponse } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';

import { authorizeAny, authorizeMemberOf } from '@svidkit/core';
import { createTestCa, manualClock, type TestCa } from '@svidkit/testkit';
import { connectTls, createHttpsAgent, secureServer } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  application,
  closeAll,
  closing,
  Events,
  get,
  httpsService,
  type Identity,
  knock,
  RawClient,
  rawServer,
  serve,
  SERVICES,
  sourceOf,
  tlsService,
  expectFailure,
} from './fixtures.ts';
import { valve } from './valve.ts';

afterEach(closeAll);

const HOUR = 3_600_000;

/** Lives longer than the rest. */
const long = (ca: TestCa, path = '/peer') => ca.issue({ path, lifetimeMs: 10 * HOUR });

const removing = async () => {
  const clock = manualClock();
  const ca = await createTestCa({ trustDomain: 'a.test', clock });
  const { next, both } = await ca.rotate();
  const source = await sourceOf(next, { bundles: [both] });
  const remove = async (): Promise<void> => {
    const { svid } = source.current;
    const { bundles } = await next.context({ bundles: [next] });
    source.update(svid, bundles);
  };
  return { clock, old: ca, next, source, remove };
};

describe('an authority is removed', () => {
  it.each(Object.entries(SERVICES))(
    '%s closes idle connections of its peers at once, and no others',
    async (_, start) => {
      const { clock, old, next, source, remove } = await removing();
      const { port } = await start(source, { clock });
      const condemned = new RawClient(port, await long(old, '/old'));
      const kept = new RawClient(port, await long(next, '/new'));
      expect(await condemned.ask()).toContain('/old ');
      expect(await kept.ask()).toContain('/new ');
      const events = new Events();

      await remove();
      await condemned.closed;

      expect(events.drained).toEqual([
        { side: 'server', id: 'spiffe://a.test/old', reason: 'authority-removed' },
      ]);
      expect(await kept.ask()).toContain('/new ');
      expect((await knock(port, await long(old, '/old'))).line).toBeUndefined();
    },
  );

  it('a request in flight is answered, its connection is closed after it', async () => {
    const { clock, old, source, remove } = await removing();
    const inFlight = Promise.withResolvers<ServerResponse>();
    const { port } = await httpsService(source, { clock }, (_, response) => inFlight.resolve(response));
    const client = new RawClient(port, await long(old));
    const asked = client.ask();
    const response = await inFlight.promise;

    await remove();
    response.end('peer=answered\n');

    expect(await asked).toBe('peer=answered');
    await client.closed;
  });

  it('a request that does not end is cut off after five seconds', async () => {
    const { clock, old, source, remove } = await removing();
    const inFlight = Promise.withResolvers<void>();
    const { port } = await httpsService(source, { clock }, () => inFlight.resolve());
    const client = new RawClient(port, await long(old));
    const asked = client.ask();
    await inFlight.promise;

    await remove();
    clock.advance(4_000);
    expect(client.socket.destroyed).toBe(false);
    clock.advance(2_000);

    expect(await asked).toBeUndefined();
    await client.closed;
  });

  it('connectTls and agents let go of a server of that authority', async () => {
    const { clock, old, next, source, remove } = await removing();
    const oldServer = await rawServer(await long(old, '/old'));
    const newServer = await rawServer(await long(next, '/new'));
    const authorize = authorizeMemberOf('a.test');
    const agent = closing(createHttpsAgent(source, { authorize, clock }), (one) => one.destroy());
    const target = { agent, host: '127.0.0.1', port: oldServer.port };
    const free = once(agent, 'free');
    await get(target);
    await free;
    const [condemned, kept] = await Promise.all(
      [oldServer, newServer].map(({ port }) =>
        connectTls(source, { authorize, clock, host: '127.0.0.1', port }),
      ),
    );
    const [idle] = Object.values(agent.freeSockets).flat();
    expect(idle?.destroyed).toBe(false);

    await remove();

    expect([condemned?.destroyed, kept?.destroyed, idle?.destroyed]).toEqual([true, false, true]);
    await expectFailure(get(target));
    await expect(get({ ...target, port: newServer.port })).resolves.toContain('peer=');
    kept?.destroy();
  });

  it('a handshake of a client that is in flight is judged by the bundles of its end', async () => {
    const { clock, old, next, source, remove } = await removing();
    const slow = await valve((await rawServer(await long(old, '/old'))).port);
    const other = await valve((await rawServer(await long(next, '/new'))).port);
    const target = { authorize: authorizeMemberOf('a.test'), clock, host: '127.0.0.1' };
    const removed = expectFailure(connectTls(source, { ...target, port: slow.port }));
    const kept = connectTls(source, { ...target, port: other.port });
    await Promise.all([slow.taken, other.taken]);

    await remove();
    slow.open();
    other.open();

    expect(await removed).toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
    expect((await kept).authorized).toBe(true);
  });

  it('an authority that is replaced by a cross-signed one condemns nobody', async () => {
    const { clock, old, next, source } = await removing();
    const issuer = await old.intermediate();
    const bridge = await next.crossSign(issuer);
    const leaf = await issuer.issue({ lifetimeMs: 10 * HOUR });
    const { port } = await tlsService(source, { clock });
    // It sends both copies, so the path over the new authority was known all along.
    const both: Identity = {
      certPem: `${leaf.certPem}${bridge.pem}`,
      keyPem: leaf.keyPem,
    };
    expect((await knock(port, both)).line).toContain('peer=');
    const { svid } = source.current;
    source.update(svid, (await next.context({ bundles: [next] })).bundles);
    expect((await knock(port, { certPem: leaf.certPem, keyPem: leaf.keyPem })).line).toBeUndefined();
  });

  it('HTTP/2 sessions of its peers end, and new ones are refused', async () => {
    const { clock, old, next, source, remove } = await removing();
    const { port, handled } = await serve((list) =>
      secureServer(createSecureServer({}, application(list) as never), source, {
        authorize: authorizeAny(),
        clock,
      }),
    );
    const { certPem: cert, keyPem: key } = await long(old, '/old');
    const session = connectHttp2(`https://127.0.0.1:${port}`, { cert, key, rejectUnauthorized: false });
    closing(session, (one) => one.destroy());
    const stream = session.request({ ':path': '/' });
    stream.resume();
    await once(stream, 'end');
    expect(handled).toEqual(['spiffe://a.test/old']);
    const closed = once(session, 'close');

    await remove();
    await closed;

    expect((await knock(port, await long(old), { ALPNProtocols: ['h2'] })).line).toBeUndefined();
    const good = await long(next, '/new');
    const again = connectHttp2(`https://127.0.0.1:${port}`, {
      cert: good.certPem,
      key: good.keyPem,
      rejectUnauthorized: false,
    });
    closing(again, (one) => one.destroy());
    const request = again.request({ ':path': '/' });
    request.resume();
    await once(request, 'end');
    expect(handled).toEqual(['spiffe://a.test/old', 'spiffe://a.test/new']);
  });
});
