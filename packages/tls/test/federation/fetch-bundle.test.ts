import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer as createNetServer } from 'node:net';

import { SpiffeBundle, SpiffeError, type SvidkitEvents } from '@svidkit/core';
import { type BundleReply, createTestCa, manualClock } from '@svidkit/testkit';
import { type BundleEndpoint, fetchBundle, type FetchBundleOptions } from '@svidkit/tls/federation';
import { afterEach, describe, expect, test } from 'vitest';

import { closeAll, closing, expectFailure, listen, world } from '../fixtures.ts';
import { bundleOf, ENDPOINT_ID, type Running, spiffeEndpoint, webCa, webEndpoint } from './endpoints.ts';

afterEach(closeAll);

/** The code of what fetching ends in, and of what is behind it. */
async function codesOf(
  parameters: BundleEndpoint,
  options: FetchBundleOptions = {},
): Promise<readonly unknown[]> {
  try {
    await fetchBundle(parameters, options);
    return ['fetched'];
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error;
    const cause = error.cause as { code?: string } | undefined;
    return cause?.code === undefined ? [error.code] : [error.code, cause.code];
  }
}

const FETCHED = ['fetched'];
const PROFILES: Readonly<Record<string, () => Promise<Running<BundleEndpoint>>>> = {
  https_web: webEndpoint,
  https_spiffe: spiffeEndpoint,
};

describe('https_web', () => {
  test('F-06, F-10, F-11: gives the bundle of an endpoint with a certificate for its host', async () => {
    const { parameters, endpoint } = await webEndpoint();
    const { b } = await world();
    const found = await fetchBundle(parameters);
    expect(found.equals(bundleOf(b))).toBe(true);
    expect(endpoint.requests).toMatchObject([
      { method: 'GET', path: '/bundle.json', serverName: 'localhost', presentedCertificate: false },
    ]);
  });

  test('F-11: takes an IP address as a host, if the certificate is for it', async () => {
    const ca = await webCa();
    for (const [ips, outcome] of [
      [['127.0.0.1'], FETCHED],
      [['127.0.0.2'], ['ERR_FEDERATION_UNTRUSTED', 'ERR_TLS_CERT_ALTNAME_INVALID']],
    ] as const) {
      const certificate = await ca.issueLegacy({ extraNames: ips.map((value) => ({ type: 'ip', value })) });
      const { parameters, endpoint } = await webEndpoint({ certificate, host: '127.0.0.1' });
      expect(await codesOf(parameters)).toEqual(outcome);
      expect(endpoint.requests.map(({ serverName }) => serverName)).toEqual(
        outcome === FETCHED ? [undefined] : [],
      );
    }
  });

  test.for<[string, readonly unknown[]]>([
    ['for another host', ['ERR_FEDERATION_UNTRUSTED', 'ERR_TLS_CERT_ALTNAME_INVALID']],
    ['that is expired', ['ERR_FEDERATION_UNTRUSTED', 'CERT_HAS_EXPIRED']],
    ['of an authority that is not trusted', ['ERR_FEDERATION_UNTRUSTED', 'SELF_SIGNED_CERT_IN_CHAIN']],
    ['that is an X.509-SVID', ['ERR_FEDERATION_UNTRUSTED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']],
  ])('F-11: refuses a certificate %s, and sends it nothing', async ([defect, codes]) => {
    const ca = await webCa();
    const { b } = await world();
    const other = await createTestCa({ trustDomain: 'other.test', id: '' });
    const certificate = {
      'for another host': () => ca.issueLegacy({ dnsNames: ['other.test'] }),
      'that is expired': () => ca.issueLegacy({ dnsNames: ['localhost'], defects: ['expired'] }),
      'of an authority that is not trusted': async () => {
        const issued = await other.issueLegacy({ dnsNames: ['localhost'] });
        return { ...issued, certPem: issued.certPem + other.pem };
      },
      'that is an X.509-SVID': () => b.issue({ id: ENDPOINT_ID }),
    }[defect];
    if (certificate === undefined) throw new Error(defect);
    const { parameters, endpoint } = await webEndpoint({ certificate: await certificate() });
    expect(await codesOf(parameters)).toEqual(codes);
    expect(endpoint.requests).toEqual([]);
    endpoint.present(await ca.issueLegacy({ dnsNames: ['localhost'] }));
    expect(await codesOf(parameters)).toEqual(FETCHED);
  });

  test('without webRoots trusts what this machine trusts, which our test authority is not', async () => {
    const { parameters } = await webEndpoint();
    const { webRoots: _, ...rest } = parameters;
    expect((await codesOf(rest))[0]).toBe('ERR_FEDERATION_UNTRUSTED');
  });

  test('F-07: speaks TLS 1.2 and TLS 1.3', async () => {
    for (const tls of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect(await codesOf((await webEndpoint({ tls })).parameters)).toEqual(FETCHED);
      expect(await codesOf((await spiffeEndpoint({ tls })).parameters)).toEqual(FETCHED);
    }
  });
});

describe('https_spiffe', () => {
  test('F-06, F-15, F-16: gives the bundle of an endpoint with the right SVID, whatever its host', async () => {
    const { parameters, endpoint } = await spiffeEndpoint();
    const { b } = await world();
    const found = await fetchBundle(parameters);
    expect(found.equals(bundleOf(b))).toBe(true);
    expect(endpoint.requests).toMatchObject([{ presentedCertificate: false }]);
  });

  test.for<[string, string]>([
    ['another SPIFFE ID of the same trust domain', 'ERR_PEER_UNAUTHORIZED'],
    ['an ID below the right one', 'ERR_PEER_UNAUTHORIZED'],
    ['the right ID of an authority that only says so', 'ERR_CHAIN_UNTRUSTED'],
    ['an SVID of another trust domain', 'ERR_BUNDLE_UNKNOWN'],
    ['an expired SVID', 'ERR_CHAIN_EXPIRED'],
    ['an SVID that may sign', 'ERR_CHAIN_LEAF_PROFILE'],
    ['a certificate for its host, whose authority is trusted by everyone', 'ERR_CHAIN_ID'],
  ])('F-08, F-16: refuses %s, and sends it nothing', async ([defect, code]) => {
    const { a, b } = await world();
    const rogue = await createTestCa({ trustDomain: 'b.test' });
    const issue = {
      'another SPIFFE ID of the same trust domain': () => b.issue({ path: '/other' }),
      'an ID below the right one': () => b.issue({ id: `${ENDPOINT_ID}/below` }),
      'the right ID of an authority that only says so': () => rogue.issue({ id: ENDPOINT_ID }),
      'an SVID of another trust domain': () => a.issue({ path: '/bundle-endpoint' }),
      'an expired SVID': () => b.issue({ id: ENDPOINT_ID, defects: ['expired'] }),
      'an SVID that may sign': () => b.issue({ id: ENDPOINT_ID, defects: ['leaf-is-ca'] }),
      'a certificate for its host, whose authority is trusted by everyone': () =>
        b.issueLegacy({ dnsNames: ['localhost'] }),
    }[defect];
    if (issue === undefined) throw new Error(defect);
    const { parameters, endpoint } = await spiffeEndpoint({ certificate: await issue() });
    expect(await codesOf(parameters)).toEqual(['ERR_FEDERATION_UNTRUSTED', code]);
    expect(endpoint.requests).toEqual([]);
    endpoint.present(await b.issue({ id: ENDPOINT_ID }));
    expect(await codesOf(parameters)).toEqual(FETCHED);
  });

  test('F-18: an endpoint of a third trust domain is known by the bundle of that one', async () => {
    const { a, b } = await world();
    const certificate = await a.issue({ path: '/mirror' });
    const { parameters } = await spiffeEndpoint({ certificate });
    const mirror = { ...parameters, endpointId: 'spiffe://a.test/mirror' };
    const found = await fetchBundle({ ...mirror, endpointBundle: a.bundle() });
    expect(found.equals(bundleOf(b))).toBe(true);
    expect(await codesOf({ ...mirror, endpointBundle: () => b.bundle() })).toEqual([
      'ERR_FEDERATION_UNTRUSTED',
    ]);
    expect(await codesOf({ ...mirror, endpointBundle: () => undefined })).toEqual([
      'ERR_FEDERATION_UNTRUSTED',
    ]);
  });

  test('an endpoint of a trust domain whose bundle is empty is nobody', async () => {
    const { parameters } = await spiffeEndpoint();
    const { b } = await world();
    const nobody = SpiffeBundle.of(b.bundle().trustDomain, {});
    expect(await codesOf(parameters)).toEqual(FETCHED);
    expect(await codesOf({ ...parameters, endpointBundle: nobody })).toEqual([
      'ERR_FEDERATION_UNTRUSTED',
      'ERR_BUNDLE_EMPTY',
    ]);
  });
});

describe.each(Object.entries(PROFILES))('an answer, with %s', (_profile, start) => {
  test.for<[string, BundleReply, string]>([
    ['status 404', { status: 404 }, 'ERR_FEDERATION_RESPONSE'],
    ['status 500', { status: 500 }, 'ERR_FEDERATION_RESPONSE'],
    ['status 204', { status: 204 }, 'ERR_FEDERATION_RESPONSE'],
    ['a bundle with status 201', { document: '{"keys":[]}', status: 201 }, 'ERR_FEDERATION_RESPONSE'],
    ['status 304', { status: 304 }, 'ERR_FEDERATION_RESPONSE'],
    [
      'status 101',
      { raw: 'HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n' },
      'ERR_FEDERATION_UNREACHABLE',
    ],
    ['no JSON', { document: '<html>' }, 'ERR_BUNDLE_INVALID'],
    ['nothing', { document: '' }, 'ERR_BUNDLE_INVALID'],
    ['bytes that are no UTF-8', { document: Buffer.from([0xff]) }, 'ERR_BUNDLE_INVALID'],
    [
      'a packed body',
      { document: '{"keys":[]}', headers: { 'content-encoding': 'gzip' } },
      'ERR_FEDERATION_RESPONSE',
    ],
    ['half a document', { truncated: '{"keys":[]}' }, 'ERR_FEDERATION_UNREACHABLE'],
    ['no answer', { reset: true }, 'ERR_FEDERATION_UNREACHABLE'],
    ['no HTTP', { raw: 'SSH-2.0-x\r\n\r\n' }, 'ERR_FEDERATION_UNREACHABLE'],
    [
      'a header without end',
      { raw: `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}` },
      'ERR_FEDERATION_UNREACHABLE',
    ],
    ['a body without end', { size: Infinity }, 'ERR_FEDERATION_RESPONSE'],
    ['a byte too many', { size: 1024 * 1024 + 1 }, 'ERR_FEDERATION_RESPONSE'],
  ])('of %s is no bundle', async ([, reply, code]) => {
    const { parameters, endpoint } = await start();
    endpoint.replyOnce(reply);
    expect((await codesOf(parameters))[0]).toBe(code);
    expect(await codesOf(parameters)).toEqual(FETCHED);
  });

  test('may say that it is of any type', async () => {
    const { parameters, endpoint } = await start();
    endpoint.replyOnce({ document: '{"keys":[]}', headers: { 'content-type': 'text/html' } });
    expect(await codesOf(parameters)).toEqual(FETCHED);
  });

  test('may have as many bytes as allowed', async () => {
    const { parameters, endpoint } = await start();
    const text = '{"keys":[]}'.padEnd(5000);
    endpoint.replyWith({ document: text });
    expect(await codesOf(parameters, { maxBytes: 5000 })).toEqual(FETCHED);
    expect(await codesOf(parameters, { maxBytes: 4999 })).toEqual(['ERR_FEDERATION_RESPONSE']);
  });

  test.for<[string, BundleReply]>([
    ['does not begin', { stall: 'answer' }],
    ['stops in its middle', { stall: 'body' }],
    ['comes byte by byte', { trickle: 'body' }],
    ['has a head that comes byte by byte', { trickle: 'head' }],
    ['waits for a handshake without end', { stall: 'handshake' }],
  ])('that %s has its time, and no more', async ([, reply]) => {
    const { parameters, endpoint } = await start();
    const clock = manualClock(Date.now() + 60_000);
    endpoint.replyOnce(reply);
    const fetching = codesOf(parameters, { clock, timeoutMs: 5000 });
    await ('stall' in reply && reply.stall === 'handshake' ? endpoint.connected(1) : endpoint.received(1));
    clock.advance(5000);
    expect(await fetching).toEqual(['ERR_FEDERATION_UNREACHABLE']);
    expect(clock.pending).toBe(0);
    expect(await codesOf(parameters, { clock })).toEqual(FETCHED);
    expect(clock.pending).toBe(0);
  });

  test('is not waited for when the caller gives up', async () => {
    const { parameters, endpoint } = await start();
    endpoint.replyWith({ stall: 'answer' });
    const abort = new AbortController();
    const fetching = fetchBundle(parameters, { signal: abort.signal });
    await endpoint.received(1);
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await expectFailure(fetching)).toBe(reason);
    expect(await expectFailure(fetchBundle(parameters, { signal: abort.signal }))).toBe(reason);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('F-12: is the bundle of the trust domain that was configured, whatever the URL says', async () => {
    const { parameters } = await start();
    expect((await fetchBundle(parameters)).trustDomain.name).toBe('b.test');
  });
});

describe.each(Object.entries(PROFILES))('a redirect, with %s', (_profile, start) => {
  test.for([301, 302, 303, 307, 308] as const)(
    'F-13, F-14: of status %s is followed and forgotten',
    async (status) => {
      const { parameters, endpoint } = await start();
      endpoint.replyOnce({ redirect: '/elsewhere?x=1', status });
      expect(await codesOf(parameters)).toEqual(FETCHED);
      expect(await codesOf(parameters)).toEqual(FETCHED);
      expect(endpoint.requests.map(({ path }) => path)).toEqual([
        '/bundle.json',
        '/elsewhere?x=1',
        '/bundle.json',
      ]);
    },
  );

  test('F-13: to another endpoint is followed where that one proves the same', async () => {
    const first = await start();
    const second = await start();
    first.endpoint.replyWith({ redirect: second.endpoint.url });
    expect(await codesOf(first.parameters)).toEqual(FETCHED);
    expect(second.endpoint.requests).toHaveLength(1);
  });

  test.for<[string, (port: number) => string]>([
    ['http', (port) => `http://localhost:${port}/`],
    ['a file', () => 'file:///etc/passwd'],
    ['user information', (port) => `https://u:p@localhost:${port}/`],
    ['empty user information', (port) => `https://@localhost:${port}/`],
    ['user information without a scheme', (port) => `//u@localhost:${port}/`],
    ['backslashes', (port) => `https:\\\\localhost:${port}\\`],
    ['a blank', (port) => `https://local host:${port}/`],
    ['no host', () => 'https://'],
    ['a port that is none', () => 'https://localhost:99999/'],
    ['nothing', () => ''],
  ])('F-13: to %s is not followed', async ([, location]) => {
    const { parameters, endpoint } = await start();
    endpoint.replyOnce({ redirect: location(endpoint.port) });
    expect(await codesOf(parameters)).toEqual(['ERR_FEDERATION_RESPONSE']);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('F-13: without end is followed five times, or as often as allowed', async () => {
    const { parameters, endpoint } = await start();
    endpoint.replyWith({ redirect: endpoint.url });
    expect(await codesOf(parameters)).toEqual(['ERR_FEDERATION_RESPONSE']);
    expect(endpoint.requests).toHaveLength(6);
    expect(await codesOf(parameters, { maxRedirects: 0 })).toEqual(['ERR_FEDERATION_RESPONSE']);
    expect(endpoint.requests).toHaveLength(7);
  });

  test('without a location leads nowhere', async () => {
    const { parameters, endpoint } = await start();
    endpoint.replyOnce({ status: 302 });
    expect(await codesOf(parameters)).toEqual(['ERR_FEDERATION_RESPONSE']);
  });
});

test('F-19: a redirect to an endpoint with another SPIFFE ID is not taken for the first one', async () => {
  const { b } = await world();
  const first = await spiffeEndpoint();
  const other = await spiffeEndpoint({ certificate: await b.issue({ path: '/other' }) });
  first.endpoint.replyWith({ redirect: other.endpoint.url });
  expect(await codesOf(first.parameters)).toEqual(['ERR_FEDERATION_UNTRUSTED', 'ERR_PEER_UNAUTHORIZED']);
  expect(other.endpoint.requests).toEqual([]);
  other.endpoint.present(await b.issue({ id: ENDPOINT_ID }));
  expect(await codesOf(first.parameters)).toEqual(FETCHED);
});

test('F-08: a redirect from https_web to an endpoint with an SVID fails, and the other way, too', async () => {
  const web = await webEndpoint();
  const spiffe = await spiffeEndpoint();
  web.endpoint.replyOnce({ redirect: spiffe.endpoint.url });
  spiffe.endpoint.replyOnce({ redirect: web.endpoint.url });
  expect((await codesOf(web.parameters))[0]).toBe('ERR_FEDERATION_UNTRUSTED');
  expect((await codesOf(spiffe.parameters))[0]).toBe('ERR_FEDERATION_UNTRUSTED');
});

describe('parameters', () => {
  test.for([
    'http://localhost/',
    'https://u@localhost/',
    'https://u:p@localhost/',
    'https://@localhost/',
    'https:localhost',
    'https:/localhost',
    'https:///path',
    'https://local host/',
    'https://localhost\t/',
    'https:\\\\localhost/',
    'https://localhost:port/',
    'localhost',
    '',
    1,
    undefined,
  ])('F-09: the URL %j is refused before anything is sent', async (url) => {
    const parameters = { trustDomain: 'b.test', profile: 'https_web', url } as BundleEndpoint;
    expect(await codesOf(parameters)).toEqual(['ERR_CONFIG_OPTION']);
  });

  test('F-09: a refused URL is not shown, for it may have a password in it', async () => {
    const url = 'https://user:s3cr3t@localhost/';
    const error = await expectFailure(fetchBundle({ trustDomain: 'b.test', profile: 'https_web', url }));
    expect(error.message).not.toContain('s3cr3t');
  });

  test.for<[string, (good: BundleEndpoint) => unknown]>([
    ['no trust domain', (good) => ({ ...good, trustDomain: undefined })],
    ['no profile', (good) => ({ ...good, profile: undefined })],
    ['another profile', (good) => ({ ...good, profile: 'https' })],
    ['webRoots', (good) => ({ ...good, webRoots: '-----BEGIN CERTIFICATE-----' })],
    ['no endpoint ID', (good) => ({ ...good, endpointId: undefined })],
    ['an endpoint ID without a path', (good) => ({ ...good, endpointId: 'spiffe://b.test' })],
    ['no endpoint bundle', (good) => ({ ...good, endpointBundle: undefined })],
    [
      'the endpoint ID of another trust domain than the bundle',
      (good) => ({ ...good, endpointId: 'spiffe://a.test/x' }),
    ],
  ])('F-08: https_spiffe with %s is refused', async ([, spoil]) => {
    const { parameters, endpoint } = await spiffeEndpoint();
    const [code] = await codesOf(spoil(parameters) as BundleEndpoint);
    expect(code).toMatch(/^ERR_(CONFIG_OPTION|ID_INVALID)$/);
    expect(endpoint.connections).toBe(0);
    expect(await codesOf(parameters)).toEqual(FETCHED);
  });

  test.for<[string, object]>([
    ['an endpoint ID', { endpointId: ENDPOINT_ID }],
    ['no roots at all', { webRoots: [] }],
    ['roots that are none', { webRoots: 'x' }],
  ])('F-08: https_web with %s is refused', async ([, change]) => {
    const { parameters, endpoint } = await webEndpoint();
    expect(await codesOf({ ...parameters, ...change })).toEqual(['ERR_CONFIG_OPTION']);
    expect(endpoint.connections).toBe(0);
  });

  test.for<FetchBundleOptions>([
    { timeoutMs: 0 },
    { maxBytes: 0 },
    { maxBytes: 11 * 1024 * 1024 },
    { maxRedirects: -1 },
  ])('the options %j are refused', async (options) => {
    const { parameters } = await webEndpoint();
    expect(await codesOf(parameters, options)).toEqual(['ERR_CONFIG_OPTION']);
  });
});

test('nobody there, or nobody who speaks TLS, is an endpoint that cannot be asked', async () => {
  const { parameters, endpoint } = await webEndpoint();
  await endpoint.close();
  expect(await codesOf(parameters)).toEqual(['ERR_FEDERATION_UNREACHABLE', 'ECONNREFUSED']);
  const port = await listen(
    closing(
      createNetServer((socket) => socket.end('hello\r\n')),
      () => {},
    ),
  );
  const [code] = await codesOf({ ...parameters, url: `https://localhost:${port}/` });
  expect(code).toBe('ERR_FEDERATION_UNREACHABLE');
});

test('F-26: each fetch is an event, with the URL but not its query', async () => {
  const events: SvidkitEvents['svidkit:federation.fetch'][] = [];
  const listener = (event: unknown): void => void events.push(event as (typeof events)[number]);
  subscribe('svidkit:federation.fetch', listener);
  closing(listener, () => unsubscribe('svidkit:federation.fetch', listener));
  const { parameters, endpoint } = await webEndpoint();
  const { b } = await world();
  endpoint.replyOnce({ document: bundleOf(b, { sequence: 7n }) }, { status: 500 });
  const asked = { ...parameters, url: `${endpoint.url}?token=s3cr3t` };
  await fetchBundle(asked);
  await expectFailure(fetchBundle(asked));
  expect(endpoint.requests[0]?.path).toBe('/bundle.json?token=s3cr3t');
  expect(events).toMatchObject([
    { trustDomain: 'b.test', url: endpoint.url, outcome: 'fetched', sequence: 7n, error: undefined },
    { outcome: 'failed', sequence: undefined, error: { code: 'ERR_FEDERATION_RESPONSE' } },
  ]);
});
