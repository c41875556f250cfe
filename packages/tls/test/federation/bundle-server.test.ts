import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, request } from 'node:https';

import { parseBundleDocument, type SpiffeBundle, type X509Source } from '@svidkit/core';
import {
  createBundleHandler,
  createBundleServer,
  fetchBundle,
  type SpiffeBundleEndpoint,
} from '@svidkit/tls/federation';
import { afterEach, describe, expect, test } from 'vitest';

import { closeAll, Events, expectFailure, listen, RawClient, rotate, sourceOf, world } from '../fixtures.ts';
import { bundleOf, ENDPOINT_ID, webCa } from './endpoints.ts';

afterEach(closeAll);

async function ask(listener: RequestListener, init: RequestInit = {}): Promise<Response> {
  const port = await listen(createServer(listener));
  return fetch(`http://127.0.0.1:${port}/any/path?x=1`, init);
}

const endpointOf = async (port: number): Promise<SpiffeBundleEndpoint> => ({
  trustDomain: 'b.test',
  url: `https://localhost:${port}/`,
  profile: 'https_spiffe',
  endpointId: ENDPOINT_ID,
  endpointBundle: (await world()).b.bundle(),
});
const serverOf = async (source: X509Source): Promise<number> => {
  const { b } = await world();
  return listen(
    createBundleServer(
      source,
      createBundleHandler(() => bundleOf(b)),
    ),
  );
};

function failing(): never {
  throw new Error('secret reason');
}

describe('a bundle handler', () => {
  test('F-21: answers GET with the latest bundle, as JSON in UTF-8', async () => {
    const { b } = await world();
    const bundles = [bundleOf(b, { sequence: 1n }), bundleOf(b, { sequence: 2n })];
    let current = bundles[0];
    const handler = createBundleHandler(() => current);
    const first = await ask(handler);
    expect([first.status, first.headers.get('content-type')]).toEqual([200, 'application/json']);
    const read = async (response: Response): Promise<SpiffeBundle> =>
      parseBundleDocument(new Uint8Array(await response.arrayBuffer()), b.bundle().trustDomain);
    expect((await read(first)).equals(bundleOf(b, { sequence: 1n }))).toBe(true);
    current = bundles[1];
    expect((await read(await ask(handler))).sequence).toBe(2n);
  });

  test('B-02: a change without a greater sequence number is served, and reported once', async () => {
    const { b } = await world();
    const { next } = await b.rotate();
    const events = new Events();
    let current = bundleOf(b, { sequence: 7n });
    const handler = createBundleHandler(() => current);
    const served = async (bundle: SpiffeBundle): Promise<readonly string[]> => {
      current = bundle;
      for (let time = 0; time < 2; time++) {
        const document = new Uint8Array(await (await ask(handler)).arrayBuffer());
        expect(parseBundleDocument(document, bundle.trustDomain).equals(bundle)).toBe(true);
      }
      return events.errors.splice(0).map(({ error }) => `${error.code} ${error.blame}`);
    };
    const wrong = ['ERR_FEDERATION_SEQUENCE caller'];
    expect(await served(current)).toEqual([]);
    expect(await served(bundleOf(next, { sequence: 7n }))).toEqual(wrong);
    expect(await served(bundleOf(b, { sequence: 8n }))).toEqual([]);
    expect(await served(bundleOf(b, { sequence: 8n }))).toEqual([]);
    expect(await served(bundleOf(next, { sequence: 6n }))).toEqual(wrong);
    expect(await served(bundleOf(b))).toEqual(wrong);
    // Who has never counted need not begin.
    expect(await served(bundleOf(next))).toEqual([]);
  });

  test('F-21: answers HEAD without a body, and every other method with 405', async () => {
    const { b } = await world();
    const handler = createBundleHandler(() => bundleOf(b));
    const head = await ask(handler, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await ask(handler, { method });
      expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([
        405,
        'GET, HEAD',
        '',
      ]);
    }
  });

  test('answers with 503 and a reason in an event while there is no bundle', async () => {
    const events = new Events();
    for (const bundle of [() => undefined, failing]) {
      const response = await ask(createBundleHandler(bundle));
      expect([response.status, await response.text()]).toEqual([503, '']);
    }
    expect(events.errors.map(({ error }) => error.code)).toEqual(['ERR_BUNDLE_EMPTY', 'ERR_BUNDLE_INVALID']);
  });

  test('F-22: serves https_web behind any HTTPS server with a certificate for its host', async () => {
    const { b } = await world();
    const ca = await webCa();
    const { certPem, keyPem } = await ca.issueLegacy({ dnsNames: ['localhost'] });
    const handler = createBundleHandler(() => bundleOf(b));
    const port = await listen(createHttpsServer({ cert: certPem, key: keyPem }, handler));
    const url = `https://localhost:${port}/`;
    const found = await fetchBundle({ trustDomain: 'b.test', url, profile: 'https_web', webRoots: ca.pem });
    expect(found.equals(bundleOf(b))).toBe(true);
  });

  test('wants a function', () => {
    expect(() => createBundleHandler({} as never)).toThrow('function');
  });
});

describe('a bundle server', () => {
  test('F-20, F-22: presents the SVID of its source, the next one after a rotation, and asks for no certificate', async () => {
    const { b } = await world();
    const source = await sourceOf(b, { id: ENDPOINT_ID });
    const port = await serverOf(source);
    const endpoint = await endpointOf(port);
    expect((await fetchBundle(endpoint)).equals(bundleOf(b))).toBe(true);
    await rotate(source, b, { id: ENDPOINT_ID });
    const client = new RawClient(port);
    await new Promise((resolve) => client.socket.once('secureConnect', resolve));
    await fetchBundle(endpoint);
    expect(client.serverLeaf?.equals(source.current.svid.leaf.der)).toBe(true);
    await rotate(source, b, { path: '/other' });
    expect(await expectFailure(fetchBundle(endpoint))).toMatchObject({ code: 'ERR_FEDERATION_UNTRUSTED' });
  });

  test('lets nobody in once its source is closed', async () => {
    const { b } = await world();
    const source = await sourceOf(b, { id: ENDPOINT_ID });
    const port = await serverOf(source);
    const endpoint = await endpointOf(port);
    await fetchBundle(endpoint);
    await source.close();
    expect(await expectFailure(fetchBundle(endpoint))).toMatchObject({ code: 'ERR_FEDERATION_UNREACHABLE' });
  });

  test.for(['TLSv1.2', 'TLSv1.3'] as const)('F-07: speaks %s', async (version) => {
    const { b } = await world();
    const port = await serverOf(await sourceOf(b, { id: ENDPOINT_ID }));
    const status = await new Promise((resolve, reject) => {
      const options = {
        port,
        rejectUnauthorized: false,
        minVersion: version,
        maxVersion: version,
        agent: false,
      } as const;
      request({ host: '127.0.0.1', ...options }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});
