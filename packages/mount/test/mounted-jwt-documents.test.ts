import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  formatBundleDocument,
  formatBundleMap,
  JwtBundle,
  SpiffeBundle,
  type SpiffeError,
  TrustDomain,
} from '@svidkit/core';
import {
  createTestCa,
  createTestJwtAuthority,
  kubeletWriter,
  manualClock,
  mountFiles,
  renameWriter,
  type TestCa,
  type TestJwtAuthority,
} from '@svidkit/testkit';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { mountSettings } from '../src/mount-options.ts';
import { systemPorts } from '../src/mount-ports.ts';
import { jwtFileSettings } from '../src/mounted-jwt-options.ts';
import { MountedJwtFiles } from '../src/mounted-jwt-source.ts';
import { MountedSource } from '../src/mounted-source.ts';

const FILE = 'bundle.json';
const clock = manualClock();
const now = (): number => clock.now();
const authority = createTestJwtAuthority({ trustDomain: 'a.test', now });
const second = createTestJwtAuthority({ trustDomain: 'a.test', keyId: 'key-2', now });
const other = createTestJwtAuthority({ trustDomain: 'b.test', now });
let ca: TestCa;
let friend: TestCa;

beforeAll(async () => {
  ca = await createTestCa({ trustDomain: 'a.test' });
  friend = await createTestCa({ trustDomain: 'b.test' });
});

function tokenOf(issuer: TestJwtAuthority): string {
  return issuer.issue({ subject: '/client', audience: 'payments' });
}

function bundleOf(sequence: bigint, ...authorities: readonly TestJwtAuthority[]): SpiffeBundle {
  const trustDomain = TrustDomain.parse('a.test');
  const keys = authorities.flatMap((one) => [...one.bundle().authorities]);
  const jwt = JwtBundle.fromAuthorities(trustDomain, keys);
  return SpiffeBundle.of(trustDomain, { x509: ca.bundle(), jwt, sequence });
}

function friends(sequence: bigint, jwt?: TestJwtAuthority): SpiffeBundle {
  return SpiffeBundle.of(TrustDomain.parse('b.test'), {
    x509: friend.bundle(),
    ...(jwt === undefined ? {} : { jwt: jwt.bundle() }),
    sequence,
  });
}

async function newDirectory(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'svidkit-jwt-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return join(root, 'mount');
}

interface Fixture {
  readonly source: MountedJwtFiles;
  readonly file: string;
  /** The codes of all errors that were told. */
  readonly codes: readonly string[];
  /** Lets three seconds pass, with looks in between. */
  readonly pass: () => Promise<void>;
  /** Who a token is from, or the code of its refusal. */
  readonly judged: (issuer: TestJwtAuthority) => Promise<string>;
}

async function open(file: string): Promise<Fixture> {
  const settings = jwtFileSettings({ bundle: file, trustDomain: 'a.test', clock, watch: false, wait: 0 });
  const source = new MountedJwtFiles(settings, { ...systemPorts(), random: () => 0.5 });
  const codes: string[] = [];
  const onError = (message: unknown): void => {
    const { error } = message as { readonly error: SpiffeError };
    if (error.file === file) codes.push(error.code);
  };
  subscribe('svidkit:source.error', onError);
  onTestFinished(async () => {
    unsubscribe('svidkit:source.error', onError);
    await source.close();
  });
  await source.open();
  return {
    source,
    file,
    codes,
    async pass() {
      for (let left = 3_000; left > 0; left -= 100) {
        clock.advance(100);
        await source.check();
      }
    },
    judged: (issuer) =>
      source.validateJwtSvid(tokenOf(issuer), { audience: 'payments' }).then(
        ({ id }) => id.toString(),
        (error: unknown) => (error as SpiffeError).code,
      ),
  };
}

async function opened(text: string): Promise<Fixture & { write: (next: string) => Promise<void> }> {
  const writer = renameWriter(await newDirectory(), { fileMode: 0o600 });
  await writer.write({ [FILE]: text });
  const fixture = await open(join(writer.directory, FILE));
  return {
    ...fixture,
    async write(next) {
      await writer.write({ [FILE]: next });
      await fixture.pass();
    },
  };
}

test('one file serves a source of each kind', async () => {
  const at = await newDirectory();
  const kubelet = kubeletWriter(at, { fileMode: 0o600 });
  const svid = await ca.issue();
  const write = async (bundle: SpiffeBundle): Promise<void> =>
    kubelet.write({ ...mountFiles.secret(svid, ca), 'ca.crt': formatBundleDocument(bundle) });
  await write(bundleOf(1n, authority));
  const x509 = new MountedSource(
    mountSettings({ directory: at, clock, env: {}, watch: false, wait: 0 }),
    systemPorts(),
  );
  onTestFinished(() => x509.close());
  await x509.open();
  const { source, pass, judged } = await open(join(at, 'ca.crt'));
  expect(x509.current.bundles.require(TrustDomain.parse('a.test')).authorities).toHaveLength(1);
  expect([await judged(authority), await judged(second)]).toEqual(['spiffe://a.test/client', 'ERR_JWT_KEY']);
  // A change of the keys of one kind is none for the other.
  const { generation } = x509.current;
  await write(bundleOf(2n, authority, second));
  await pass();
  await x509.check();
  expect(await judged(second)).toBe('spiffe://a.test/client');
  expect(x509.current.generation).toBe(generation);
  expect(source.health()).toMatchObject({ ready: true, problems: [] });
});

test('F-04: an older bundle is not taken, and told', async () => {
  const { source, file, codes, judged, write } = await opened(formatBundleDocument(bundleOf(5n, authority)));
  const both = async (): Promise<readonly string[]> => [await judged(authority), await judged(second)];
  await write(formatBundleDocument(bundleOf(4n, second)));
  expect(await both()).toEqual(['spiffe://a.test/client', 'ERR_JWT_KEY']);
  expect(codes).toEqual(['ERR_BUNDLE_SEQUENCE']);
  expect(source.health().problems.join()).toContain(`${file} at least sequence number 5 of a.test`);
  await write(formatBundleDocument(bundleOf(6n, second)));
  expect(await both()).toEqual(['ERR_JWT_KEY', 'spiffe://a.test/client']);
  expect(source.health().problems).toEqual([]);
  // What changes under the same number is taken, and told.
  await write(formatBundleDocument(bundleOf(6n, authority)));
  expect(await both()).toEqual(['spiffe://a.test/client', 'ERR_JWT_KEY']);
  expect(codes).toEqual(['ERR_BUNDLE_SEQUENCE', 'ERR_BUNDLE_SEQUENCE']);
});

test('F-04, B-16: in a map each is judged by itself, and who is gone is trusted no more', async () => {
  const { source, judged, write } = await opened(
    formatBundleMap([bundleOf(5n, authority), friends(5n, other)]),
  );
  const both = async (): Promise<readonly string[]> => [await judged(authority), await judged(other)];
  const good = ['spiffe://a.test/client', 'spiffe://b.test/client'];
  expect(await both()).toEqual(good);
  await write(formatBundleMap([bundleOf(6n, second), friends(4n)]));
  expect(await both()).toEqual(['ERR_JWT_KEY', good[1]]);
  expect(source.health().problems.join()).toContain('5 of b.test');
  await write(formatBundleMap([bundleOf(6n, second)]));
  expect(await both()).toEqual(['ERR_JWT_KEY', 'ERR_BUNDLE_UNKNOWN']);
  // Whoever comes back may count anew.
  await write(formatBundleMap([bundleOf(7n, authority), friends(1n, other)]));
  expect(await both()).toEqual(good);
  expect(source.health().problems).toEqual([]);
});

test('a bundle of which nothing can be used is damaged: the last good one stays; one without keys revokes', async () => {
  const { source, codes, judged, write } = await opened(authority.jwks());
  const damaged = authority.jwks().replace('"kid"', '"kjd"');
  await write(damaged);
  expect(await judged(authority)).toBe('spiffe://a.test/client');
  expect(codes).toEqual(['ERR_BUNDLE_EMPTY']);
  expect(source.health().problems.join()).toContain('none that counts: keys[0] is no authority');
  await write(second.jwks());
  expect([await judged(authority), await judged(second)]).toEqual(['ERR_JWT_KEY', 'spiffe://a.test/client']);
  await write('{"keys":[]}');
  expect(await judged(second)).toBe('ERR_BUNDLE_EMPTY');
  expect(source.health().problems).toEqual([]);
});

test('J-19: a key that is for another use signs nothing, whether or not the document has a number', async () => {
  const { keys: own } = JSON.parse(authority.jwks()) as { readonly keys: readonly object[] };
  const { keys } = JSON.parse(formatBundleDocument(bundleOf(1n, second))) as {
    readonly keys: readonly object[];
  };
  for (const [use, answer] of [
    [{ use: 'jwt-svid' }, 'spiffe://a.test/client'],
    [{ use: 'wit-svid' }, 'ERR_JWT_KEY'],
    [{ use: 'x509-svid' }, 'ERR_JWT_KEY'],
    // Beside keys that say what they are for, one that does not is for nothing.
    [{}, 'ERR_JWT_KEY'],
  ] as const) {
    for (const more of [{}, { spiffe_sequence: 1 }]) {
      const text = JSON.stringify({ ...more, keys: [...keys, { ...own[0], ...use }] });
      expect(await (await opened(text)).judged(authority)).toBe(answer);
    }
  }
  // In a plain JWK Set all keys are for JWT-SVIDs.
  expect(await (await opened(authority.jwks())).judged(authority)).toBe('spiffe://a.test/client');
});

test('what could be a bundle or a map is neither, and leaves the last good one in use', async () => {
  const { codes, judged, write } = await opened(formatBundleDocument(bundleOf(1n, authority)));
  await write(formatBundleMap([bundleOf(2n, second)]).replace('{', '{"keys":[],'));
  expect([await judged(authority), codes]).toEqual(['spiffe://a.test/client', ['ERR_BUNDLE_INVALID']]);
});
