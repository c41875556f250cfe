import { connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { inspect } from 'node:util';

import { type DescMessage } from '@bufbuild/protobuf';
import { status as Status } from '@grpc/grpc-js';
import { TrustDomain } from '@svidkit/core';
import {
  bundleMap,
  createTestCa,
  createTestJwtAuthority,
  type FakeBroker,
  referencedWorkload,
} from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { createBrokerClient, type WorkloadReference } from '../src/experimental/broker/index.ts';
import { type WorkloadX509Context } from '../src/index.ts';
import { BrokerApi, SpiffeWorkloadAPI } from '../src/protocol/index.ts';
import { BROKER, clientOf, identity, ownSource, pidOf, SERVER, startBroker } from './broker-fixture.ts';
import { answer, ca, closeLater, otherCa, recorder, startFake } from './fixture.ts';

const pods = { plural: 'pods', group: 'core' };
const uid = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890';
const authority = createTestJwtAuthority({ trustDomain: 'prod.example' });

/** Gives all that a broker can give, to everybody. */
async function giveAll(broker: FakeBroker): Promise<void> {
  broker.subscribeToX509Svid.send(await identity('/w'));
  broker.subscribeToX509Bundles.send({ bundles: bundleMap([await ca, await otherCa]) });
  broker.fetchJwtSvid.send(({ audience }) => ({
    svids: [{ spiffeId: 'spiffe://prod.example/w', svid: authority.issue({ subject: '/w', audience }) }],
  }));
  broker.subscribeToJwtBundles.send({ bundles: { 'spiffe://prod.example': Buffer.from(authority.jwks()) } });
}

/** The methods of a fake, each as the list of its calls. */
function callsOf(broker: FakeBroker) {
  const { subscribeToX509Svid, subscribeToX509Bundles, fetchJwtSvid, subscribeToJwtBundles } = broker;
  return [subscribeToX509Svid, subscribeToX509Bundles, fetchJwtSvid, subscribeToJwtBundles].map(
    ({ calls }) => calls,
  );
}

test.each(['unix', 'tcp'] as const)('BR-05: what a workload is given, over %s', async (transport) => {
  const broker = await startBroker({ transport });
  await giveAll(broker);
  const workload = (await clientOf(broker)).workload({ pid: 42 });
  const { svids, bundles } = await workload.fetchX509Context();
  expect(svids.map(({ id }) => id.toString())).toEqual(['spiffe://prod.example/w']);
  expect(bundles.get(TrustDomain.parse('prod.example'))?.authorities).toHaveLength(1);
  expect((await workload.fetchX509Svid()).id.toString()).toBe('spiffe://prod.example/w');
  expect((await workload.fetchX509Bundles()).bundles.get(TrustDomain.parse('other.example'))).toBeDefined();
  const token = await workload.fetchJwtSvid({ audience: 'db', subject: 'spiffe://prod.example/w' });
  expect(token.audience).toEqual(['db']);
  expect([...(await workload.fetchJwtBundles())].map(({ trustDomain }) => trustDomain.name)).toEqual([
    'prod.example',
  ]);
  const paths = callsOf(broker).map((calls) => calls[0]?.metadata[':path']);
  expect(paths).toEqual([
    '/spiffe.broker.API/SubscribeToX509SVID',
    '/spiffe.broker.API/SubscribeToX509Bundles',
    '/spiffe.broker.API/FetchJWTSVID',
    '/spiffe.broker.API/SubscribeToJWTBundles',
  ]);
  expect(broker.fetchJwtSvid.calls[0]?.request).toMatchObject({
    audience: ['db'],
    spiffeId: 'spiffe://prod.example/w',
  });
});

test('BR-05: the responses have the fields of those of the Workload API, under the same numbers', () => {
  const fields = ({ fields: list }: DescMessage): unknown[] =>
    list.map((field) => [
      field.name,
      field.number,
      field.fieldKind,
      field.message === undefined ? field.scalar : fields(field.message),
      field.fieldKind === 'map' ? [field.mapKey, field.mapKind, field.scalar] : [],
    ]);
  const ours = BrokerApi.method;
  const theirs = SpiffeWorkloadAPI.method;
  expect(fields(ours.subscribeToX509SVID.output)).toEqual(fields(theirs.fetchX509SVID.output));
  expect(fields(ours.subscribeToX509Bundles.output)).toEqual(fields(theirs.fetchX509Bundles.output));
  expect(fields(ours.fetchJWTSVID.output)).toEqual(fields(theirs.fetchJWTSVID.output));
  expect(fields(ours.subscribeToJWTBundles.output)).toEqual(fields(theirs.fetchJWTBundles.output));
  expect(Object.values(ours).map(({ name, methodKind }) => [name, methodKind])).toEqual([
    ['SubscribeToX509SVID', 'server_streaming'],
    ['SubscribeToX509Bundles', 'server_streaming'],
    ['FetchJWTSVID', 'unary'],
    ['SubscribeToJWTBundles', 'server_streaming'],
  ]);
});

test('BR-01: every request has the security header, also after a reconnect', async () => {
  const broker = await startBroker();
  await giveAll(broker);
  const workload = (await clientOf(broker)).workload({ pid: 42 });
  const recorded = recorder<WorkloadX509Context>();
  void workload.watchX509Context(recorded);
  await recorded.seen(1);
  broker.subscribeToX509Svid.end();
  await recorded.seen(2);
  await Promise.all([
    workload.fetchX509Bundles(),
    workload.fetchJwtSvid({ audience: 'a' }),
    workload.fetchJwtBundles(),
  ]);
  expect(callsOf(broker).map((calls) => calls.map(({ metadata }) => metadata['broker.spiffe.io']))).toEqual([
    ['true', 'true'],
    ['true'],
    ['true'],
    ['true'],
  ]);
});

test.each([
  [undefined, '3'],
  ['True', '3'],
  ['false', '3'],
  ['true', '0'],
])('BR-01: the fake broker answers a request with header %j by status %s', async (header, expected) => {
  const broker = await startBroker({ transport: 'tcp' });
  broker.fetchJwtSvid.send({ svids: [] });
  const { certPem, keyPem } = await (await ca).issue({ path: '/broker' });
  const url = broker.address.replace('tcp:', 'https:');
  const options = { cert: certPem, key: keyPem, rejectUnauthorized: false, ALPNProtocols: ['h2'] };
  const { hostname, port } = new URL(url);
  const session = connect(url, {
    createConnection: () => connectTls({ host: hostname, port: Number(port), ...options }),
  });
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/spiffe.broker.API/FetchJWTSVID',
    ...(header === undefined ? {} : { 'broker.spiffe.io': header }),
  });
  const status = new Promise((resolve) => {
    const look = (headers: IncomingHttpHeaders): void => {
      if (headers['grpc-status'] !== undefined) resolve(headers['grpc-status']);
    };
    stream.on('response', look).on('trailers', look);
  });
  stream.resume().end();
  expect(await status).toBe(expected);
  session.destroy();
});

test('BR-02: both sides prove who they are', async () => {
  const broker = await startBroker();
  await giveAll(broker);
  const source = await ownSource();
  const client = closeLater(createBrokerClient(source, { serverId: SERVER, address: broker.address }));
  await client.workload({ pid: 1 }).fetchX509Svid();
  expect(broker.subscribeToX509Svid.calls[0]?.peer).toBe(BROKER);
  // Another identity of ours, with the next connection.
  const next = await (await ca).context({ path: '/another' });
  source.update(next.svid, next.bundles);
  await expect(client.workload({ pid: 1 }).fetchX509Svid()).rejects.toMatchObject({
    code: 'ERR_BROKER_DENIED',
  });
});

test.each([
  ['another path', 'spiffe://prod.example/agent2', 'ERR_PEER_UNAUTHORIZED'],
  ['the beginning of its path', 'spiffe://prod.example/agen', 'ERR_PEER_UNAUTHORIZED'],
  ['a path below its own', 'spiffe://prod.example/agent/a', 'ERR_PEER_UNAUTHORIZED'],
  ['its trust domain', 'spiffe://prod.example', 'ERR_PEER_UNAUTHORIZED'],
  ['its path in another trust domain', 'spiffe://other.example/agent', 'ERR_PEER_UNAUTHORIZED'],
])('BR-02: a server is not asked anything when its expected ID is %s', async (_name, serverId, code) => {
  const broker = await startBroker();
  await giveAll(broker);
  const workload = (await clientOf(broker, { serverId })).workload({ pid: 1 });
  await expect(workload.fetchX509Svid()).rejects.toMatchObject({ code });
  await expect(workload.fetchJwtSvid({ audience: 'a' })).rejects.toMatchObject({ code });
  expect(callsOf(broker)).toEqual([[], [], [], []]);
});

test('BR-02, BR-03: by a DNS name, too, it is the ID of the server that counts', async () => {
  const broker = await startBroker({ transport: 'tcp' });
  await giveAll(broker);
  const address = broker.address.replace('127.0.0.1', 'localhost');
  const reference = { kubernetes: { type: pods, uid } };
  const client = await clientOf(broker, { address });
  expect((await client.workload(reference).fetchX509Svid()).id.path).toBe('/w');
  // A certificate for that very name is none for it.
  broker.present(await (await ca).issueLegacy({ dnsNames: ['localhost'] }));
  await expect(client.workload(reference).fetchX509Svid()).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_(?:CHAIN|PEER)_/u) as string,
  });
  expect(broker.subscribeToX509Svid.calls).toHaveLength(1);
});

test('BR-02: nor is one that somebody else vouches for, or that has no certificate at all', async () => {
  const stranger = await createTestCa({ trustDomain: 'prod.example' });
  const certificate = await stranger.issue({ path: '/agent' });
  const broker = await startBroker({ certificate });
  await giveAll(broker);
  const workload = (await clientOf(broker)).workload({ pid: 1 });
  await expect(workload.fetchX509Svid()).rejects.toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
  expect(broker.subscribeToX509Svid.calls).toEqual([]);
  broker.present(await (await ca).issue({ path: '/agent' }));
  expect((await workload.fetchX509Svid()).id.toString()).toBe('spiffe://prod.example/w');

  const plain = await startFake();
  const lost = await clientOf(broker, { address: plain.address });
  await expect(lost.workload({ pid: 1 }).fetchX509Svid()).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_(?:PEER|WORKLOAD_API)_/) as string,
  });
  expect(plain.fetchX509Svid.calls).toEqual([]);
});

test('BR-02: the fake broker takes no client that it does not trust', async () => {
  const broker = await startBroker({ trust: await otherCa });
  await giveAll(broker);
  const workload = (await clientOf(broker)).workload({ pid: 1 });
  await expect(workload.fetchX509Svid()).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_PEER_|^ERR_WORKLOAD_API_UNAVAILABLE$/) as string,
  });
  expect(broker.subscribeToX509Svid.calls).toEqual([]);
});

test.each<readonly [string, WorkloadReference, unknown]>([
  ['a process', { pid: 42 }, { pid: 42 }],
  ['a pod by its UID', { kubernetes: { type: pods, uid } }, { kubernetes: { type: pods, uid } }],
  [
    'a deployment by its name',
    {
      kubernetes: {
        type: { plural: 'deployments', group: 'apps' },
        key: { namespace: 'shop', name: 'checkout' },
      },
    },
    {
      kubernetes: {
        type: { plural: 'deployments', group: 'apps' },
        key: { namespace: 'shop', name: 'checkout' },
        uid: '',
      },
    },
  ],
  [
    'a node',
    { kubernetes: { type: { plural: 'nodes', group: 'core' }, key: { name: 'ip-10-0-1-42.internal' } } },
    {
      kubernetes: {
        type: { plural: 'nodes', group: 'core' },
        key: { namespace: '', name: 'ip-10-0-1-42.internal' },
      },
    },
  ],
  [
    'a custom resource with both',
    {
      kubernetes: {
        type: { plural: 'kustomizations', group: 'kustomize.toolkit.fluxcd.io' },
        key: { namespace: 'flux', name: 'system:apps' },
        uid,
      },
    },
    {
      kubernetes: {
        type: { plural: 'kustomizations', group: 'kustomize.toolkit.fluxcd.io' },
        key: { namespace: 'flux', name: 'system:apps' },
        uid,
      },
    },
  ],
])('BR-06, BR-08: every request has exactly the one reference: %s', async (_name, reference, expected) => {
  const broker = await startBroker();
  await giveAll(broker);
  const workload = (await clientOf(broker)).workload(reference);
  await workload.fetchX509Svid();
  await workload.fetchX509Bundles();
  await workload.fetchJwtSvid({ audience: 'a' });
  await workload.fetchJwtBundles();
  for (const calls of callsOf(broker)) {
    expect(calls.map(({ request }) => referencedWorkload(request))).toMatchObject([expected]);
  }
});

test('BR-06: what becomes of the object that was given changes no request', async () => {
  const broker = await startBroker();
  await giveAll(broker);
  const given = { pid: 42 };
  const workload = (await clientOf(broker)).workload(given);
  given.pid = 43;
  await workload.fetchX509Svid();
  expect(pidOf(referencedWorkload(broker.subscribeToX509Svid.calls[0]?.request ?? {}))).toBe(42);
});

test('BR-10: what is of one workload is never seen by another', async () => {
  const broker = await startBroker();
  const one = await identity('/one');
  const federated = await answer(['/two'], { federated: [await otherCa] });
  broker.subscribeToX509Svid.send((request) => (pidOf(referencedWorkload(request)) === 1 ? one : federated));
  const client = await clientOf(broker);
  const [first, second] = [recorder<WorkloadX509Context>(), recorder<WorkloadX509Context>()];
  void client.workload({ pid: 1 }).watchX509Context(first);
  void client.workload({ pid: 2 }).watchX509Context(second);
  await Promise.all([first.seen(1), second.seen(1)]);
  const idsOf = ({ updates }: typeof first): string[][] =>
    updates.map(({ svids, bundles }) => [
      ...svids.map(({ id }) => id.path),
      ...Array.from(bundles, ({ trustDomain }) => trustDomain.name),
    ]);
  expect(idsOf(first)).toEqual([['/one', 'prod.example']]);
  expect(idsOf(second)).toEqual([['/two', 'prod.example', 'other.example']]);
  // The same bundle came twice, and is not shared.
  const own = TrustDomain.parse('prod.example');
  expect(first.updates[0]?.bundles.get(own)).not.toBe(second.updates[0]?.bundles.get(own));
});

test('BR-10: closing one workload leaves the others, closing the client ends all', async () => {
  const broker = await startBroker();
  await giveAll(broker);
  const client = await clientOf(broker);
  const [one, two] = [client.workload({ pid: 1 }), client.workload({ pid: 2 })];
  const [first, second] = [recorder<WorkloadX509Context>(), recorder<WorkloadX509Context>()];
  const [overOne, overTwo] = [one.watchX509Context(first), two.watchX509Context(second)];
  await Promise.all([first.seen(1), second.seen(1)]);
  await one.close();
  await overOne;
  await expect(one.fetchX509Svid()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_CLOSED' });
  await expect(one.watchX509Context(first)).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_CLOSED' });
  broker.subscribeToX509Svid.send(await identity('/next'));
  await second.seen(2);
  expect(first.updates).toHaveLength(1);
  await client.close();
  await overTwo;
  expect(two.closed.aborted).toBe(true);
  expect(() => client.workload({ pid: 3 })).toThrow(
    expect.objectContaining({ code: 'ERR_WORKLOAD_API_CLOSED' }),
  );
});

test('BR-11: a bad message is discarded as a whole, and what a message leaves out is gone', async () => {
  const broker = await startBroker();
  const good = await answer(['/w'], { federated: [await otherCa] });
  broker.subscribeToX509Svid.send(good);
  const recorded = recorder<WorkloadX509Context>();
  void (await clientOf(broker)).workload({ pid: 1 }).watchX509Context(recorded);
  await recorded.seen(1);
  const [svid] = good.svids;
  for (const [index, bad] of [
    {},
    { ...good, svids: good.svids.map((one) => ({ ...one, spiffeId: '' })) },
    { ...good, svids: good.svids.map((one) => ({ ...one, x509SvidKey: new Uint8Array() })) },
    { ...good, svids: good.svids.map((one) => ({ ...one, bundle: new Uint8Array() })) },
    Buffer.from('ffff', 'hex'),
  ].entries()) {
    broker.subscribeToX509Svid.send(bad);
    await recorded.seen(1, index + 1);
  }
  expect(new Set(recorded.errors.map(({ code }) => code))).toEqual(new Set(['ERR_WORKLOAD_API_RESPONSE']));
  broker.subscribeToX509Svid.send({ ...good, federatedBundles: {} });
  await recorded.seen(2, 5);
  const other = TrustDomain.parse('other.example');
  expect(recorded.updates.map(({ bundles }) => bundles.get(other) !== undefined)).toEqual([true, false]);
  expect(broker.subscribeToX509Svid.calls).toHaveLength(1);
  const key = Buffer.from(svid?.x509SvidKey ?? new Uint8Array()).toString('base64');
  expect(inspect(recorded, { depth: 9 })).not.toContain(key.slice(0, 40));
});

test('BR-11: JWT-SVIDs and bundles without their mandatory fields are no answer', async () => {
  const broker = await startBroker();
  const workload = (await clientOf(broker)).workload({ pid: 1 });
  broker.fetchJwtSvid.send({ svids: [] });
  await expect(workload.fetchJwtSvid({ audience: 'a' })).rejects.toMatchObject({
    code: 'ERR_WORKLOAD_API_RESPONSE',
  });
  broker.fetchJwtSvid.send({ svids: [{ spiffeId: 'spiffe://prod.example/w', svid: '' }] });
  await expect(workload.fetchJwtSvid({ audience: 'a' })).rejects.toMatchObject({
    code: 'ERR_WORKLOAD_API_RESPONSE',
  });
  await expect(workload.fetchJwtSvid({ audience: [] })).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
  broker.subscribeToJwtBundles.send({ bundles: {} });
  await expect(workload.fetchJwtBundles()).rejects.toMatchObject({ code: 'ERR_WORKLOAD_API_RESPONSE' });
  expect(broker.fetchJwtSvid.calls).toHaveLength(2);
});

test('BR-15: of several identities with the same hint the first counts', async () => {
  const broker = await startBroker();
  broker.subscribeToX509Svid.send(await answer(['/a', '/b', '/c', '/d'], { hints: ['x', 'x', '', ''] }));
  const svids = await (await clientOf(broker)).workload({ pid: 1 }).fetchX509Svids();
  expect(svids.map(({ id }) => id.path)).toEqual(['/a', '/c', '/d']);
});

test.each([
  [Status.INVALID_ARGUMENT, 'WORKLOAD_REFERENCE_INVALID', 'ERR_WORKLOAD_API_REFUSED'],
  [Status.INVALID_ARGUMENT, undefined, 'ERR_WORKLOAD_API_REFUSED'],
  [Status.NOT_FOUND, 'WORKLOAD_NOT_FOUND', 'ERR_BROKER_WORKLOAD_NOT_FOUND'],
  [Status.NOT_FOUND, undefined, 'ERR_BROKER_WORKLOAD_NOT_FOUND'],
  [Status.PERMISSION_DENIED, 'WORKLOAD_NOT_ENTITLED', 'ERR_WORKLOAD_API_DENIED'],
  [Status.PERMISSION_DENIED, undefined, 'ERR_BROKER_DENIED'],
  [Status.PERMISSION_DENIED, 'SOMETHING_ELSE', 'ERR_BROKER_DENIED'],
  [Status.UNAUTHENTICATED, undefined, 'ERR_BROKER_UNAUTHENTICATED'],
  [Status.UNIMPLEMENTED, undefined, 'ERR_WORKLOAD_API_UNIMPLEMENTED'],
  [Status.UNAVAILABLE, undefined, 'ERR_WORKLOAD_API_UNAVAILABLE'],
])('BR-12: status %i with reason %s is %s', async (status, reason, code) => {
  const broker = await startBroker();
  broker.fetchJwtSvid.refuse(status, 'because', reason);
  const workload = (await clientOf(broker)).workload({ pid: 1 });
  await expect(workload.fetchJwtSvid({ audience: 'a' })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(
      /a JWT-SVID of process 1 from the broker endpoint at unix:.*because/,
    ) as string,
  });
});
