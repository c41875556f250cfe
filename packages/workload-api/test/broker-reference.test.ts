import { expect, test } from 'vitest';

import { parseAddress } from '../src/address.ts';
import { BROKER_ADDRESSES } from '../src/experimental/broker/broker-options.ts';
import { createBrokerClient, type WorkloadReference } from '../src/experimental/broker/index.ts';
import { clientOf, ownSource, SERVER, startBroker } from './broker-fixture.ts';
import { startFake } from './fixture.ts';

const pods = { plural: 'pods', group: 'core' };
const uid = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890';

test.each([
  ['unix:///run/broker.sock', { scheme: 'unix', path: '/run/broker.sock' }],
  ['tcp://127.0.0.1:8443', { scheme: 'tcp', host: '127.0.0.1', port: 8443 }],
  ['tcp://[::1]:8443', { scheme: 'tcp', host: '::1', port: 8443 }],
  ['tcp://broker.example.com:8443', { scheme: 'tcp', host: 'broker.example.com', port: 8443 }],
  ['tcp://localhost:1', { scheme: 'tcp', host: 'localhost', port: 1 }],
  ['tcp://a-1.B2:65535', { scheme: 'tcp', host: 'a-1.B2', port: 65_535 }],
])('BR-03: %s is an address', (text, expected) => {
  expect(parseAddress(text, 'option address', BROKER_ADDRESSES)).toMatchObject(expected);
});

test.each([
  '',
  'http://broker.example.com:8443',
  'unix://host/run/broker.sock',
  'unix:broker.sock',
  'unix:///',
  'unix:///a?b',
  'unix:///a#b',
  'tcp://broker.example.com',
  'tcp://broker.example.com:',
  'tcp://broker.example.com:0',
  'tcp://broker.example.com:65536',
  'tcp://broker.example.com:8443/',
  'tcp://broker.example.com:8443/foo',
  'tcp://broker.example.com:8443?a',
  'tcp://broker.example.com:8443#a',
  'tcp://user@broker.example.com:8443',
  'tcp://:8443',
  'tcp://-a.example:1',
  'tcp://a..example:1',
  'tcp://a.example.:1',
  'tcp://bröker.example:1',
  'tcp://a_b.example:1',
  `tcp://${'a'.repeat(64)}.example:1`,
  'tcp://127.1:1',
  'tcp://0x7f.1:1',
  'tcp://2130706433:1',
  'tcp://example.0x1:1',
  'tcp://[broker.example.com]:1',
])('BR-03: %j is no address', (text) => {
  expect(() => parseAddress(text, 'option address', BROKER_ADDRESSES)).toThrow(
    expect.objectContaining({ code: 'ERR_WORKLOAD_API_ADDRESS' }),
  );
});

test('BR-03: the option counts before SPIFFE_BROKER_SOCKET, and that of the Workload API for nothing', async () => {
  const source = await ownSource();
  const env = { SPIFFE_BROKER_SOCKET: 'tcp://broker.example.com:8443', SPIFFE_ENDPOINT_SOCKET: 'unix:///a' };
  const made = (address: string | undefined, variables: Record<string, string>) =>
    createBrokerClient(source, {
      serverId: SERVER,
      env: variables,
      ...(address === undefined ? {} : { address }),
    });
  expect(made(undefined, env).address).toBe('tcp://broker.example.com:8443');
  expect(made('unix:///b', env).address).toBe('unix:///b');
  for (const SPIFFE_BROKER_SOCKET of [[], ['']]) {
    const variables = { ...env, SPIFFE_BROKER_SOCKET: SPIFFE_BROKER_SOCKET[0] };
    const { SPIFFE_BROKER_SOCKET: given, ...others } = variables;
    expect(() =>
      made(undefined, given === undefined ? others : { ...others, SPIFFE_BROKER_SOCKET: given }),
    ).toThrow(expect.objectContaining({ code: 'ERR_WORKLOAD_API_ADDRESS' }));
  }
});

test.each<readonly [string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['no reference', {}],
  ['two references', { pid: 1, kubernetes: { type: pods, uid } }],
  ['another kind', { docker: 'a' }],
])('BR-06: %s is not exactly one reference', async (_name, reference) => {
  const broker = await startBroker();
  const client = await clientOf(broker);
  expect(() => client.workload(reference as WorkloadReference)).toThrow(
    expect.objectContaining({ code: 'ERR_BROKER_REFERENCE' }),
  );
  expect(broker.connections).toBe(0);
});

test.each([0, -1, -42, 1.5, Number.NaN, 2 ** 31, '1', null, undefined, 1n])(
  'BR-07: %s is not the ID of a process',
  async (pid) => {
    const broker = await startBroker();
    const client = await clientOf(broker);
    expect(() => client.workload({ pid } as WorkloadReference)).toThrow(
      expect.objectContaining({ code: 'ERR_BROKER_REFERENCE', blame: 'caller' }),
    );
    expect(broker.connections).toBe(0);
  },
);

test.each([1, 2 ** 31 - 1])('BR-07: %s is the ID of a process', async (pid) => {
  const client = await clientOf(await startBroker());
  expect(client.workload({ pid }).reference).toEqual({ pid });
});

test.each<readonly [string, unknown]>([
  ['without type', { uid }],
  ['without plural', { type: { group: 'core' }, uid }],
  ['with an empty plural', { type: { plural: '', group: 'core' }, uid }],
  ['with a plural and its group in one', { type: { plural: 'deployments.apps', group: 'apps' }, uid }],
  ['without group', { type: { plural: 'pods' }, uid }],
  ['with the core group as Kubernetes writes it', { type: { plural: 'pods', group: '' }, uid }],
  ['with a version in its group', { type: { plural: 'deployments', group: 'apps/v1' }, uid }],
  ['with neither key nor UID', { type: pods }],
  ['with a UID that is none', { type: pods, uid: 'checkout' }],
  ['with an empty UID', { type: pods, uid: '' }],
  ['with a key without a name', { type: pods, key: { namespace: 'shop' } }],
  ['with an empty name', { type: pods, key: { namespace: 'shop', name: '' }, uid }],
  ['with a name that is a path', { type: pods, key: { namespace: 'shop', name: 'a/b' } }],
  ['with a name that is no name', { type: pods, key: { namespace: 'shop', name: '..' } }],
  ['with an empty namespace', { type: pods, key: { namespace: '', name: 'a' } }],
  ['with a namespace that is none', { type: pods, key: { namespace: 'Shop', name: 'a' } }],
  ['in a namespace, without it', { type: pods, key: { name: 'a' } }],
  [
    'in no namespace, with one',
    { type: { plural: 'nodes', group: 'core' }, key: { namespace: 'a', name: 'b' } },
  ],
])('BR-08: an object %s is no reference', async (_name, kubernetes) => {
  const broker = await startBroker();
  const client = await clientOf(broker);
  expect(() => client.workload({ kubernetes } as WorkloadReference)).toThrow(
    expect.objectContaining({ code: 'ERR_BROKER_REFERENCE' }),
  );
  expect(broker.connections).toBe(0);
});

const remote = [
  'tcp://192.0.2.1:8443',
  'tcp://[2001:db8::1]:8443',
  'tcp://broker.example.com:8443',
  'tcp://localhost:1',
];

test.each(remote)('BR-09: the ID of a process is never sent to %s', async (address) => {
  const client = createBrokerClient(await ownSource(), { serverId: SERVER, address });
  expect(() => client.workload({ pid: 1 })).toThrow(
    expect.objectContaining({
      code: 'ERR_BROKER_REFERENCE',
      message: expect.stringContaining('on this machine') as string,
    }),
  );
});

test.each([
  'unix:///run/broker.sock',
  'tcp://127.0.0.1:1',
  'tcp://127.8.8.8:1',
  'tcp://[::1]:1',
  'tcp://[0:0::1]:1',
])('BR-09: it may be sent to %s', async (address) => {
  const client = createBrokerClient(await ownSource(), { serverId: SERVER, address });
  expect(client.workload({ pid: 1 }).address).toBe(address);
});

test.each(remote)('BR-09: an object of a cluster may be sent to %s', async (address) => {
  const client = createBrokerClient(await ownSource(), { serverId: SERVER, address });
  expect(client.workload({ kubernetes: { type: pods, uid } }).address).toBe(address);
});

test('BR-02: there is no client without the ID of its server', async () => {
  const source = await ownSource();
  const address = (await startFake()).address;
  expect(() => createBrokerClient(source, { address } as never)).toThrow(
    expect.objectContaining({
      code: 'ERR_CONFIG_OPTION',
      message: expect.stringContaining('serverId') as string,
    }),
  );
  for (const serverId of ['', 'prod.example', 'spiffe://PROD.example/agent']) {
    expect(() => createBrokerClient(source, { address, serverId })).toThrow(
      expect.objectContaining({ code: 'ERR_ID_INVALID' }),
    );
  }
});
