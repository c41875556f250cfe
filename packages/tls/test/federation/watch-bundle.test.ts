import { generateKeyPairSync } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { JwtBundle, type SpiffeBundle, TrustDomain } from '@svidkit/core';
import { fetchBundle, fileBundleStore, watchBundle } from '@svidkit/tls/federation';
import { afterEach, describe, expect, test } from 'vitest';

import { closeAll, expectFailure, world } from '../fixtures.ts';
import { bundleOf, ENDPOINT_ID, spiffeEndpoint, webEndpoint } from './endpoints.ts';
import { clockAhead, Fetches, storeFile, watch } from './watching.ts';

afterEach(closeAll);

describe('a federated bundle', () => {
  test('has the bundle of its endpoint, and the next one', async () => {
    const { b } = await world();
    const { next, both } = await b.rotate();
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters);
    expect(bundle.trustDomain.name).toBe('b.test');
    expect(bundle.current?.equals(bundleOf(b))).toBe(true);
    const seen: (SpiffeBundle | undefined)[] = [];
    bundle.onUpdate((current) => seen.push(current));
    for (const published of [both, both, next]) {
      endpoint.replyWith({ document: bundleOf(published) });
      expect((await bundle.refresh()).equals(bundleOf(published))).toBe(true);
      expect(bundle.current?.equals(bundleOf(published))).toBe(true);
    }
    expect(seen.map((one) => one?.x509.authorities.length)).toEqual([2, 1]);
  });

  test('tells of changes of JWT authorities, too', async () => {
    const { b } = await world();
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters);
    const seen: (number | undefined)[] = [];
    bundle.onUpdate((current) => seen.push(current?.jwt.authorities.size));
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwt = JwtBundle.fromAuthorities(TrustDomain.parse('b.test'), [['k', publicKey]]);
    endpoint.replyWith({ document: bundleOf(b, { jwt }) });
    await bundle.refresh();
    expect(seen).toEqual([1]);
  });

  test('B-07: follows a bundle that revokes everything', async () => {
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters);
    endpoint.replyWith({ document: '{"keys":[]}' });
    await bundle.refresh();
    expect(bundle.current?.isEmpty).toBe(true);
  });

  test('keeps what it has when the endpoint fails, and says so until it does not', async () => {
    const { b } = await world();
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters);
    const seen: unknown[] = [];
    bundle.onUpdate((current) => seen.push(current));
    // A JWK Set of something else: nothing in it is for SVIDs.
    const other = { document: '{"keys":[{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB"}]}' };
    const bad = [{ status: 500 }, { document: 'x' }, { document: '{}' }, other, { reset: true }] as const;
    for (const reply of bad) {
      endpoint.replyOnce(reply);
      await expectFailure(bundle.refresh());
      expect(bundle.current?.equals(bundleOf(b))).toBe(true);
      expect(bundle.health().lastError?.code).toMatch(/^ERR_(FEDERATION|BUNDLE)_/);
      expect(bundle.health().problems).toHaveLength(1);
    }
    expect(seen).toEqual([]);
    await bundle.refresh();
    expect(bundle.health()).toMatchObject({ lastError: undefined, problems: [] });
  });

  test('a first failure is no reason not to start; without a bundle there is none', async () => {
    const { parameters, endpoint } = await webEndpoint();
    endpoint.replyOnce({ status: 500 });
    const bundle = await watch(parameters);
    expect(bundle.current).toBeUndefined();
    expect(bundle.health()).toMatchObject({
      confirmedAt: undefined,
      lastError: { code: 'ERR_FEDERATION_RESPONSE' },
    });
    await bundle.refresh();
    expect(bundle.current).toBeDefined();
  });

  test('waiting for the first one ends with its signal', async () => {
    const { parameters, endpoint } = await webEndpoint();
    endpoint.replyWith({ stall: 'answer' });
    const abort = new AbortController();
    const starting = watchBundle(parameters, { signal: abort.signal });
    await endpoint.received(1);
    abort.abort(new Error('enough'));
    expect((await expectFailure(starting)).message).toBe('enough');
  });

  test('those who ask at the same time take part in one fetch', async () => {
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters);
    const [one, other] = await Promise.all([bundle.refresh(), bundle.refresh()]);
    expect(one).toBe(other);
    expect(endpoint.requests).toHaveLength(2);
  });
});

describe('the next fetch', () => {
  test.for<[string, number | undefined, number]>([
    ['F-02, B-15: without a hint comes after 5 minutes', undefined, 300_000],
    ['F-02, B-04: comes when the hint says', 600, 600_000],
    ['B-04: with a hint of 0 comes after a minute', 0, 60_000],
    ['B-04: with a hint beyond all measure comes after a day', Number.MAX_SAFE_INTEGER, 86_400_000],
  ])('%s', async ([, refreshHint, delay]) => {
    const { b } = await world();
    const clock = clockAhead();
    const fetches = new Fetches();
    const document = bundleOf(b, refreshHint === undefined ? {} : { refreshHint });
    const { parameters, endpoint } = await webEndpoint({ reply: { document } });
    const bundle = await watch(parameters, { clock });
    await fetches.until(1);
    expect(bundle.health().nextFetchAt).toBe(clock.now() + delay);
    clock.advance(delay - 1);
    expect(endpoint.requests).toHaveLength(1);
    clock.advance(1);
    await fetches.until(2);
    expect(fetches.outcomes).toEqual(['fetched', 'unchanged']);
    expect(bundle.health().nextFetchAt).toBe(clock.now() + delay);
  });

  test('F-23: after a failure comes at the interval, not at once', async () => {
    const { b } = await world();
    const clock = clockAhead();
    const fetches = new Fetches();
    const { parameters, endpoint } = await webEndpoint({
      reply: { document: bundleOf(b, { refreshHint: 600 }) },
    });
    const bundle = await watch(parameters, { clock });
    await fetches.until(1);
    endpoint.replyOnce({ status: 500 });
    clock.advance(600_000);
    await fetches.until(2);
    expect(fetches.outcomes).toEqual(['fetched', 'failed']);
    expect(bundle.health().nextFetchAt).toBe(clock.now() + 600_000);
    clock.advance(599_999);
    expect(endpoint.requests).toHaveLength(2);
    clock.advance(1);
    await fetches.until(3);
    expect(fetches.outcomes.at(-1)).toBe('unchanged');
  });

  test('F-14: goes to the configured URL, whatever permanent redirect there was', async () => {
    const { parameters, endpoint } = await webEndpoint();
    endpoint.replyOnce({ redirect: '/moved', status: 301 });
    const bundle = await watch(parameters);
    await bundle.refresh();
    expect(endpoint.requests.map(({ path }) => path)).toEqual(['/bundle.json', '/moved', '/bundle.json']);
  });

  test('comes as often as the options allow', async () => {
    const { b } = await world();
    const clock = clockAhead();
    const { parameters } = await webEndpoint({ reply: { document: bundleOf(b, { refreshHint: 1 }) } });
    const bundle = await watch(parameters, { clock, minRefreshMs: 10, maxRefreshMs: 500 });
    await new Promise(setImmediate);
    expect(bundle.health().nextFetchAt).toBe(clock.now() + 500);
    for (const options of [
      { minRefreshMs: 0 },
      { refreshMs: -1 },
      { minRefreshMs: 2, maxRefreshMs: 1 },
      { maxStaleMs: 0 },
    ]) {
      expect(await expectFailure(watchBundle(parameters, options))).toMatchObject({
        code: 'ERR_CONFIG_OPTION',
      });
    }
  });
});

describe('the sequence number', () => {
  test('F-04: a bundle with a lower one is not taken', async () => {
    const { b } = await world();
    const { next } = await b.rotate();
    const fetches = new Fetches();
    const { parameters, endpoint } = await webEndpoint({
      reply: { document: bundleOf(next, { sequence: 8n }) },
    });
    const bundle = await watch(parameters);
    endpoint.replyOnce({ document: bundleOf(b, { sequence: 7n }) });
    expect(await expectFailure(bundle.refresh())).toMatchObject({ code: 'ERR_FEDERATION_SEQUENCE' });
    expect(bundle.current?.equals(bundleOf(next, { sequence: 8n }))).toBe(true);
    endpoint.replyOnce({ document: bundleOf(b, { sequence: 9n }) });
    await bundle.refresh();
    expect(bundle.current?.sequence).toBe(9n);
    expect(fetches.outcomes).toEqual(['fetched', 'older', 'fetched']);
    expect(bundle.health().lastError).toBeUndefined();
  });

  test('F-04: is compared exactly, beyond what a number can hold', async () => {
    const { b } = await world();
    const { parameters, endpoint } = await webEndpoint({
      reply: { document: bundleOf(b, { sequence: 9_007_199_254_740_993n }) },
    });
    const bundle = await watch(parameters);
    endpoint.replyWith({ document: bundleOf(b, { sequence: 9_007_199_254_740_992n }) });
    expect(await expectFailure(bundle.refresh())).toMatchObject({ code: 'ERR_FEDERATION_SEQUENCE' });
  });

  test('F-04: a change without a new one is taken, and reported', async () => {
    const { b } = await world();
    const { next } = await b.rotate();
    const { parameters, endpoint } = await webEndpoint({
      reply: { document: bundleOf(b, { sequence: 8n }) },
    });
    const bundle = await watch(parameters);
    endpoint.replyWith({ document: bundleOf(next, { sequence: 8n }) });
    await bundle.refresh();
    expect(bundle.current?.x509.equals(next.bundle())).toBe(true);
    expect(bundle.health().lastError?.code).toBe('ERR_FEDERATION_SEQUENCE');
  });

  test('F-04: without one the latest bundle is the newest', async () => {
    const { b } = await world();
    const { next } = await b.rotate();
    const { parameters, endpoint } = await webEndpoint({
      reply: { document: bundleOf(b, { sequence: 8n }) },
    });
    const bundle = await watch(parameters);
    endpoint.replyWith({ document: bundleOf(next) });
    await bundle.refresh();
    expect(bundle.current?.equals(bundleOf(next))).toBe(true);
  });
});

describe('an endpoint that serves its own bundle', () => {
  test('F-17: is known by the latest bundle that it gave, and no longer by the first one', async () => {
    const { b } = await world();
    const { next, both } = await b.rotate();
    const { parameters, endpoint } = await spiffeEndpoint({ reply: { document: bundleOf(both) } });
    const bundle = await watch(parameters);
    endpoint.present(await next.issue({ id: ENDPOINT_ID }));
    endpoint.replyWith({ document: bundleOf(next) });
    await bundle.refresh();
    expect(await expectFailure(fetchBundle(parameters))).toMatchObject({ code: 'ERR_FEDERATION_UNTRUSTED' });
    // The first authority, which is still configured, vouches for nobody any more.
    endpoint.present(await b.issue({ id: ENDPOINT_ID }));
    expect(await expectFailure(bundle.refresh())).toMatchObject({ code: 'ERR_FEDERATION_UNTRUSTED' });
    expect(bundle.current?.equals(bundleOf(next))).toBe(true);
    endpoint.present(await next.issue({ id: ENDPOINT_ID }));
    expect((await bundle.refresh()).equals(bundleOf(next))).toBe(true);
  });

  test('that was out of reach for too long is known by a newer configured bundle', async () => {
    const { b } = await world();
    const { next } = await b.rotate();
    const { parameters, endpoint } = await spiffeEndpoint({
      reply: { document: bundleOf(b, { sequence: 3n }) },
    });
    let configured = bundleOf(b, { sequence: 1n });
    const bundle = await watch({ ...parameters, endpointBundle: () => configured });
    endpoint.present(await next.issue({ id: ENDPOINT_ID }));
    endpoint.replyWith({ document: bundleOf(next, { sequence: 5n }) });
    configured = bundleOf(next, { sequence: 2n });
    expect(await expectFailure(bundle.refresh())).toMatchObject({ code: 'ERR_FEDERATION_UNTRUSTED' });
    configured = bundleOf(next, { sequence: 4n });
    expect((await bundle.refresh()).sequence).toBe(5n);
  });

  test('F-18: one of a third trust domain is never known by what it gave', async () => {
    const { a, b } = await world();
    const { parameters, endpoint } = await spiffeEndpoint({
      certificate: await a.issue({ path: '/mirror' }),
    });
    const mirror = { ...parameters, endpointId: 'spiffe://a.test/mirror', endpointBundle: a.bundle() };
    const bundle = await watch(mirror);
    endpoint.present(await b.issue({ id: ENDPOINT_ID }));
    expect(await expectFailure(bundle.refresh())).toMatchObject({ code: 'ERR_FEDERATION_UNTRUSTED' });
    endpoint.present(await a.issue({ path: '/mirror' }));
    await bundle.refresh();
  });
});

describe('a bundle that nobody confirms', () => {
  test('is forgotten after the time that was set, and its listeners are told', async () => {
    const { b } = await world();
    const clock = clockAhead();
    const { parameters, endpoint } = await webEndpoint({
      reply: { document: bundleOf(b, { sequence: 8n }) },
    });
    const bundle = await watch(parameters, { clock, maxStaleMs: 100_000, refreshMs: 1_000_000 });
    const seen: unknown[] = [];
    bundle.onUpdate((current) => seen.push(current));
    clock.advance(99_999);
    expect(bundle.current).toBeDefined();
    clock.advance(1);
    expect(bundle.current).toBeUndefined();
    expect(seen).toEqual([undefined]);
    // What was forgotten is still what others are measured by.
    endpoint.replyOnce({ document: bundleOf(b, { sequence: 7n }) });
    expect(await expectFailure(bundle.refresh())).toMatchObject({ code: 'ERR_FEDERATION_SEQUENCE' });
    await bundle.refresh();
    expect(bundle.current?.sequence).toBe(8n);
    expect(seen).toHaveLength(2);
  });

  test('stays for ever where no time was set', async () => {
    const clock = clockAhead();
    const fetches = new Fetches();
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters, { clock });
    await endpoint.close();
    for (let days = 1; days <= 3; days++) {
      clock.advance(86_400_000);
      await fetches.until(days + 1);
    }
    expect(bundle.current).toBeDefined();
    expect(bundle.health().lastError?.code).toBe('ERR_FEDERATION_UNREACHABLE');
  });
});

describe('the end', () => {
  test('F-24: terminate forgets the bundle, also the stored one, tells its listeners, and asks no more', async () => {
    const clock = clockAhead();
    const file = await storeFile();
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters, { clock, store: fileBundleStore(file) });
    const seen: unknown[] = [];
    bundle.onUpdate((current) => seen.push(current));
    expect(await readdir(join(file, '..'))).toEqual(['b.test.json']);
    await bundle.terminate();
    expect(seen).toEqual([undefined]);
    expect(bundle.current).toBeUndefined();
    expect(await readdir(join(file, '..'))).toEqual([]);
    expect(clock.pending).toBe(0);
    clock.advance(86_400_000);
    expect(endpoint.requests).toHaveLength(1);
    expect(await expectFailure(bundle.refresh())).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
    await bundle.terminate();
  });

  test('close keeps the stored bundle, and a fetch on its way brings nothing back', async () => {
    const file = await storeFile();
    const { parameters, endpoint } = await webEndpoint();
    const bundle = await watch(parameters, { store: fileBundleStore(file) });
    endpoint.replyWith({ stall: 'answer' });
    const fetching = bundle.refresh();
    await endpoint.received(2);
    await bundle.close();
    expect(bundle.closed.aborted).toBe(true);
    expect(await expectFailure(fetching)).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
    expect(bundle.current).toBeUndefined();
    expect(await readdir(join(file, '..'))).toEqual(['b.test.json']);
  });
});
