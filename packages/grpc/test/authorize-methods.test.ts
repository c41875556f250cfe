import { credentials, Metadata, status } from '@grpc/grpc-js';
import { authorizeAny, authorizeId, authorizeMemberOf } from '@svidkit/core';
import { type CallRules, createChannelCredentials } from '@svidkit/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, rotate, sourceOf, world } from '../../tls/test/fixtures.ts';
import { clientWith, failureOf, secureEchoServer } from './fixtures.ts';

afterEach(closeAll);

const ledger = authorizeId('spiffe://a.test/ledger');
const everyone = authorizeMemberOf('a.test');

/** Two servers that the channel may use, and a client that asks the second for little. */
async function twoServers(authorizeMethods: CallRules) {
  const { a } = await world();
  const source = await sourceOf(a, { path: '/client' });
  const clientOf = async (path: string) => {
    const server = await secureEchoServer(await sourceOf(a, { path }));
    const secured = createChannelCredentials(source, { authorize: everyone, authorizeMethods });
    return { ...server, client: clientWith(server.port, secured) };
  };
  return { a, source, ledger: await clientOf('/ledger'), other: await clientOf('/other') };
}

describe('rules for the methods of a channel', () => {
  const same = { '/test.Echo/Unary': everyone, '/test.Echo/Admin': ledger };

  it.each<[string, CallRules]>([
    ['an object', same],
    ['a Map', new Map(Object.entries(same))],
    ['a function', (method) => new Map(Object.entries(same)).get(method)],
  ])('as %s keep a call from a server that may not serve it', async (_, rules) => {
    const { ledger: good, other } = await twoServers(rules);

    expect(await good.client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
    expect(await good.client.admin()).toMatchObject({ peer: 'spiffe://a.test/client' });
    expect(await other.client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
    const refused = await failureOf(other.client.admin());

    expect(refused).toMatchObject({ code: status.PERMISSION_DENIED });
    expect(refused.message).toContain('this server may not serve /test.Echo/Admin');
    expect(refused.message).toContain('spiffe://a.test/other');
    expect([good.handled.length, other.handled.length]).toEqual([2, 1]);
  });

  it('refuse a method without a rule, and hold after a rotation', async () => {
    const { a, source, ledger: good } = await twoServers({ '/test.Echo/Unary': ledger });
    await good.client.unary();

    await rotate(source, a, { path: '/client' });

    expect(await failureOf(good.client.admin())).toMatchObject({ code: status.PERMISSION_DENIED });
    expect(await good.client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
    expect(good.handled).toHaveLength(2);
  });

  it('keep the metadata of call credentials from a server that may not serve the call', async () => {
    const { a } = await world();
    const server = await secureEchoServer(await sourceOf(a, { path: '/other' }));
    const token = credentials.createFromMetadataGenerator((_, done) => {
      const metadata = new Metadata();
      metadata.set('authorization', 'secret');
      done(null, metadata);
    });
    const secured = createChannelCredentials(await sourceOf(a), {
      authorize: authorizeAny(),
      authorizeMethods: { '/test.Echo/Unary': everyone, '/test.Echo/Admin': ledger },
    });
    const client = clientWith(server.port, credentials.combineChannelCredentials(secured, token));

    await client.unary();
    expect(await failureOf(client.admin())).toMatchObject({ code: status.PERMISSION_DENIED });

    // Its tokens are part of the call, and no part of it has arrived.
    expect(server.handled).toHaveLength(1);
  });

  it('are refused when they are for no method', async () => {
    const source = await sourceOf((await world()).a);

    expect(() =>
      createChannelCredentials(source, { authorize: everyone, authorizeMethods: { Unary: everyone } }),
    ).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
    expect(() =>
      createChannelCredentials(source, { authorize: everyone, authorizeMethods: 'all' as never }),
    ).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
  });
});
