import { authorizeMemberOf, staticX509Source, type X509Context, type X509Source } from '@svidkit/core';
import { manualClock } from '@svidkit/testkit';
import { connectTls, createHttpsAgent, peerOf } from '@svidkit/tls';
import { type FederatedBundle, watchBundle, withFederatedBundles } from '@svidkit/tls/federation';
import { afterEach, describe, expect, test } from 'vitest';

import {
  closeAll,
  closing,
  expectFailure,
  get,
  httpsService,
  knock,
  RawClient,
  rotate,
  sourceOf,
  world,
} from '../fixtures.ts';
import { bundleOf, webEndpoint } from './endpoints.ts';

afterEach(closeAll);

async function watchB(options: { readonly trustDomain?: string } = {}) {
  const { parameters, endpoint } = await webEndpoint();
  const bundle = await watchBundle({ ...parameters, ...options });
  return { endpoint, bundle: closing(bundle, (one) => one.close()) };
}

function federate(source: X509Source, ...bundles: readonly FederatedBundle[]): X509Source {
  return closing(withFederatedBundles(source, bundles), (one) => one.close());
}

const names = ({ bundles }: X509Context): readonly string[] => bundles.trustDomains.map(({ name }) => name);

describe('a source with federated bundles', () => {
  test('F-06: lets a service admit peers of the other trust domain, and a client find its servers', async () => {
    const { a, b } = await world();
    const { bundle } = await watchB();
    const ours = federate(await sourceOf(a), bundle);
    const service = await httpsService(ours, { authorize: authorizeMemberOf('b.test') });
    const peer = await b.issue({ path: '/partner' });
    expect((await knock(service.port, peer)).line).toContain('peer=spiffe://b.test/partner');
    expect(service.handled).toEqual(['spiffe://b.test/partner']);

    // Without the federation the same peer is nobody.
    const alone = await httpsService(await sourceOf(a), { authorize: authorizeMemberOf('b.test') });
    expect((await knock(alone.port, peer)).line).toBeUndefined();

    const theirs = await httpsService(await sourceOf(b, { bundles: [a, b] }));
    const socket = await connectTls(ours, {
      authorize: authorizeMemberOf('b.test'),
      host: '127.0.0.1',
      port: theirs.port,
    });
    closing(socket, () => socket.destroy());
    expect(peerOf(socket).id.toString()).toBe('spiffe://b.test/workload');
    const agent = createHttpsAgent(ours, { authorize: authorizeMemberOf('b.test') });
    closing(agent, () => agent.destroy());
    expect(await get({ agent, host: '127.0.0.1', port: theirs.port })).toContain(
      'peer=spiffe://a.test/workload',
    );
  });

  test('F-05, F-25: believes each trust domain by its own bundle alone', async () => {
    const { a, b } = await world();
    const { bundle } = await watchB();
    const service = await httpsService(federate(await sourceOf(a), bundle));
    for (const [id, ca] of [
      ['spiffe://a.test/forged', b],
      ['spiffe://b.test/forged', a],
    ] as const) {
      expect((await knock(service.port, await ca.issue({ id }))).line).toBeUndefined();
    }
    for (const ca of [a, b]) expect((await knock(service.port, await ca.issue())).line).toContain('peer=');
  });

  test('F-24: ends with the federation, and B-07 with a bundle that revokes everything, for live connections, too', async () => {
    const { a, b } = await world();
    for (const end of ['terminate', 'revoke'] as const) {
      const { bundle, endpoint } = await watchB();
      const service = await httpsService(federate(await sourceOf(a), bundle));
      const peer = await b.issue();
      const live = new RawClient(service.port, peer);
      expect(await live.ask()).toContain('peer=spiffe://b.test/workload');
      endpoint.replyWith({ document: '{"keys":[]}' });
      await (end === 'terminate' ? bundle.terminate() : bundle.refresh());
      expect((await knock(service.port, peer)).line).toBeUndefined();
      expect(await live.ask()).toBeUndefined();
      expect((await knock(service.port, await a.issue())).line).toContain('peer=');
    }
  });

  test('follows the rotation of the authorities of the other trust domain', async () => {
    const { a, b } = await world();
    const { next, both } = await b.rotate();
    const { bundle, endpoint } = await watchB();
    const source = federate(await sourceOf(a), bundle);
    const service = await httpsService(source);
    const line = async (ca: typeof b): Promise<boolean> =>
      (await knock(service.port, await ca.issue())).line !== undefined;
    expect([await line(b), await line(next)]).toEqual([true, false]);
    endpoint.replyWith({ document: bundleOf(both) });
    await bundle.refresh();
    expect([await line(b), await line(next)]).toEqual([true, true]);
    endpoint.replyWith({ document: bundleOf(next) });
    await bundle.refresh();
    expect([await line(b), await line(next)]).toEqual([false, true]);
  });

  test('tells of whole generations of its own, each once', async () => {
    const { a, b } = await world();
    const { next } = await b.rotate();
    const { bundle, endpoint } = await watchB();
    const inner = await sourceOf(a);
    const source = federate(inner, bundle);
    const seen: (X509Context | undefined)[] = [];
    source.onUpdate((context) => seen.push(context));
    expect(source.current).toBe(source.current);
    expect([source.current.generation, ...names(source.current)]).toEqual([1, 'a.test', 'b.test']);
    await rotate(inner, a);
    await bundle.refresh(); // unchanged
    endpoint.replyWith({ document: bundleOf(next) });
    await bundle.refresh();
    expect(seen.map((context) => context?.generation)).toEqual([2, 3]);
    expect(seen[1]?.svid).toBe(seen[0]?.svid);
    expect(source.current).toBe(seen[1]);
    expect(source.health()).toMatchObject({ generation: 3, status: 'fresh', problems: [] });
    await source.close();
    expect(seen.at(-1)).toBeUndefined();
    expect([inner.closed.aborted, bundle.closed.aborted]).toEqual([true, true]);
    expect(() => source.current).toThrow('closed');
  });

  test('is as empty as the source, and fills again', async () => {
    const { a } = await world();
    const clock = manualClock(Date.now() + 60_000);
    const { bundle } = await watchB();
    const { svid, bundles } = await a.context({ lifetimeMs: 600_000 });
    const inner = staticX509Source({ svid, bundles, clock });
    const source = closing(withFederatedBundles(inner, [bundle], { clock }), (one) => one.close());
    clock.advance(600_000);
    expect(() => source.current).toThrow('expired');
    const next = await a.context();
    inner.update(next.svid, next.bundles);
    expect(names(source.current)).toEqual(['a.test', 'b.test']);
  });

  test('knows a trust domain by its endpoint alone: without a bundle there is none, whatever the source has', async () => {
    const { a, b } = await world();
    const { parameters, endpoint } = await webEndpoint({ reply: { status: 500 } });
    const bundle = closing(await watchBundle(parameters), (one) => one.close());
    const source = federate(await sourceOf(a, { bundles: [a, b] }), bundle);
    expect(names(source.current)).toEqual(['a.test']);
    expect(source.health().problems).toEqual([
      'there is no bundle of b.test',
      expect.stringContaining('status 500'),
    ]);
    expect(source.health().ready).toBe(true);
    endpoint.replyWith({ document: bundleOf(b) });
    await bundle.refresh();
    expect(names(source.current)).toEqual(['a.test', 'b.test']);
  });

  test('never takes our own trust domain from an endpoint', async () => {
    const { a } = await world();
    const { bundle } = await watchB({ trustDomain: 'a.test' }); // the authorities of b.test
    const source = federate(await sourceOf(a), bundle);
    expect(source.current.bundles.require(a.bundle().trustDomain).equals(a.bundle())).toBe(true);
    expect(source.health().problems).toEqual([expect.stringContaining('our own trust domain')]);
  });

  test('leaves its parts open where it is told to', async () => {
    const { a } = await world();
    const { bundle } = await watchB();
    const inner = await sourceOf(a);
    await withFederatedBundles(inner, [bundle], { closeParts: false }).close();
    expect([inner.closed.aborted, bundle.closed.aborted]).toEqual([false, false]);
  });

  test('is refused for no bundle, for two of one trust domain, and for what is none', async () => {
    const { a } = await world();
    const inner = await sourceOf(a);
    const { bundle } = await watchB();
    const bad: readonly (readonly [unknown, unknown])[] = [
      [inner, []],
      [inner, [bundle, bundle]],
      [inner, [bundle.current]],
      [inner, bundle],
      [undefined, [bundle]],
    ];
    for (const [source, bundles] of bad) {
      const error = await expectFailure(
        (async () => withFederatedBundles(source as X509Source, bundles as FederatedBundle[]))(),
      );
      expect(error).toMatchObject({ code: 'ERR_CONFIG_OPTION' });
    }
    expect(names(federate(inner, bundle).current)).toEqual(['a.test', 'b.test']);
  });
});
