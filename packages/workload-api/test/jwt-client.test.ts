import { status as Status } from '@grpc/grpc-js';
import { createTestJwtAuthority } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { createWorkloadApiClient } from '../src/index.ts';
import { closeLater, recorder, startFake } from './fixture.ts';
import { show } from './key-marks.ts';

const authority = createTestJwtAuthority({ trustDomain: 'prod.example' });
const audience = 'spiffe://prod.example/db';
const bundleOf = (jwks: string) => ({ bundles: { 'spiffe://prod.example': Buffer.from(jwks) } });

async function connect() {
  const api = await startFake();
  const client = closeLater(createWorkloadApiClient({ address: api.address }));
  api.fetchJwtSvid.send((request) => ({
    svids: ['/web', '/admin'].map((path) => ({
      spiffeId: `spiffe://prod.example${path}`,
      svid: authority.issue({ subject: path, audience: request.audience }),
      hint: path.slice(1),
    })),
  }));
  return { api, client };
}

test('a JWT-SVID is fetched for an audience, the default one first', async () => {
  const { api, client } = await connect();
  const svid = await client.fetchJwtSvid({ audience: [audience, 'other'] });
  expect(svid).toMatchObject({ verified: false, audience: ['other', audience] });
  expect(svid.id.path).toBe('/web');
  expect((await client.fetchJwtSvids({ audience })).map(({ svid: { id }, hint }) => [id.path, hint])).toEqual(
    [
      ['/web', 'web'],
      ['/admin', 'admin'],
    ],
  );
  expect(api.fetchJwtSvid.calls.map(({ request }) => request.audience)).toEqual([
    ['other', audience],
    [audience],
  ]);
});

test('E-02: calls of the JWT profile carry the security header too', async () => {
  const { api, client } = await connect();
  await client.fetchJwtSvid({ audience });
  api.fetchJwtBundles.send(bundleOf(authority.jwks()));
  await client.fetchJwtBundles();
  const token = authority.issue({ subject: '/peer', audience });
  api.validateJwtSvid.send({ spiffeId: 'spiffe://prod.example/peer', claims: {} });
  await client.validateJwtSvid(token, { audience });
  const watcher = recorder();
  void client.watchJwtBundles(watcher);
  await watcher.seen(1);
  for (const { calls } of [api.fetchJwtSvid, api.fetchJwtBundles, api.validateJwtSvid]) {
    for (const { metadata } of calls) expect(metadata['workload.spiffe.io']).toBe('true');
  }
  expect(api.fetchJwtBundles.calls).toHaveLength(2);
});

test.each([[[]], [''], [['']], [undefined]])(
  'A-20: audience %j is refused before anything is asked',
  async (bad) => {
    const { api, client } = await connect();
    await expect(client.fetchJwtSvid({ audience: bad as string })).rejects.toMatchObject({
      code: 'ERR_CONFIG_OPTION',
    });
    const token = authority.issue({ subject: '/peer', audience });
    await expect(client.validateJwtSvid(token, { audience: bad as string })).rejects.toMatchObject({
      code: 'ERR_CONFIG_OPTION',
    });
    expect(api.fetchJwtSvid.calls).toEqual([]);
    expect(api.validateJwtSvid.calls).toEqual([]);
  },
);

test('A-21: without a subject all identities are asked for, with one that alone', async () => {
  const { api, client } = await connect();
  await client.fetchJwtSvid({ audience });
  await client.fetchJwtSvid({ audience, subject: 'spiffe://prod.example/admin' });
  expect(api.fetchJwtSvid.calls.map(({ request }) => request.spiffeId)).toEqual([
    '',
    'spiffe://prod.example/admin',
  ]);
});

test('A-12: of tokens with the same hint the first counts', async () => {
  const { api, client } = await connect();
  api.fetchJwtSvid.send({
    svids: [
      ['/a', 'x'],
      ['/b', 'x'],
      ['/c', ''],
      ['/d', ''],
    ].map(([subject = '', hint = '']) => ({
      spiffeId: `spiffe://prod.example${subject}`,
      svid: authority.issue({ subject, audience }),
      hint,
    })),
  });
  expect((await client.fetchJwtSvids({ audience })).map(({ svid }) => svid.id.path)).toEqual([
    '/a',
    '/c',
    '/d',
  ]);
});

const token = authority.issue({ subject: '/a', audience });
test.each([
  ['no svids', { svids: [] }, 'ERR_WORKLOAD_API_RESPONSE'],
  ['no svid', { svids: [{ spiffeId: 'spiffe://prod.example/a', svid: '' }] }, 'ERR_WORKLOAD_API_RESPONSE'],
  ['no spiffe_id', { svids: [{ spiffeId: '', svid: token }] }, 'ERR_WORKLOAD_API_RESPONSE'],
  [
    'another ID',
    { svids: [{ spiffeId: 'spiffe://prod.example/b', svid: token }] },
    'ERR_WORKLOAD_API_RESPONSE',
  ],
  ['the token as its ID', { svids: [{ spiffeId: token, svid: token }] }, 'ERR_ID_INVALID'],
  [
    'half a token',
    { svids: [{ spiffeId: 'spiffe://prod.example/a', svid: token.slice(0, -30) }] },
    'ERR_JWT_MALFORMED',
  ],
])('A-07: a JWT-SVID answer with %s is refused, and shows no token', async (_name, answer, code) => {
  const { api, client } = await connect();
  api.fetchJwtSvid.send(answer);
  const error = await client.fetchJwtSvid({ audience }).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code, blame: 'environment' });
  const shown = `${show(error)}${show((error as Error).cause)}`;
  for (const part of token.split('.')) expect(shown).not.toContain(part.slice(0, 16));
});

test('A-22: JWT bundles are plain JWK Sets, with or without use, and other uses are left out', async () => {
  const { api, client } = await connect();
  const { keys } = JSON.parse(authority.jwks()) as { keys: object[] };
  const other = JSON.parse(createTestJwtAuthority({ keyId: 'key-2' }).jwks()) as { keys: object[] };
  api.fetchJwtBundles.send(
    bundleOf(JSON.stringify({ keys: [...keys, ...other.keys.map((key) => ({ ...key, use: 'x509-svid' }))] })),
  );
  const [bundle] = await client.fetchJwtBundles();
  expect([...(bundle?.authorities.keys() ?? [])]).toEqual(['key-1']);
});

test.each<[string, Record<string, Uint8Array>, string]>([
  ['bundles: {}', {}, 'ERR_WORKLOAD_API_RESPONSE'],
  ['a name as key', { 'prod.example': Buffer.from(authority.jwks()) }, 'ERR_ID_INVALID'],
  ['no JSON', { 'spiffe://prod.example': Buffer.from('{') }, 'ERR_BUNDLE_INVALID'],
  ['no bytes', { 'spiffe://prod.example': new Uint8Array() }, 'ERR_BUNDLE_INVALID'],
])(
  'A-07, A-19: JWT bundles with %s are discarded, and state and stream stay',
  async (_name, bundles, code) => {
    const { api, client } = await connect();
    api.fetchJwtBundles.send(bundleOf(authority.jwks()));
    const watcher = recorder();
    void client.watchJwtBundles(watcher);
    await watcher.seen(1);
    api.fetchJwtBundles.send({ bundles });
    await watcher.seen(1, 1);
    expect(watcher.errors[0]).toMatchObject({ code, blame: 'environment' });
    api.fetchJwtBundles.send(bundleOf(authority.jwks()));
    await watcher.seen(2, 1);
    expect(api.fetchJwtBundles.calls).toHaveLength(1);
  },
);

test('A-05, A-06: a JWT bundle that a message leaves out is gone', async () => {
  const { api, client } = await connect();
  const jwks = Buffer.from(authority.jwks());
  api.fetchJwtBundles.send({ bundles: { 'spiffe://prod.example': jwks, 'spiffe://other.example': jwks } });
  const watcher = recorder<{ readonly size: number }>();
  void client.watchJwtBundles(watcher);
  await watcher.seen(1);
  api.fetchJwtBundles.send(bundleOf(authority.jwks()));
  await watcher.seen(2);
  expect(watcher.updates.map(({ size }) => size)).toEqual([2, 1]);
});

test('A-23, A-25: the Workload API validates, and may pass on less than the token says', async () => {
  const { api, client } = await connect();
  const peer = authority.issue({ subject: '/peer', audience, claims: { secret: 'x' } });
  const claims = {
    sub: 'spiffe://prod.example/peer',
    aud: [audience],
    deep: { n: [1, null, { __proto__: null }] },
  };
  api.validateJwtSvid.send({ spiffeId: 'spiffe://prod.example/peer', claims });
  const valid = await client.validateJwtSvid(peer, { audience });
  expect(valid.id.toString()).toBe('spiffe://prod.example/peer');
  expect(JSON.parse(JSON.stringify(valid.claims))).toEqual(JSON.parse(JSON.stringify(claims)));
  expect(Object.getPrototypeOf(valid.claims)).toBeNull();
  expect(Object.isFrozen(valid.claims)).toBe(true);
  expect(api.validateJwtSvid.calls[0]?.request).toMatchObject({ audience, svid: peer });
});

test.each([
  ['no spiffe_id', { spiffeId: '', claims: {} }],
  ['no claims', { spiffeId: 'spiffe://prod.example/peer' }],
  ['another ID', { spiffeId: 'spiffe://prod.example/admin', claims: {} }],
])('A-07: a validation with %s is none', async (_name, answer) => {
  const { api, client } = await connect();
  api.validateJwtSvid.send(answer);
  const peer = authority.issue({ subject: '/peer', audience });
  await expect(client.validateJwtSvid(peer, { audience })).rejects.toMatchObject({
    code: 'ERR_WORKLOAD_API_RESPONSE',
  });
});

test('E-11: a token that the Workload API refuses is the fault of the peer, ends that call only, and is not shown', async () => {
  const { api, client } = await connect();
  const peer = authority.issue({ subject: '/peer', audience });
  api.validateJwtSvid.send(({ svid }) => ({
    status: { code: Status.INVALID_ARGUMENT, details: `bad token ${svid}` },
  }));
  const error = await client.validateJwtSvid(peer, { audience }).catch((cause: unknown) => cause);
  expect(error).toMatchObject({
    code: 'ERR_WORKLOAD_API_REFUSED',
    blame: 'peer',
    message: expect.stringContaining('bad token [...]') as string,
  });
  for (const part of peer.split('.')) expect(show(error)).not.toContain(part.slice(0, 16));
  api.validateJwtSvid.send({ spiffeId: 'spiffe://prod.example/peer', claims: {} });
  await expect(client.validateJwtSvid(peer, { audience })).resolves.toMatchObject({ id: { path: '/peer' } });
});

test('what is no token is refused before anything is asked', async () => {
  const { api, client } = await connect();
  await expect(client.validateJwtSvid('a.b', { audience })).rejects.toMatchObject({
    code: 'ERR_JWT_MALFORMED',
  });
  expect(api.validateJwtSvid.calls).toEqual([]);
});
