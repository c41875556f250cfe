import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { chmod, mkdtemp, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type SpiffeError } from '@svidkit/core';
import { JwtBundleSet, parseJwtSvid } from '@svidkit/core/jwt';
import {
  createTestJwtAuthority,
  directorySwapWriter,
  inPlaceWriter,
  kubeletWriter,
  type ManualClock,
  manualClock,
  type MountWriter,
  renameWriter,
} from '@svidkit/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';

import { systemPorts } from '../src/mount-ports.ts';
import { jwtFileSettings, type MountedJwtOptions } from '../src/mounted-jwt-options.ts';
import { MountedJwtFiles } from '../src/mounted-jwt-source.ts';

const TOKEN = 'payments.token';
const BUNDLE = 'jwt_bundle.json';
const LIFE_MS = 300_000;

/** A token is a secret. */
const MODE = { fileMode: 0o600 };

const WRITERS: Readonly<Record<string, (directory: string) => MountWriter>> = {
  kubelet: (directory) => kubeletWriter(directory, MODE),
  rename: (directory) => renameWriter(directory, MODE),
  'directory swap': (directory) => directorySwapWriter(directory, MODE),
  'in place': (directory) => inPlaceWriter(directory, { cut: 5, ...MODE }),
};

let clock: ManualClock;
const authority = createTestJwtAuthority({ trustDomain: 'a.test', now: () => clock.now() });
const other = createTestJwtAuthority({ trustDomain: 'b.test', now: () => clock.now() });

function issue(audience: string | readonly string[] = 'payments', ttlMs = LIFE_MS): string {
  return authority.issue({ subject: '/client', audience, ttlMs });
}

/** The file of bundles that spiffe-helper writes. */
function helperBundle(...authorities: readonly (typeof authority)[]): string {
  return JSON.stringify(
    Object.fromEntries(
      authorities.map((one) => [one.trustDomain, Buffer.from(one.jwks()).toString('base64')]),
    ),
  );
}

interface Fixture {
  readonly directory: string;
  readonly path: (name: string) => string;
  readonly source: MountedJwtFiles;
  readonly opening: Promise<void>;
  readonly errors: readonly SpiffeError[];
  /** Lets time pass in steps, with a look after each. */
  readonly pass: (ms: number, stepMs?: number) => Promise<void>;
}

async function newDirectory(): Promise<string> {
  clock = manualClock();
  const root = await mkdtemp(join(tmpdir(), 'svidkit-jwt-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return join(root, 'mount');
}

function open(at: string, options: Partial<MountedJwtOptions> = {}): Fixture {
  const settings = jwtFileSettings({
    directory: at,
    svids: [TOKEN],
    bundle: BUNDLE,
    clock,
    watch: false,
    wait: 0,
    ...options,
  });
  const source = new MountedJwtFiles(settings, { ...systemPorts(), random: () => 0.5 });
  const errors: SpiffeError[] = [];
  const onError = (message: unknown): void => {
    const { error } = message as { readonly error: SpiffeError };
    if (error.file?.startsWith(at) === true) errors.push(error);
  };
  subscribe('svidkit:source.error', onError);
  onTestFinished(async () => {
    unsubscribe('svidkit:source.error', onError);
    await source.close();
  });
  const opening = source.open();
  // Who wants to know awaits it.
  opening.catch(() => undefined);
  return {
    directory: at,
    path: (name) => join(at, name),
    source,
    opening,
    errors,
    async pass(ms, stepMs = 50) {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.advance(Math.min(stepMs, left));
        await source.check();
      }
    },
  };
}

/** The token that the source gives, or the code of its refusal. */
async function given(
  { source }: Fixture,
  audience: string | readonly string[] = 'payments',
): Promise<string> {
  return source.fetchJwtSvid({ audience }).then(
    ({ token }) => token,
    (error: unknown) => (error as SpiffeError).code,
  );
}

async function judged({ source }: Fixture, token: string): Promise<string> {
  return source.validateJwtSvid(token, { audience: 'payments' }).then(
    ({ id }) => id.toString(),
    (error: unknown) => (error as SpiffeError).code,
  );
}

describe.each(Object.keys(WRITERS))('mounted tokens by a writer that works by %s', (name) => {
  test('FS-05, FS-07, J-15: tokens and bundles are followed', async () => {
    const at = await newDirectory();
    const writer = WRITERS[name]?.(at);
    const first = issue();
    await writer?.write({ [TOKEN]: first, [BUNDLE]: helperBundle(authority) });
    const fixture = open(at);
    await fixture.opening;
    expect([await given(fixture), await judged(fixture, first)]).toEqual([first, 'spiffe://a.test/client']);
    const foreign = other.issue({ subject: '/client', audience: 'payments' });
    expect(await judged(fixture, foreign)).toBe('ERR_BUNDLE_UNKNOWN');
    clock.advance(1_000);
    const second = issue();
    await writer?.write({ [TOKEN]: `${second}\n`, [BUNDLE]: helperBundle(other) });
    await fixture.pass(600);
    expect([await given(fixture), await judged(fixture, first), await judged(fixture, foreign)]).toEqual([
      second,
      'ERR_BUNDLE_UNKNOWN',
      'spiffe://b.test/client',
    ]);
    expect(fixture.errors).toEqual([]);
    expect(fixture.source.health()).toMatchObject({ ready: true, problems: [], errors: [] });
  });

  test('at each stop of the writer what is given is one of the two whole tokens', async () => {
    const at = await newDirectory();
    const writer = WRITERS[name]?.(at);
    const first = issue();
    await writer?.write({ [TOKEN]: first, [BUNDLE]: helperBundle(authority) });
    const fixture = open(at);
    await fixture.opening;
    const second = issue(['payments', 'more']);
    const rotation = writer?.begin({ [TOKEN]: second, [BUNDLE]: helperBundle(authority, other) });
    const seen = new Set<string>();
    while ((await rotation?.next()) !== undefined) {
      await fixture.pass(100, 20);
      seen.add(await given(fixture));
      expect(await judged(fixture, first)).toBe('spiffe://a.test/client');
    }
    await fixture.pass(600, 20);
    seen.add(await given(fixture));
    expect([...seen].filter((one) => one !== first && one !== second)).toEqual([]);
    expect(await given(fixture)).toBe(second);
    expect(fixture.errors).toEqual([]);
  });
});

async function cutSignature(path: string): Promise<void> {
  await truncate(path, parseJwtSvid(issue()).token.length - 4);
}

describe('what cannot be used', () => {
  const BAD: Readonly<Record<string, readonly [code: string, spoil: (path: string) => Promise<unknown>]>> = {
    'a missing file': ['ERR_MOUNT_NOT_FOUND', (path) => unlink(path)],
    'an empty file': ['ERR_JWT_MALFORMED', (path) => truncate(path)],
    'half a token': ['ERR_JWT_MALFORMED', (path) => truncate(path, 60)],
    // All that is there is base64url, and only the length of the signature tells.
    'a token without the end of its signature': ['ERR_JWT_MALFORMED', cutSignature],
    'no text': ['ERR_JWT_MALFORMED', (path) => writeFile(path, Buffer.from([0xff, 0xfe]))],
    'an expired token': ['ERR_JWT_EXPIRED', (path) => writeFile(path, issue('payments', -1))],
    'a token that is none': [
      'ERR_JWT_CLAIM',
      (path) =>
        writeFile(
          path,
          issue('payments').replace(/\.[^.]+\./, `.${Buffer.from('{}').toString('base64url')}.`),
        ),
    ],
    'a token that anybody may write': ['ERR_MOUNT_PERMISSIONS', (path) => chmod(path, 0o646)],
  };

  test.each(Object.keys(BAD))('%s leaves the last good token in use, until it expires', async (name) => {
    const [code, spoil] = BAD[name] ?? ['', async () => undefined];
    const at = await newDirectory();
    const first = issue();
    await renameWriter(at, MODE).write({ [TOKEN]: first, [BUNDLE]: helperBundle(authority) });
    const fixture = open(at);
    await fixture.opening;
    await spoil(fixture.path(TOKEN));
    await fixture.pass(3_000);
    expect(await given(fixture)).toBe(first);
    expect(fixture.errors.map((error) => [error.code, error.file])).toEqual([[code, fixture.path(TOKEN)]]);
    expect(fixture.source.health()).toMatchObject({ ready: true, errors: [{ code }] });
    clock.advance(LIFE_MS);
    expect(await given(fixture)).toBe('ERR_SOURCE_EXPIRED');
    expect(fixture.source.health()).toMatchObject({ ready: false });

    await rm(fixture.path(TOKEN), { recursive: true, force: true });
    const next = issue();
    await renameWriter(at, MODE).write({ [TOKEN]: next, [BUNDLE]: helperBundle(authority) });
    await fixture.pass(600);
    expect(await given(fixture)).toBe(next);
    expect(fixture.source.health()).toMatchObject({ ready: true, errors: [], problems: [] });
  });

  test.each([
    '',
    '{',
    '[]',
    '{"keys":[]}',
    '{"a.test":"!"}',
    '{"a.test":{"keys":[]}}',
    '{"spiffe://a.test":"e30="}',
    '{"a.test":"e30="}',
  ])('bundles that are %j leave the last good ones in use', async (text) => {
    const at = await newDirectory();
    const token = issue();
    await renameWriter(at, MODE).write({ [TOKEN]: token, [BUNDLE]: helperBundle(authority) });
    const fixture = open(at);
    await fixture.opening;
    await writeFile(fixture.path(BUNDLE), text);
    await fixture.pass(3_000);
    expect(await judged(fixture, token)).toBe('spiffe://a.test/client');
    expect(fixture.errors.map(({ code }) => code)).toEqual(['ERR_BUNDLE_INVALID']);
  });

  test('a token that others can read is told about, and used', async () => {
    const at = await newDirectory();
    await renameWriter(at, MODE).write({ [TOKEN]: issue(), [BUNDLE]: helperBundle(authority) });
    await chmod(join(at, TOKEN), 0o644);
    const fixture = open(at);
    await fixture.opening;
    expect(fixture.source.health().problems.join()).toContain('a token that others cannot read');
    expect(fixture.errors.map(({ code }) => code)).toEqual(['ERR_MOUNT_PERMISSIONS']);
    expect(await given(fixture)).toContain('.');
  });
});

describe('opening', () => {
  test('fails with what is wrong, and leaves nothing behind', async () => {
    const at = await newDirectory();
    await renameWriter(at, MODE).write({ [TOKEN]: 'nonsense', [BUNDLE]: helperBundle(authority) });
    const fixture = open(at);
    await fixture.pass(1_000);
    await expect(fixture.opening).rejects.toMatchObject({
      code: 'ERR_JWT_MALFORMED',
      file: fixture.path(TOKEN),
    });
    expect([fixture.source.closed.aborted, clock.pending]).toEqual([true, 0]);
  });

  test('waits for its files', async () => {
    const at = await newDirectory();
    const fixture = open(at, { wait: 30_000 });
    await fixture.pass(1_000);
    await renameWriter(at, MODE).write({ [TOKEN]: issue(), [BUNDLE]: helperBundle(authority) });
    await fixture.pass(1_000);
    await fixture.opening;
    expect(await given(fixture)).toContain('.');
  });

  test('ends when its caller gives up', async () => {
    const controller = new AbortController();
    const fixture = open(await newDirectory(), { wait: 30_000, signal: controller.signal });
    controller.abort(new Error('no more time'));
    await expect(fixture.opening).rejects.toThrow('no more time');
  });

  test('tokens alone, bundles alone, or the bundle of one trust domain', async () => {
    const at = await newDirectory();
    const token = issue();
    await renameWriter(at, MODE).write({ [TOKEN]: token, [BUNDLE]: authority.jwks() });
    const tokens = new MountedJwtFiles(
      jwtFileSettings({ svids: [join(at, TOKEN)], watch: false, clock }),
      systemPorts(),
    );
    await tokens.open();
    expect(() => tokens.jwtBundles).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_EMPTY' }));
    expect((await tokens.fetchJwtSvid({ audience: 'payments' })).token).toBe(token);
    const bundles = open(at, { svids: [], trustDomain: 'a.test' });
    await bundles.opening;
    expect([await judged(bundles, token), await given(bundles)]).toEqual([
      'spiffe://a.test/client',
      'ERR_JWT_UNAVAILABLE',
    ]);
    await tokens.close();
  });

  test('wants something to open', () => {
    expect(() => jwtFileSettings({})).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
    expect(() => jwtFileSettings({ svids: [''] })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
    );
  });

  test('a closed source gives nothing', async () => {
    const at = await newDirectory();
    await renameWriter(at, MODE).write({ [TOKEN]: issue(), [BUNDLE]: helperBundle(authority) });
    const fixture = open(at);
    await fixture.opening;
    await fixture.source.close();
    expect(await given(fixture)).toBe('ERR_SOURCE_CLOSED');
    expect(() => fixture.source.jwtBundles).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }));
    expect([clock.pending, JwtBundleSet.empty.size]).toEqual([0, 0]);
  });
});
