import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

import { createTestCa, x509Response, type X509ResponseFields, type X509SvidFields } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { createWorkloadApiClient, type WorkloadApiClient, type WorkloadX509Context } from '../src/index.ts';
import { answer, ca, closeLater, otherCa, recorder, startFake } from './fixture.ts';

/** Follows the contexts of a fake Workload API. */
async function follow() {
  const api = await startFake();
  api.fetchX509Svid.silence();
  const client = closeLater(createWorkloadApiClient({ address: api.address }));
  const recorded = recorder<WorkloadX509Context>();
  const over = client.watchX509Context(recorded);
  return { api, client, over, ...recorded };
}

/** What a fetch says of an answer that it refuses. */
async function refusalOf(client: WorkloadApiClient): Promise<unknown> {
  return client.fetchX509Context().catch((error: unknown) => error);
}

function spoil(whole: X509ResponseFields, change: Partial<X509SvidFields>): X509ResponseFields {
  return { ...whole, svids: whole.svids.map((svid, index) => (index === 0 ? { ...svid, ...change } : svid)) };
}

test('A-05, A-06: what a message leaves out is gone: a federated bundle, a CRL, a hint, an identity', async () => {
  const { api, seen, updates } = await follow();
  const crls = [Uint8Array.of(0x30, 0x00)];
  const whole = await answer(['/a', '/b'], {
    hints: ['internal', 'external'],
    federated: [await otherCa],
    crls,
  });
  api.fetchX509Svid.send(whole);
  await seen(1);
  expect(updates[0]?.crls).toEqual(crls);
  expect([...(updates[0]?.bundles ?? [])].map(({ trustDomain }) => trustDomain.name)).toEqual([
    'prod.example',
    'other.example',
  ]);
  expect(updates[0]?.svids.map(({ hint }) => hint)).toEqual(['internal', 'external']);

  api.fetchX509Svid.send({
    svids: [{ ...whole.svids[0], hint: '' }],
  });
  await seen(2);
  expect(updates[1]?.crls).toEqual([]);
  expect([...(updates[1]?.bundles ?? [])].map(({ trustDomain }) => trustDomain.name)).toEqual([
    'prod.example',
  ]);
  expect(updates[1]?.svids.map(({ id, hint }) => [id.path, hint])).toEqual([['/a', undefined]]);
});

test.each<[string, (whole: X509ResponseFields) => Partial<X509ResponseFields>, string]>([
  ['no svids', (whole) => ({ ...whole, svids: [] }), 'no svids'],
  ['an empty message', () => ({}), 'no svids'],
  ['no spiffe_id', (whole) => spoil(whole, { spiffeId: '' }), 'no spiffe_id'],
  ['no x509_svid', (whole) => spoil(whole, { x509Svid: new Uint8Array() }), 'no x509_svid'],
  ['no x509_svid_key', (whole) => spoil(whole, { x509SvidKey: new Uint8Array() }), 'no x509_svid_key'],
  ['no bundle', (whole) => spoil(whole, { bundle: new Uint8Array() }), 'no bundle'],
])(
  'A-07, A-10, A-11: %s discards the whole message, and state and stream stay',
  async (_name, change, problem) => {
    const { api, client, seen, updates, errors } = await follow();
    const good = await answer(['/a', '/b'], { federated: [await otherCa] });
    api.fetchX509Svid.send(good);
    await seen(1);
    api.fetchX509Svid.send(change(good));
    await seen(1, 1);
    expect(errors[0]).toMatchObject({
      code: 'ERR_WORKLOAD_API_RESPONSE',
      blame: 'environment',
      message: expect.stringContaining(problem) as string,
    });
    expect(updates).toHaveLength(1);
    // The same stream goes on, and a fetch tells the same.
    api.fetchX509Svid.send(good);
    await seen(2, 1);
    expect(api.fetchX509Svid.calls).toHaveLength(1);
    api.fetchX509Svid.send(change(good));
    expect(await refusalOf(client)).toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE' });
  },
);

test('A-07: one bad identity among good ones spoils the message', async () => {
  const { api, seen, errors, updates } = await follow();
  const good = await answer(['/a', '/b']);
  api.fetchX509Svid.send({
    ...good,
    svids: [...good.svids, { spiffeId: 'spiffe://prod.example/c' }],
  });
  await seen(0, 1);
  expect(errors[0]?.message).toContain('SVID 3 of 3');
  expect(updates).toEqual([]);
});

test('A-12: of identities with the same hint the first counts, and no hint is no hint', async () => {
  const { api, seen, updates } = await follow();
  api.fetchX509Svid.send(
    await answer(['/a1', '/a2', '/n1', '/n2', '/b'], { hints: ['a', 'a', '', '', 'b'] }),
  );
  await seen(1);
  expect(updates[0]?.svids.map(({ id, hint }) => [id.path, hint])).toEqual([
    ['/a1', 'a'],
    ['/n1', undefined],
    ['/n2', undefined],
    ['/b', 'b'],
  ]);
});

test('A-16: the bundles of FetchX509Bundles come with their own field numbers, and without an identity', async () => {
  const api = await startFake();
  const client = closeLater(createWorkloadApiClient({ address: api.address }));
  const crl = [Uint8Array.of(0x30, 0x03, 0x01, 0x01, 0xff)];
  const { authorities, trustDomain } = await ca;
  api.fetchX509Bundles.send({ bundles: { [`spiffe://${trustDomain}`]: Buffer.concat(authorities) }, crl });
  const { bundles, crls } = await client.fetchX509Bundles();
  expect(bundles.get((await ca).bundle().trustDomain)?.equals((await ca).bundle())).toBe(true);
  expect(crls).toEqual(crl);
  await expect(client.fetchX509Context()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_DENIED' });
});

test('A-07: bundles: {} is discarded, an empty bundle of one trust domain is not', async () => {
  const api = await startFake();
  const client = closeLater(createWorkloadApiClient({ address: api.address }));
  api.fetchX509Bundles.send({ bundles: {} });
  await expect(client.fetchX509Bundles()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE' });
  // Trust Domain and Bundle 4.1.3: it revokes everything, so it must not be ignored.
  api.fetchX509Bundles.send({ bundles: { 'spiffe://gone.example': new Uint8Array() } });
  const [bundle] = (await client.fetchX509Bundles()).bundles;
  expect(bundle).toMatchObject({ isEmpty: true });
});

test('A-17: x509_svid is DER, one certificate after the other, and nothing else', async () => {
  const { api, client } = await follow();
  const intermediate = await (await ca).intermediate();
  const svid = await intermediate.issue({ path: '/a' });
  const good = x509Response([{ svid, bundle: await ca }]);
  api.fetchX509Svid.send(good);
  expect((await client.fetchX509Svid()).certificates).toHaveLength(2);
  for (const bytes of [
    Buffer.concat([...svid.chainDer, Buffer.from([0])]),
    Buffer.concat([...svid.chainDer, Buffer.from('garbage')]),
    Buffer.concat(svid.chainDer).subarray(0, -1),
    Buffer.from(svid.certPem),
  ]) {
    api.fetchX509Svid.send(spoil(good, { x509Svid: bytes }));
    expect(await refusalOf(client)).toMatchObject({
      code: 'ERR_SVID_CERTIFICATE_INVALID',
      blame: 'environment',
    });
  }
});

test('A-18: x509_svid_key is PKCS#8, not encrypted, and the key of the leaf', async () => {
  const { api, client } = await follow();
  const good = await answer(['/a']);
  const key = createPrivateKey({
    key: Buffer.from(good.svids[0]?.x509SvidKey ?? []),
    format: 'der',
    type: 'pkcs8',
  });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const encrypted = key.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'x' });
  for (const [bytes, code] of [
    [key.export({ type: 'sec1', format: 'der' }), 'ERR_SVID_KEY_INVALID'],
    [rsa.export({ type: 'pkcs1', format: 'der' }), 'ERR_SVID_KEY_INVALID'],
    [encrypted, 'ERR_SVID_KEY_INVALID'],
    [Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })), 'ERR_SVID_KEY_INVALID'],
    [stranger.export({ type: 'pkcs8', format: 'der' }), 'ERR_SVID_KEY_MISMATCH'],
    [rsa.export({ type: 'pkcs8', format: 'der' }), 'ERR_SVID_KEY_MISMATCH'],
  ] as const) {
    api.fetchX509Svid.send(spoil(good, { x509SvidKey: bytes }));
    expect(await refusalOf(client)).toMatchObject({ code, blame: 'environment' });
  }
  api.fetchX509Svid.send(good);
  expect((await client.fetchX509Svid()).id.path).toBe('/a');
});

test.each([
  'other.example',
  'spiffe://other.example/path',
  'spiffe://OTHER.example',
  '',
  'https://other.example',
])('A-19: %j is no key of a bundle', async (key) => {
  const { api, client } = await follow();
  const federatedBundles = { [key]: Buffer.concat((await otherCa).authorities) };
  api.fetchX509Svid.send({ ...(await answer(['/a'])), federatedBundles });
  expect(await refusalOf(client)).toMatchObject({
    code: expect.stringMatching(/^ERR_(WORKLOAD_API_RESPONSE|ID_INVALID)$/) as string,
  });
});

test('A-28: the first identity is the default one, and the order is kept', async () => {
  const { api, client } = await follow();
  api.fetchX509Svid.send(await answer(['/z', '/a', '/m']));
  expect((await client.fetchX509Svid()).id.path).toBe('/z');
  expect((await client.fetchX509Svids()).map(({ id }) => id.path)).toEqual(['/z', '/a', '/m']);
});

test('A-29: a hint of more than 1024 bytes is taken as it is', async () => {
  const { api, client } = await follow();
  api.fetchX509Svid.send(await answer(['/a'], { hints: ['h'.repeat(1025)] }));
  expect((await client.fetchX509Svid()).hint).toHaveLength(1025);
});

test('the bundle of our own trust domain comes with the SVID, whatever the federated ones say of it', async () => {
  const { api, client } = await follow();
  const impostor = await createTestCa({ trustDomain: 'prod.example' });
  api.fetchX509Svid.send(await answer(['/a'], { federated: [impostor] }));
  const { bundles } = await client.fetchX509Context();
  expect([...bundles]).toHaveLength(1);
  expect(bundles.get(impostor.bundle().trustDomain)?.equals((await ca).bundle())).toBe(true);
});

test('ID-24: an SVID whose certificate carries another ID than its message is refused', async () => {
  const { api, client } = await follow();
  api.fetchX509Svid.send(spoil(await answer(['/a']), { spiffeId: 'spiffe://prod.example/b' }));
  expect(await refusalOf(client)).toMatchObject({
    code: 'ERR_WORKLOAD_API_RESPONSE',
    message: expect.stringContaining('spiffe://prod.example/a') as string,
  });
});
