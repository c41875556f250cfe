import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { status as Status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';

import { createWitClient, type WitSvid } from '../src/experimental/index.ts';
import { openWorkloadApiX509Source } from '../src/index.ts';
import { answer, closeLater, recorder, startFake } from './fixture.ts';
import { show } from './key-marks.ts';

const issuer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ID = 'spiffe://prod.example/web';
const jwkOf = (key: KeyObject): Record<string, unknown> => ({
  ...key.export({ format: 'jwk' }),
  alg: 'ES256',
});

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = Math.floor(Date.now() / 1_000) + 300;
const HEADER: Record<string, unknown> = { alg: 'ES256', kid: 'A', typ: 'wit+jwt' };
const CLAIMS: Record<string, unknown> = { sub: ID, exp: seconds, cnf: { jwk: jwkOf(own.publicKey) } };

function token(header: Record<string, unknown> = {}, claims: Record<string, unknown> = {}): string {
  const input = `${part({ ...HEADER, ...header })}.${part({ ...CLAIMS, ...claims })}`;
  const signature = sign('sha256', Buffer.from(input), { key: issuer.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const entry = (witSvid: string, key: KeyObject = own.privateKey, hint = '') => ({
  spiffeId: ID,
  witSvid,
  witSvidKey: JSON.stringify(jwkOf(key)),
  hint,
});

const bundle = (...keys: object[]) => ({ bundles: { 'spiffe://prod.example': JSON.stringify({ keys }) } });

async function connect() {
  const api = await startFake();
  const client = closeLater(createWitClient({ address: api.address }));
  return { api, client };
}

test('A-27: a WIT-SVID comes with its key as a JWK text, and is shown without either', async () => {
  const { api, client } = await connect();
  const text = token({}, { iat: seconds + 3_600, foo: 'unknown claims are ignored' });
  api.fetchWitSvid.send({ svids: [entry(text, own.privateKey, 'h')] });
  const [svid] = await client.fetchWitSvids({ subject: ID });
  expect(svid).toMatchObject({ keyId: 'A', algorithm: 'ES256', expiry: seconds * 1_000, hint: 'h' });
  expect(svid?.marshal()).toBe(text);
  expect(svid?.privateKey.equals(own.privateKey)).toBe(true);
  expect(api.fetchWitSvid.calls[0]).toMatchObject({
    request: { spiffeId: ID },
    metadata: { 'workload.spiffe.io': 'true' },
  });
  const { d = '' } = own.privateKey.export({ format: 'jwk' });
  expect(show(svid)).not.toContain(d.slice(0, 12));
  expect(show(svid)).not.toContain(text.slice(0, 24));
});

test.each<[string, string]>([
  ['W-01: no kid', token({ kid: undefined })],
  ['W-03: another typ', token({ typ: 'JWT' })],
  ['W-03: no typ', token({ typ: undefined })],
  ['W-04: another alg', token({ alg: 'HS256' })],
  ['W-05: a critical header', token({ crit: ['x'] })],
  ['W-06: another sub', token({}, { sub: 'spiffe://prod.example/admin' })],
  ['W-07: no cnf', token({}, { cnf: undefined })],
  ['W-07: an empty cnf', token({}, { cnf: {} })],
  ['W-07: a cnf with a kid alone', token({}, { cnf: { kid: 'A' } })],
  ['W-08: a cnf without alg', token({}, { cnf: { jwk: own.publicKey.export({ format: 'jwk' }) } })],
  ['W-08: a cnf with HS256', token({}, { cnf: { jwk: { ...jwkOf(own.publicKey), alg: 'HS256' } } })],
  ['W-08: a cnf with a private key', token({}, { cnf: { jwk: jwkOf(own.privateKey) } })],
  ['W-10: no exp', token({}, { exp: undefined })],
  ['W-14: an aud', token({}, { aud: 'x' })],
  ['W-14: an empty aud', token({}, { aud: [] })],
  ['another key in cnf', token({}, { cnf: { jwk: jwkOf(other.publicKey) } })],
  ['no token', 'a.b'],
  ['no text', ''],
])('%s: the message is refused, and shows neither key nor token', async (_name, text) => {
  const { api, client } = await connect();
  api.fetchWitSvid.send({ svids: [entry(text)] });
  const error = await client.fetchWitSvids().catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE', blame: 'environment' });
  const { d = '' } = own.privateKey.export({ format: 'jwk' });
  expect(show(error)).not.toContain(d.slice(0, 12));
  expect(show(error)).not.toContain(text.slice(0, 24) || 'eyJ');
});

test('A-07, A-12: mandatory fields have values, and of the same hint the first counts', async () => {
  const { api, client } = await connect();
  for (const svids of [[], [{ ...entry(token()), spiffeId: '' }], [{ ...entry(token()), witSvidKey: '' }]]) {
    api.fetchWitSvid.send({ svids });
    await expect(client.fetchWitSvids()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE' });
  }
  api.fetchWitSvid.send({ svids: ['a', 'a', '', ''].map((hint) => entry(token(), own.privateKey, hint)) });
  expect((await client.fetchWitSvids()).map(({ hint }) => hint)).toEqual(['a', undefined, undefined]);
});

test('A-26: where the agent has no WIT-SVIDs the watch ends at once, and X.509 goes on', async () => {
  const { api, client } = await connect();
  api.fetchX509Svid.send(await answer(['/web']));
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
  await expect(client.watchWitSvids(recorder())).rejects.toMatchObject({
    code: 'ERR_WORKLOAD_API_UNIMPLEMENTED',
  });
  await expect(client.watchWitBundles(recorder())).rejects.toMatchObject({
    code: 'ERR_WORKLOAD_API_UNIMPLEMENTED',
  });
  expect(api.fetchWitSvid.calls).toHaveLength(1);
  expect(source.health()).toMatchObject({ ready: true, problems: [] });
});

test('a watch follows, and keeps its state over bad messages and broken streams', async () => {
  const { api, client } = await connect();
  api.fetchWitSvid.send({ svids: [entry(token())] });
  const watcher = recorder<readonly WitSvid[]>();
  void client.watchWitSvids(watcher);
  await watcher.seen(1);
  api.fetchWitSvid.send({});
  await watcher.seen(1, 1);
  api.fetchWitSvid.send({ svids: [entry(token({ kid: 'B' }))] });
  await watcher.seen(2, 1);
  api.fetchWitSvid.end(Status.UNAVAILABLE);
  await watcher.seen(3, 2);
  expect(watcher.updates.map(([svid]) => svid?.keyId)).toEqual(['A', 'B', 'B']);
});

test('W-19, W-20, A-27: WIT bundles are JWK Sets as text, with a kid for each key, and no keys of other uses', async () => {
  const { api, client } = await connect();
  const key = jwkOf(issuer.publicKey);
  api.fetchWitBundles.send(
    bundle(
      { ...key, kid: 'A', use: 'wit-svid' },
      { ...key, kid: 'B' },
      { ...key, kid: 'C', use: 'jwt-svid' },
      { kty: 'AKP', kid: 'D' },
    ),
  );
  const fetched = await client.fetchWitBundles();
  expect(fetched.trustDomains.map(({ name }) => name)).toEqual(['prod.example']);
  expect(fetched.toJSON()).toEqual({ 'prod.example': ['A', 'B'] });
  for (const bad of [
    bundle({ ...key }),
    bundle({ ...key, kid: 'A' }, { ...key, kid: 'A' }),
    { bundles: {} },
    { bundles: { 'spiffe://prod.example': '' } },
  ]) {
    api.fetchWitBundles.send(bad);
    await expect(client.fetchWitBundles()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE' });
  }
});
