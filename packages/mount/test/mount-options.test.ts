import { resolve } from 'node:path';

import { describe, expect, test } from 'vitest';

import { openMountedX509Source } from '../src/index.ts';
import { type MountOptions, mountSettings } from '../src/mount-options.ts';

const bad: readonly (readonly [option: string, options: unknown])[] = [
  ['wait', { wait: -1 }],
  ['wait', { wait: Number.NaN }],
  ['wait', { wait: '5' }],
  ['pollIntervalMs', { pollIntervalMs: 9 }],
  ['debounceMs', { debounceMs: -1 }],
  ['maxFileBytes', { maxFileBytes: 0 }],
  ['watch', { watch: 'yes' }],
  ['deferUntilTrusted', { deferUntilTrusted: 1 }],
  ['strictPermissions', { strictPermissions: 'no' }],
  ['layout', { layout: 'other' }],
  ['identityChange', { identityChange: 'always' }],
  ['foreignAuthorities', { foreignAuthorities: 'merge' }],
  ['unreadyAt', { unreadyAt: 'fresh' }],
  ['directory', { directory: '' }],
  ['directory', { directory: 'a\0b' }],
  ['searchDirectories', { searchDirectories: [] }],
  ['files', { directory: '/x', layout: 'explicit' }],
  ['files', { files: { cert: '/c', key: '/k', credentialBundle: '/b' } }],
  ['files', { files: { cert: 'c', key: 'k' } }],
  ['files.key', { files: { cert: '/c' } }],
  ['files.cert', { files: { key: '/k' } }],
  ['files.ca', { directory: '/x', files: { ca: '' } }],
  ['bundles', { directory: '/x', bundles: '' }],
  ['bundles', { directory: '/x', bundles: ['/map.json'] }],
  ['bundles', { directory: '/x', bundles: 5 }],
  ['bundles["a.example"]', { directory: '/x', bundles: { 'a.example': '' } }],
];

describe('options', () => {
  test.each(bad)('a bad %s is refused at once and named', async (option, options) => {
    const error: unknown = await openMountedX509Source({ env: {}, ...(options as MountOptions) }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'ERR_CONFIG_OPTION', blame: 'caller' });
    expect(String(error)).toContain(`option ${option}`);
  });

  test.each([
    ['ERR_ID_INVALID', { expectedId: 'prod.example/a' }],
    ['ERR_ID_INVALID', { directory: '/x', bundles: { 'Not A Domain': '/b' } }],
  ] as const)('%s for names that are none', async (code, options) => {
    await expect(openMountedX509Source({ env: {}, ...options })).rejects.toMatchObject({ code });
  });

  test('have the documented defaults', () => {
    expect(mountSettings({ env: {} })).toMatchObject({
      origin: 'well-known',
      layout: undefined,
      waitMs: 30_000,
      pollIntervalMs: 10_000,
      debounceMs: 50,
      watch: true,
      identityChange: 'within-trust-domain',
      deferUntilTrusted: false,
      foreignAuthorities: 'skip',
      strictPermissions: false,
      maxFileBytes: 1_048_576,
      unreadyAt: 'critical',
    });
  });

  test('a relative directory is resolved once, when the source is opened', () => {
    expect(mountSettings({ directory: 'some/where', env: {} }).directories).toEqual([resolve('some/where')]);
  });
});
