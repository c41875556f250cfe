import { authorizeAny, authorizeId } from '@svidkit/core';
import { createTestCa, manualClock } from '@svidkit/testkit';
import { createFetch, peerOfResponse } from '@svidkit/undici';
import { Agent, FormData as UndiciFormData, Request as UndiciRequest } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, expectFailure, rawServer, sourceOf, world } from '../../tls/test/fixtures.ts';
import { anyService, codeOf, fetchOf, holdingService, originOf } from './fixtures.ts';

afterEach(closeAll);

/** A service that says what it was sent. */
async function echo() {
  const { a } = await world();
  const service = await anyService(await sourceOf(a, { path: '/server' }), {}, (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { method, headers } = request;
      response.end(JSON.stringify({ method, type: headers['content-type'], name: headers['x-name'], body }));
    });
  });
  return { url: `${originOf(service)}/`, fetch: fetchOf(await sourceOf(a)) };
}

describe('a bound fetch', () => {
  it('is a fetch to the compiler', async () => {
    const { fetch } = await echo();
    const standard: typeof globalThis.fetch = fetch;
    expect(standard).toBe(fetch);
  });

  it.each<[string, (url: string) => Parameters<typeof globalThis.fetch>]>([
    ['a text and options', (url) => [url, { method: 'POST', headers: { 'x-name': 'n' }, body: 'text' }]],
    [
      'a URL and the Headers of Node.js',
      (url) => [new URL(url), { method: 'POST', headers: new Headers({ 'x-name': 'n' }), body: 'text' }],
    ],
    [
      'a Request of Node.js',
      (url) => [new Request(url, { method: 'POST', headers: { 'x-name': 'n' }, body: 'text' })],
    ],
    [
      'a Request of Node.js, and options that win',
      (url) => [
        new Request(url, { method: 'PUT', headers: { 'x-name': 'other' }, body: 'other' }),
        { method: 'POST', headers: { 'x-name': 'n' }, body: 'text' },
      ],
    ],
    [
      'a Request of undici',
      (url) => [
        new UndiciRequest(url, { method: 'POST', headers: { 'x-name': 'n' }, body: 'text' }) as never,
      ],
    ],
  ])('takes %s', async (_, args) => {
    const { url, fetch } = await echo();
    const response = await fetch(...args(url));
    expect(await response.json()).toMatchObject({ method: 'POST', name: 'n', body: 'text' });
  });

  it.each([
    ['Node.js', () => new FormData()],
    ['undici', () => new UndiciFormData() as unknown as FormData],
  ])('sends a form of %s, files and all', async (_, make) => {
    const { url, fetch } = await echo();
    const body = make();
    body.append('field', 'one');
    body.append('field', 'two');
    body.append('file', new File(['content'], 'name.txt', { type: 'text/plain' }));

    const sent = (await (await fetch(url, { method: 'POST', body })).json()) as {
      type: string;
      body: string;
    };

    expect(sent.type).toMatch(/^multipart\/form-data; boundary=/);
    expect(sent.body.match(/name="(?:field|file)"/g)).toHaveLength(3);
    expect(sent.body).toContain('filename="name.txt"');
    expect(sent.body).toContain('content');
  });

  it('goes by no dispatcher but its own', async () => {
    const { url, fetch } = await echo();
    let asked = 0;
    const other = closing(
      new Agent({
        connect: (_, done) => {
          asked += 1;
          done(new Error('not this way'), null);
        },
      }),
      (one) => one.destroy(),
    );

    expect(await expectFailure(fetch(url, { dispatcher: other } as never))).toMatchObject({
      code: 'ERR_CONFIG_OPTION',
      message: expect.stringContaining('dispatcher') as string,
    });
    const response = await fetch(new UndiciRequest(url, { dispatcher: other }) as never);
    expect(peerOfResponse(response).id.toString()).toBe('spiffe://a.test/server');
    expect(asked).toBe(0);
    await response.text();
  });

  it('ends a request that is aborted', async () => {
    const { a } = await world();
    const server = await holdingService(await sourceOf(a));
    const fetch = fetchOf(await sourceOf(a));
    const abort = new AbortController();
    const failure = expectFailure(fetch(originOf(server), { signal: abort.signal }));
    await server.arrived(1);

    abort.abort(new Error('never mind'));

    expect((await failure).message).toBe('never mind');
    await fetch.close();
  });

  it('takes no more requests once it is closed, and finishes those in flight', async () => {
    const { a } = await world();
    const server = await holdingService(await sourceOf(a));
    const bound = createFetch(await sourceOf(a), { authorize: authorizeAny() });
    const answer = bound(originOf(server)).then((response) => response.text());
    await server.arrived(1);

    const closed = bound[Symbol.asyncDispose]();

    expect(codeOf(await expectFailure(bound(originOf(server))))).toBe('UND_ERR_CLOSED');
    server.answerAll();
    expect(await answer).toContain('peer=');
    await closed;
  });
});

describe('peerOfResponse', () => {
  it('tells who answered, also after the body was read, until an SVID of the connection expires', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const server = await rawServer(await ca.issue({ path: '/server' }));
    const fetch = fetchOf(await sourceOf(ca), { clock, authorize: authorizeId('spiffe://a.test/server') });
    const response = await fetch(originOf(server));
    await response.text();

    expect(peerOfResponse(response)).toMatchObject({ role: 'server' });
    expect(peerOfResponse(response).id.toString()).toBe('spiffe://a.test/server');

    clock.set(clock.now() + 3_700_000);
    expect(() => peerOfResponse(response)).toThrow(expect.objectContaining({ code: 'ERR_PEER_EXPIRED' }));
  });

  it('knows nobody behind what came from elsewhere', async () => {
    const { url, fetch } = await echo();
    const response = await fetch(url);
    const others = [await fetch('data:,hello'), response.clone(), new Response('made up'), {}];
    for (const other of others) {
      expect(() => peerOfResponse(other)).toThrow(expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }));
    }
    expect(peerOfResponse(response).id.toString()).toBe('spiffe://a.test/server');
  });

  it('keeps the answers of concurrent requests apart', async () => {
    const { a } = await world();
    const services = await Promise.all(
      ['/one', '/two', '/three'].map(async (path) => anyService(await sourceOf(a, { path }))),
    );
    const fetch = fetchOf(await sourceOf(a));
    const responses = await Promise.all(
      [...services, ...services].map((service) => fetch(originOf(service))),
    );
    expect(responses.map((response) => peerOfResponse(response).id.path)).toEqual([
      '/one',
      '/two',
      '/three',
      '/one',
      '/two',
      '/three',
    ]);
    await Promise.all(responses.map((response) => response.text()));
  });
});
