import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

import { manualClock } from '@svidkit/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type SpiffeError } from '../../src/errors.ts';
import {
  bearerFetch,
  bearerHeader,
  type FetchLike,
  parseJwtSvid,
  readBearer,
  staticJwtSource,
} from '../../src/jwt/index.ts';
import { outcomeOf } from '../failure-of.ts';
import { NOW, token } from './jwt-world.ts';

const given = token({ aud: 'x' });
const source = staticJwtSource({ svids: [given, token({ aud: 'y' })], clock: manualClock(NOW) });

const urlOf = (server: Server, path = '/'): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => void server.listen(0, '127.0.0.1', resolve));
}

describe('the header authorization', () => {
  test('J-16: presents a token', () => {
    expect(bearerHeader(parseJwtSvid(given))).toBe(`Bearer ${given}`);
    expect(readBearer(bearerHeader(parseJwtSvid(given)))).toBe(given);
  });

  test.for(['bearer abc', 'BEARER abc', 'Bearer  abc', 'Bearer abc ', ['Bearer abc']])(
    'J-16: %j is read',
    (header) => {
      expect(readBearer(header)).toBe('abc');
    },
  );

  test.for([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearerabc',
    'Basic abc',
    'abc',
    ' Bearer abc',
    'Bearer abc def',
    'Bearer abc, Bearer def',
    'Bearer\tabc',
    [],
    ['Bearer abc', 'Bearer abc'],
  ])('J-16: %j is refused', (header) => {
    expect(outcomeOf(() => readBearer(header))).toBe('ERR_JWT_MISSING');
  });
});

describe('bearerFetch', () => {
  let here: Server;
  let elsewhere: Server;
  /** The requests that came, with who got them. */
  let got: { readonly server: string; readonly request: IncomingMessage }[] = [];

  beforeAll(async () => {
    elsewhere = createServer((request, response) => {
      got.push({ server: 'elsewhere', request });
      response.end('ok');
    });
    await listen(elsewhere);
    here = createServer((request, response) => {
      got.push({ server: 'here', request });
      if (request.url === '/away') response.writeHead(307, { location: urlOf(elsewhere) });
      response.end('ok');
    });
    await listen(here);
  });

  afterAll(() => {
    for (const server of [here, elsewhere]) server.close().closeAllConnections();
  });

  async function ask(fetch: FetchLike, ...args: Parameters<FetchLike>): Promise<(string | undefined)[]> {
    got = [];
    await (await fetch(...args)).text();
    return got.map(({ server, request }) => `${server} ${request.headers.authorization ?? 'none'}`);
  }

  test('J-16: each request has our token, and keeps what else it has', async () => {
    const fetch = bearerFetch(globalThis.fetch, source, { audience: 'x' });
    expect(await ask(fetch, urlOf(here))).toEqual([`here Bearer ${given}`]);
    expect(await ask(fetch, new URL(urlOf(here)), { headers: { a: '1' } })).toEqual([`here Bearer ${given}`]);
    expect(got[0]?.request.headers['a']).toBe('1');
    const request = new Request(urlOf(here), { method: 'POST', body: 'x', headers: [['b', '2']] });
    expect(await ask(fetch, request)).toEqual([`here Bearer ${given}`]);
    expect(got[0]?.request).toMatchObject({ method: 'POST', headers: { b: '2' } });
  });

  test('J-11: the audience may depend on who is called', async () => {
    const fetch = bearerFetch(globalThis.fetch, source, {
      audience: (url) => (url.pathname === '/y' ? 'y' : 'x'),
    });
    const [asY = ''] = await ask(fetch, urlOf(here, '/y'));
    expect(parseJwtSvid(readBearer(asY.replace('here ', ''))).audience).toEqual(['y']);
    expect(await ask(fetch, urlOf(here))).toEqual([`here Bearer ${given}`]);
  });

  test('J-22: a redirect to another origin is followed without the token', async () => {
    const fetch = bearerFetch(globalThis.fetch, source, { audience: 'x' });
    expect(await ask(fetch, urlOf(here, '/away'))).toEqual([`here Bearer ${given}`, 'elsewhere none']);
  });

  test.for([
    'http://a.test/',
    'http://10.0.0.1/',
    'http://127.0.0.1.evil.test/',
    'http://localhost.evil.test/',
    'http://a.localhost/',
    'ftp://localhost/',
    'ws://localhost/',
  ])('J-22: a token is not sent to %s', async (url) => {
    const sent: unknown[] = [];
    const fetch = bearerFetch(async (input) => (sent.push(input), new Response()), source, { audience: 'x' });
    const error: unknown = await fetch(url).catch((caught: unknown) => caught);
    expect((error as SpiffeError).code).toBe('ERR_JWT_INSECURE');
    expect(sent).toEqual([]);
    await fetch('https://a.test/');
    await fetch('http://localhost:1/');
    await fetch('http://[::1]:1/');
    expect(sent).toHaveLength(3);
  });

  test('a request with a token of somebody else is refused, and one without a token of ours is not made', async () => {
    const fetch = bearerFetch(globalThis.fetch, source, { audience: 'x' });
    got = [];
    await expect(fetch(urlOf(here), { headers: { Authorization: 'Basic x' } })).rejects.toMatchObject({
      code: 'ERR_CONFIG_OPTION',
    });
    const unknown = bearerFetch(globalThis.fetch, source, { audience: 'z' });
    await expect(unknown(urlOf(here))).rejects.toMatchObject({ code: 'ERR_JWT_UNAVAILABLE' });
    const signal = AbortSignal.abort(new Error('no more time'));
    await expect(fetch(urlOf(here), { signal })).rejects.toThrow('no more time');
    expect(got).toEqual([]);
  });
});
