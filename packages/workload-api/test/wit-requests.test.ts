import { createHash } from 'node:crypto';
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';

import { authorizeId, authorizeMemberOf, SpiffeId, staticDenyList } from '@svidkit/core';
import { expect, onTestFinished, test } from 'vitest';

import {
  createWitProof,
  createWitVerifier,
  presentWit,
  witFetch,
  type WitRequest,
  type WitVerifierOptions,
} from '../src/experimental/index.ts';
import { show } from './key-marks.ts';
import { bundles, CLIENT, clock, issue, outcomeOf, own, token } from './wit-world.ts';

const URL_OF_IT = 'https://payments.example/charge?amount=1';
const entry = issue();
const svid = own(entry);

function verifierWith(options: Partial<WitVerifierOptions> = {}) {
  return createWitVerifier({
    bundles,
    origin: 'https://payments.example',
    authorize: authorizeMemberOf('a.test'),
    clock,
    ...options,
  });
}

/** A request that presents our WIT-SVID, as its server has it. */
async function presented(
  headers: Record<string, string> = {},
  url = URL_OF_IT,
  bind: string[] = [],
): Promise<WitRequest> {
  const all = new Headers(headers);
  await presentWit(svid, { url, headers: all }, { clock, bind });
  const { pathname, search } = new URL(url);
  return { url: pathname + search, headers: Object.fromEntries(all) };
}

const outcome = (request: WitRequest, options: Partial<WitVerifierOptions> = {}): Promise<string> =>
  outcomeOf(verifierWith(options).verifyRequest(request));

test('W-17, W-18: a request goes with two headers of its own, and none of them is authorization', async () => {
  const request = await presented({ accept: '*/*' });
  expect(Object.keys(request.headers).toSorted()).toEqual([
    'accept',
    'workload-identity-token',
    'workload-proof-token',
  ]);
  const peer = await verifierWith().verifyRequest(request);
  expect(peer.id.toString()).toBe(CLIENT);
});

test('W-17: a WIT-SVID that somebody has put into authorization is neither sent nor accepted', async () => {
  const headers = new Headers({ authorization: `Bearer ${entry.witSvid}` });
  await expect(presentWit(svid, { url: URL_OF_IT, headers }, { clock })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
  expect([...headers.keys()]).toEqual(['authorization']);
  const proof = await createWitProof(svid, {
    audience: URL_OF_IT,
    clock,
    hashes: { ath: createHash('sha256').update(entry.witSvid).digest('base64url') },
  });
  const request = {
    url: '/charge',
    headers: {
      authorization: `Bearer ${entry.witSvid}`,
      'workload-identity-token': entry.witSvid,
      'workload-proof-token': proof,
    },
  };
  expect(await outcome(request)).toBe('ERR_WIT_PROOF');
  const bare = { ...request.headers, authorization: `WIT ${entry.witSvid}` };
  const plain = await createWitProof(svid, { audience: URL_OF_IT, clock });
  expect(await outcome({ ...request, headers: { ...bare, 'workload-proof-token': plain } })).toBe(
    'ERR_WIT_PROOF',
  );
  const other = { ...bare, authorization: 'WIT another', 'workload-proof-token': plain };
  expect(await outcome({ ...request, headers: other })).toBe('accepted');
  expect(await outcome({ ...request, headers: { authorization: `Bearer ${entry.witSvid}` } })).toBe(
    'ERR_JWT_MISSING',
  );
});

test.for([
  'http://payments.example/charge',
  'http://localhost/charge',
  'http://127.0.0.1:80/',
  'ws://payments.example/',
  'file:///x',
])('W-22: nothing is put on a request to %s', async (url) => {
  const headers = new Headers();
  await expect(presentWit(svid, { url, headers }, { clock })).rejects.toMatchObject({
    code: 'ERR_JWT_INSECURE',
    blame: 'caller',
  });
  expect([...headers.keys()]).toEqual([]);
  let calls = 0;
  const fetch = witFetch(
    async () => {
      calls++;
      return new Response();
    },
    svid,
    { clock },
  );
  await expect(fetch(url)).rejects.toMatchObject({ code: 'ERR_JWT_INSECURE' });
  expect(calls).toBe(0);
});

test('W-22: an origin without https: is none', () => {
  for (const origin of [
    'http://payments.example',
    'payments.example',
    'https://payments.example/path',
    'https://u@payments.example',
    '',
    [],
    ['https://a.test', 'x'],
  ]) {
    expect(() => verifierWith({ origin })).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
  }
  expect(() =>
    verifierWith({ origin: ['https://payments.example/', 'https://payments.example:8443'] }),
  ).not.toThrow();
});

test('a request has each header once', async () => {
  const { headers, url } = await presented();
  const given = headers as Record<string, string>;
  const [t = '', p = ''] = [given['workload-identity-token'], given['workload-proof-token']];
  const raw = (...pairs: string[]): WitRequest => ({ url, headers: given, rawHeaders: pairs });
  expect(await outcome(raw('Workload-Identity-Token', t, 'Workload-Proof-Token', p))).toBe('accepted');
  for (const bad of [
    raw('workload-identity-token', t),
    raw('workload-proof-token', p),
    raw('workload-identity-token', t, 'workload-proof-token', p, 'WORKLOAD-PROOF-TOKEN', p),
    raw('workload-identity-token', t, 'workload-identity-token', t, 'workload-proof-token', p),
    raw('workload-identity-token', `${t}, ${t}`, 'workload-proof-token', p),
    { url, headers: { ...given, 'Workload-Proof-Token': p } },
    { url, headers: {} },
    { url, headers: { ...given, 'workload-proof-token': [p, p] } },
  ]) {
    expect(await outcome(bad)).toBe('ERR_JWT_MISSING');
  }
});

test('headers of fetch, joined when they come twice', async () => {
  const headers = new Headers();
  await presentWit(svid, { url: URL_OF_IT, headers }, { clock });
  const request = new Request(URL_OF_IT, { headers });
  expect(await outcome(request)).toBe('accepted');
  headers.append('workload-proof-token', headers.get('workload-proof-token') ?? '');
  expect(await outcome({ url: '/charge', headers })).toBe('ERR_JWT_MISSING');
});

test('a proof is for one path of one server, which does not believe what a request says about its host', async () => {
  const request = await presented();
  expect(await outcome({ ...request, url: '/charge?amount=1000' })).toBe('accepted');
  expect(await outcome({ ...request, url: 'https://elsewhere.example/charge' })).toBe('accepted');
  expect(await outcome(request, { origin: ['https://a.example', 'https://payments.example'] })).toBe(
    'accepted',
  );
  for (const url of [
    '/',
    '/charge/',
    '/Charge',
    '//charge',
    '/x/../charge',
    '/./charge',
    '/char%67e',
    '*',
    'charge',
    'x:charge',
    undefined,
  ]) {
    expect(await outcome({ ...request, url })).toBe('ERR_JWT_AUDIENCE');
  }
  expect(
    await outcome(
      { ...request, headers: { ...request.headers, host: 'a.example' } },
      { origin: 'https://a.example' },
    ),
  ).toBe('ERR_JWT_AUDIENCE');
  // A path without its slash would go on with the name of the host.
  const evil = await presented({}, 'https://payments.example.evil.test/charge');
  for (const url of ['x:.evil.test/charge', '.evil.test/charge']) {
    expect(await outcome({ ...evil, url })).toBe('ERR_JWT_AUDIENCE');
  }
});

test('a verifier remembers what was used', async () => {
  const verifier = verifierWith();
  const request = await presented();
  expect(await outcomeOf(verifier.verifyRequest(request))).toBe('accepted');
  expect(await outcomeOf(verifier.verifyRequest(request))).toBe('ERR_WIT_REPLAY');
  expect(await outcomeOf(verifier.verifyRequest(await presented()))).toBe('accepted');
  const forgetful = verifierWith({ replays: false });
  expect([
    await outcomeOf(forgetful.verifyRequest(request)),
    await outcomeOf(forgetful.verifyRequest(request)),
  ]).toEqual(['accepted', 'accepted']);
});

test('who may come in is decided by the proven ID', async () => {
  const authorize = authorizeId(SpiffeId.parse('spiffe://a.test/other'));
  expect(await outcome(await presented(), { authorize })).toBe('ERR_PEER_UNAUTHORIZED');
  expect(await outcome(await presented(), { authorize: authorizeId(SpiffeId.parse(CLIENT)) })).toBe(
    'accepted',
  );
  expect(await outcome(await presented(), { deny: staticDenyList({ ids: [CLIENT] }) })).toBe(
    'ERR_PEER_DENIED',
  );
  expect(() => verifierWith({ authorize: undefined as unknown as typeof authorize })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_AUTHORIZER' }),
  );
  expect(() => verifierWith({ leewayMs: -1 })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
  );
});

test('W-16: a token without its proof, or with that of another, is nobody', async () => {
  const { headers, url } = await presented();
  const given = headers as Record<string, string>;
  const { 'workload-proof-token': proof = '', ...rest } = given;
  expect(await outcome({ url, headers: rest })).toBe('ERR_JWT_MISSING');
  expect(await outcome({ url, headers: { ...given, 'workload-identity-token': token() } })).toBe(
    'ERR_WIT_PROOF',
  );
  expect(await outcome({ url, headers: { ...given, 'workload-identity-token': proof } })).toBe(
    'ERR_JWT_HEADER',
  );
});

test('access tokens are covered without being asked, other headers where that is wanted', async () => {
  const request = await presented({ authorization: 'DPoP access', 'x-user': 'someone' }, URL_OF_IT, [
    'X-User',
    'x-not-there',
  ]);
  const peer = await verifierWith().verifyRequest(request);
  expect(peer.boundHeaders).toEqual(['authorization', 'x-user']);
  const changed = { ...request, headers: { ...request.headers, 'x-user': 'admin' } };
  expect(await outcome(changed)).toBe('ERR_WIT_PROOF');
  const stolen = { ...request, headers: { ...request.headers, authorization: 'DPoP other' } };
  expect(await outcome(stolen)).toBe('ERR_WIT_PROOF');
});

test('a fetch presents the latest one on each request, and follows no redirect', async () => {
  const calls: { readonly headers: Headers; readonly redirect: string | undefined }[] = [];
  const own2 = own(issue());
  const latest = [svid, own2];
  const fetch = witFetch(
    async (_input, init) => {
      calls.push({ headers: new Headers(init?.headers), redirect: init?.redirect });
      return new Response('ok');
    },
    () => latest.shift() ?? svid,
    { clock },
  );
  await fetch(URL_OF_IT, { headers: { accept: 'x' } });
  await fetch(new Request(URL_OF_IT, { headers: { accept: 'y' }, redirect: 'manual' }));
  expect(calls.map(({ headers }) => headers.get('workload-identity-token'))).toEqual([
    svid.marshal(),
    own2.marshal(),
  ]);
  expect(calls.map(({ headers }) => headers.get('accept'))).toEqual(['x', 'y']);
  expect(calls.map(({ redirect }) => redirect)).toEqual(['error', 'manual']);
  expect(calls.map(({ headers }) => headers.has('authorization'))).toEqual([false, false]);
  await expect(fetch(URL_OF_IT, { headers: { 'Workload-Proof-Token': 'x' } })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
});

test('a request over a real socket, with its headers as they came', async () => {
  const verifier = verifierWith();
  const seen: Promise<string>[] = [];
  const server = createServer((request, response) => {
    seen.push(outcomeOf(verifier.verifyRequest(request)));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const send = async (
    headers: Record<string, string | string[]>,
    path = '/charge?amount=1',
  ): Promise<void> => {
    await new Promise<IncomingMessage>((resolve) => {
      sendRequest({ host: '127.0.0.1', port, path, headers, agent: false }, resolve).end();
    }).then((response) => response.resume());
  };
  const { headers } = await presented();
  const given = headers as Record<string, string>;
  await send(given);
  await send(given);
  const again = (await presented()).headers as Record<string, string>;
  await send({ ...again, 'workload-proof-token': [again['workload-proof-token'] ?? '', 'x.y.z'] });
  await send(again, '/other');
  expect(await Promise.all(seen)).toEqual([
    'accepted',
    'ERR_WIT_REPLAY',
    'ERR_JWT_MISSING',
    'ERR_JWT_AUDIENCE',
  ]);
});

test('no error shows what was in the headers', async () => {
  const { headers, url } = await presented();
  const given = headers as Record<string, string>;
  for (const bad of [
    { ...given, 'workload-proof-token': `${given['workload-proof-token']}=` },
    { ...given, 'workload-identity-token': 'do-not-tell' },
  ]) {
    const error = await verifierWith()
      .verifyRequest({ url, headers: bad })
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'SpiffeError' });
    expect(show(error)).not.toContain('do-not-tell');
    expect(show(error)).not.toContain((given['workload-proof-token'] ?? '').slice(-20));
  }
});
