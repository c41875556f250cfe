import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import { isSpiffeError } from '@svidkit/core';
import {
  createTestCa,
  type FakeWorkloadApi,
  type X509ResponseFields,
  type X509SvidFields,
} from '@svidkit/testkit';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';

import { openWorkloadApiX509Source } from '../src/index.ts';
import { encodeMessage, X509SVIDResponseSchema } from '../src/protocol/index.ts';
import { X509Reader } from '../src/read-x509.ts';
import { answer, closeLater, eventsOf, nextUpdate, startFake } from './fixture.ts';
import { keyMarks, show } from './key-marks.ts';
import { observedClock } from './observed-clock.ts';

type Spoil = (api: FakeWorkloadApi, good: X509ResponseFields) => Promise<void> | void;

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const ed448 = generateKeyPairSync('ed448').privateKey;
const x25519 = generateKeyPairSync('x25519').privateKey;
const pkcs8 = { type: 'pkcs8', format: 'der' } as const;

const bytesOf = (message: X509ResponseFields): Uint8Array => encodeMessage(X509SVIDResponseSchema, message);

/** Sends the good message with other fields in its identity. */
const withFields =
  (change: (svid: X509SvidFields) => Partial<X509SvidFields>): Spoil =>
  (api, good) =>
    api.fetchX509Svid.send({ ...good, svids: good.svids.map((svid) => ({ ...svid, ...change(svid) })) });

const BAD: [string, Spoil, string][] = [
  ['an empty message', (api) => api.fetchX509Svid.send({}), 'ERR_WORKLOAD_API_RESPONSE'],
  [
    'no protobuf',
    (api) => api.fetchX509Svid.send(Uint8Array.of(0xff, 0xff, 0xff)),
    'ERR_WORKLOAD_API_RESPONSE',
  ],
  [
    'a message cut in the middle of the key',
    (api, good) => {
      const bytes = Buffer.from(bytesOf(good));
      const [svid] = good.svids;
      const at = bytes.indexOf(svid?.x509SvidKey ?? '') + 60;
      api.fetchX509Svid.send(bytes.subarray(0, at));
    },
    'ERR_WORKLOAD_API_RESPONSE',
  ],
  ['a partial identity', withFields(() => ({ bundle: new Uint8Array() })), 'ERR_WORKLOAD_API_RESPONSE'],
  [
    'the key in the place of the certificate',
    withFields(({ x509SvidKey }) => ({ x509Svid: x509SvidKey })),
    'ERR_SVID_CERTIFICATE_INVALID',
  ],
  [
    'the key in the place of the bundle',
    withFields(({ x509SvidKey }) => ({ bundle: x509SvidKey })),
    'ERR_BUNDLE_INVALID',
  ],
  [
    'the certificate in the place of the bundle',
    withFields(({ x509Svid }) => ({ bundle: x509Svid })),
    'ERR_BUNDLE_EMPTY',
  ],
  [
    'the key in the place of the ID',
    withFields(({ x509SvidKey }) => ({ spiffeId: Buffer.from(x509SvidKey).toString('base64') })),
    'ERR_ID_INVALID',
  ],
  [
    'the certificate in the place of the key',
    withFields(({ x509Svid }) => ({ x509SvidKey: x509Svid })),
    'ERR_SVID_KEY_INVALID',
  ],
  [
    'a truncated key',
    withFields(({ x509SvidKey }) => ({ x509SvidKey: x509SvidKey.subarray(0, 100) })),
    'ERR_SVID_KEY_INVALID',
  ],
  ['a weak key', withFields(() => ({ x509SvidKey: rsa.export(pkcs8) })), 'ERR_SVID_KEY_MISMATCH'],
  [
    'a key of another type',
    withFields(() => ({ x509SvidKey: ed448.export(pkcs8) })),
    'ERR_SVID_KEY_MISMATCH',
  ],
  [
    'a key that cannot sign',
    withFields(() => ({ x509SvidKey: x25519.export(pkcs8) })),
    'ERR_SVID_KEY_MISMATCH',
  ],
  [
    'an encrypted key',
    withFields(({ x509SvidKey }) => ({
      x509SvidKey: createPrivateKey({ key: Buffer.from(x509SvidKey), ...pkcs8 }).export({
        ...pkcs8,
        cipher: 'aes-128-cbc',
        passphrase: 'x',
      }),
    })),
    'ERR_SVID_KEY_INVALID',
  ],
  [
    'a chain of another leaf',
    async (api, good) => {
      const svid = await (await createTestCa({ trustDomain: 'prod.example' })).issue({ path: '/web' });
      await withFields(() => ({ x509Svid: Buffer.concat(svid.chainDer) }))(api, good);
    },
    'ERR_SVID_KEY_MISMATCH',
  ],
  [
    'a federated bundle that is none',
    (api, good) =>
      api.fetchX509Svid.send({
        ...good,
        federatedBundles: { 'spiffe://other.example': Uint8Array.of(0x30, 0x80) },
      }),
    'ERR_BUNDLE_INVALID',
  ],
  [
    'a federated bundle of nobody',
    (api, good) => api.fetchX509Svid.send({ ...good, federatedBundles: { '': Uint8Array.of(0x30, 0x00) } }),
    'ERR_WORKLOAD_API_RESPONSE',
  ],
  [
    'half a frame, then a broken connection',
    (api, good) => {
      api.fetchX509Svid.sendRaw(frame(bytesOf(good)).subarray(0, 200));
      api.breakConnections();
    },
    'ERR_WORKLOAD_API_UNAVAILABLE',
  ],
  [
    'a stream that ends without a status',
    (api) => api.fetchX509Svid.halfClose(),
    'ERR_WORKLOAD_API_UNAVAILABLE',
  ],
  ['a stream that is reset', (api) => api.fetchX509Svid.reset(), 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['a broken connection', (api) => api.breakConnections(), 'ERR_WORKLOAD_API_UNAVAILABLE'],
  ['a socket that vanishes', (api) => api.stop(), 'ERR_WORKLOAD_API_NOT_FOUND'],
  [
    'a socket that nobody listens on any more',
    (api) => api.leave('dead-socket'),
    'ERR_WORKLOAD_API_UNREACHABLE',
  ],
  ['a file in the place of the socket', (api) => api.leave('file'), 'ERR_WORKLOAD_API_NOT_A_SOCKET'],
  [
    'a message of more than the limit',
    (api, good) => api.fetchX509Svid.send({ ...good, crl: [new Uint8Array(17 * 1024 * 1024)] }),
    'ERR_WORKLOAD_API_UNAVAILABLE',
  ],
];

function frame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

test.each(BAD)(
  'A-07, E-12: %s: the last good state stays, the error has a code, nothing of the key shows, and it recovers',
  async (_name, spoil, code) => {
    const written: string[] = [];
    for (const stream of [process.stdout, process.stderr]) {
      const write = stream.write.bind(stream);
      stream.write = (chunk: string | Uint8Array): boolean =>
        written.push(Buffer.from(chunk as string).toString()) > 0;
      onTestFinished(() => void (stream.write = write));
    }
    const clock = observedClock();
    const api = await startFake();
    const good = await answer(['/web'], { clock });
    api.fetchX509Svid.send(good);
    const source = closeLater(
      await openWorkloadApiX509Source({ address: api.address, clock, random: () => 0.5 }),
    );
    const before = source.current;
    const events = [
      eventsOf('svidkit:source.error'),
      eventsOf('svidkit:source.health'),
      eventsOf('svidkit:source.update'),
    ] as const;
    const next = await answer(['/web'], { clock });

    await spoil(api, next);
    const { error } = await events[0].next((event) => event.error.code === code);
    expect(error).toMatchObject({ code, blame: 'environment', name: 'SpiffeError' });
    expect(source.current).toBe(before);
    expect(source.health()).toMatchObject({ status: 'fresh', ready: true, lastError: { code } });
    expect(source.health().problems).toHaveLength(1);

    const updated = nextUpdate(source);
    api.fetchX509Svid.send(next);
    await api.start();
    clock.advance(10_000);
    expect((await updated)?.generation).toBe(2);
    expect(source.health()).toMatchObject({ lastError: undefined, problems: [] });

    const output = [
      error,
      error.cause,
      events.map(({ all }) => all),
      source,
      source.health(),
      source.current,
      written,
    ]
      .map(show)
      .join('\n');
    for (const { x509SvidKey } of [...good.svids, ...next.svids]) {
      for (const mark of keyMarks(x509SvidKey)) expect(output).not.toContain(mark);
    }
  },
);

test('half a frame before an end in good order is no message', async () => {
  const api = await startFake();
  const good = await answer(['/web']);
  api.fetchX509Svid.send(good);
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
  const before = source.current;
  const next = await answer(['/web']);
  api.fetchX509Svid.sendRaw(frame(bytesOf(next)).subarray(0, 200));
  api.fetchX509Svid.end();
  await api.fetchX509Svid.called(2);
  expect(source.current).toBe(before);
  const updated = nextUpdate(source);
  api.fetchX509Svid.send(next);
  expect((await updated)?.generation).toBe(2);
});

test('a packed message that nobody asked for is none, and the stream is opened again', async () => {
  const api = await startFake();
  const good = await answer(['/web']);
  api.fetchX509Svid.send(good);
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
  const before = source.current;
  const next = await answer(['/web']);
  const packed = frame(bytesOf(next));
  packed[0] = 1;
  api.fetchX509Svid.sendRaw(packed);
  api.fetchX509Svid.end();
  await api.fetchX509Svid.called(2);
  expect(source.current).toBe(before);
  const updated = nextUpdate(source);
  api.fetchX509Svid.send(next);
  expect((await updated)?.generation).toBe(2);
});

test('another kind of server on the socket is no Workload API', async () => {
  const api = await startFake();
  await api.stop();
  const server = createServer((_request, response) => response.end('no'));
  await new Promise<void>((resolve) => void server.listen(api.socketPath, () => resolve()));
  onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
  await expect(openWorkloadApiX509Source({ address: api.address, wait: 0 })).rejects.toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: {
      code: 'ERR_WORKLOAD_API_UNAVAILABLE',
      hint: expect.stringContaining('something else') as string,
    },
  });
});

test('the marks of a key find it where it shows', async () => {
  const { svids } = await answer(['/web']);
  const [svid] = svids;
  const key = svid?.x509SvidKey ?? new Uint8Array();
  const marks = keyMarks(key);
  for (const shown of [
    Buffer.from(key).toString('base64'),
    Buffer.from(key).toString('hex'),
    show(Buffer.from(key).subarray(36)),
    String([...key]),
  ]) {
    expect(marks.some((mark) => shown.includes(mark))).toBe(true);
  }
  expect(
    marks.some((mark) =>
      Buffer.from(svid?.x509Svid ?? [])
        .toString('base64')
        .includes(mark),
    ),
  ).toBe(false);
});

test('416: a message of 10 MiB is taken', async () => {
  const api = await startFake();
  api.fetchX509Svid.send({ ...(await answer(['/web'])), crl: [new Uint8Array(10 * 1024 * 1024)] });
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
  expect(source.crls[0]).toHaveLength(10 * 1024 * 1024);
});

test('GOAWAY lets an open stream go on', async () => {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/web']));
  const source = closeLater(await openWorkloadApiX509Source({ address: api.address }));
  const errors = eventsOf('svidkit:source.error');
  api.goAway();
  const updated = nextUpdate(source);
  api.fetchX509Svid.send(await answer(['/web']));
  expect((await updated)?.generation).toBe(2);
  expect(errors.all).toEqual([]);
});

test('fields that are not known are skipped', async () => {
  const bytes = Buffer.concat([bytesOf(await answer(['/web'])), Buffer.from('9a060568656c6c6f', 'hex')]);
  expect(new X509Reader().readContext(bytes).svids).toHaveLength(1);
});

test('the bytes of private keys are wiped, from good messages and from bad ones', async () => {
  const good = await answer(['/a', '/b']);
  for (const message of [
    good,
    { ...good, svids: good.svids.map((svid) => ({ ...svid, bundle: new Uint8Array() })) },
  ]) {
    const bytes = Buffer.from(bytesOf(message));
    const keys = message.svids.map(({ x509SvidKey }) => Buffer.from(x509SvidKey));
    expect(keys.every((key) => bytes.includes(key))).toBe(true);
    try {
      new X509Reader().readContext(bytes);
    } catch {
      // The bad one.
    }
    expect(keys.some((key) => bytes.includes(key))).toBe(false);
  }
});

test('whatever the bytes of a message: a whole context or an error with a code', async () => {
  const good = Buffer.from(bytesOf(await answer(['/a', '/b'], { hints: ['x', 'y'] })));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(good.length),
      fc.boolean(),
      (changes, length, cut) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        return isWholeOrRefused(cut ? bytes.subarray(0, length) : bytes);
      },
    ),
    { numRuns: 500 },
  );
});

function isWholeOrRefused(bytes: Uint8Array): boolean {
  try {
    const { svids, bundles } = new X509Reader().readContext(bytes);
    return svids.length > 0 && svids.every(({ id }) => bundles.get(id.trustDomain)?.isEmpty === false);
  } catch (error) {
    return isSpiffeError(error) && /^ERR_(?:WORKLOAD_API_RESPONSE|SVID_|BUNDLE_|ID_)/u.test(error.code);
  }
}
