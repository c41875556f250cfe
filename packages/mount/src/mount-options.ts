import { isAbsolute, resolve } from 'node:path';

import { type Clock, SpiffeError, SpiffeId, systemClock, TrustDomain } from '@svidkit/core';

import {
  type IdentityFiles,
  identityNames,
  type LayoutName,
  LAYOUTS,
  WELL_KNOWN_DIRECTORIES,
} from './layout.ts';

/** Explicit file names: absolute, or relative to `directory`. */
export interface MountFileNames {
  /** The certificate chain, leaf first. Together with `key`. */
  readonly cert?: string;
  /** The private key. Together with `cert`. */
  readonly key?: string;
  /** Key and chain in one file. Instead of `cert` and `key`. */
  readonly credentialBundle?: string;
  /** The bundle of the own trust domain. Default: the names that the layout knows. */
  readonly ca?: string;
}

/**
 * Which other SPIFFE ID may replace ours: any of our trust domain (and that is told), none, or any at all.
 */
export type IdentityChange = 'within-trust-domain' | 'never' | 'any';

/**
 * What to do with authorities in our bundle file that carry the SPIFFE ID of another trust domain, as a file merged
 * of several bundles has: `skip` them, `split` them off to the trust domain that each names, or `keep` them as
 * authorities of ours. Of a bundle map in the place of our bundle file, `split` takes the bundles of all trust domains that
 * have no file of their own; otherwise ours alone counts.
 */
export type ForeignAuthorities = 'skip' | 'split' | 'keep';

/** What {@link openMountedX509Source} takes. Everything may be left out. */
export interface MountOptions {
  /**
   * The mounted directory. Default: `SPIFFE_CREDENTIAL_FOLDER` of the environment, else the first of
   * `searchDirectories` that has an identity.
   */
  readonly directory?: string;
  /** What is looked at when neither `directory` nor the environment names one. Default: the well-known ones. */
  readonly searchDirectories?: readonly string[];
  /** How the files are named. Default: found out from what is there. */
  readonly layout?: LayoutName;
  /** Own file names, in place of those of a layout. */
  readonly files?: MountFileNames;
  /**
   * More bundle files, by the name of their trust domain; or one file with the bundles of several trust domains, a
   * SPIFFE bundle map. Absolute, or relative to `directory`.
   */
  readonly bundles?: Readonly<Record<string, string>> | string;
  /** Milliseconds to wait for the first identity. 0 looks once. @default 30000 */
  readonly wait?: number;
  /** Milliseconds between two looks, +-20 %; at least 10. Events of the file system come in between. @default 10000 */
  readonly pollIntervalMs?: number;
  /** Milliseconds of quiet after an event before the files are read; ten times that at most. @default 50 */
  readonly debounceMs?: number;
  /** Whether to take hints from the file system (inotify); without, polling alone finds changes. @default true */
  readonly watch?: boolean;
  /** The only SPIFFE ID to accept. */
  readonly expectedId?: SpiffeId | string;
  /** @default 'within-trust-domain' */
  readonly identityChange?: IdentityChange;
  /**
   * Whether an SVID whose chain does not lead to our own bundle yet waits for the bundle, for at most 10 minutes or
   * half of what the SVID in use has left. @default false
   */
  readonly deferUntilTrusted?: boolean;
  /** @default 'skip' */
  readonly foreignAuthorities?: ForeignAuthorities;
  /** Whether loose permissions are an error, not a warning. @default false */
  readonly strictPermissions?: boolean;
  /** The largest file that is read, in bytes. @default 1048576 */
  readonly maxFileBytes?: number;
  /** The health from which on `health().ready` is false. @default 'critical' */
  readonly unreadyAt?: 'overdue' | 'critical' | 'expired';
  /** Where time comes from. */
  readonly clock?: Clock;
  /** Ends the opening; the promise is then rejected with its reason. No effect on an open source. */
  readonly signal?: AbortSignal;
  /** Where `SPIFFE_CREDENTIAL_FOLDER` is looked up. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** {@link MountOptions}, checked and complete. */
export interface MountSettings {
  /** The directories to try, in order; one when it was configured. */
  readonly directories: readonly string[];
  /** Who named the directory, for messages. */
  readonly origin: 'option' | 'environment' | 'well-known';
  readonly layout: LayoutName | undefined;
  readonly identity: IdentityFiles | undefined;
  readonly ca: string | undefined;
  readonly bundles: ReadonlyMap<TrustDomain, string>;
  /** The file with a bundle map. */
  readonly bundleMap: string | undefined;
  readonly waitMs: number;
  readonly pollIntervalMs: number;
  readonly debounceMs: number;
  readonly watch: boolean;
  readonly expectedId: SpiffeId | undefined;
  readonly identityChange: IdentityChange;
  readonly deferUntilTrusted: boolean;
  readonly foreignAuthorities: ForeignAuthorities;
  readonly strictPermissions: boolean;
  readonly maxFileBytes: number;
  readonly unreadyAt: 'overdue' | 'critical' | 'expired';
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/** SPIFFE Filesystem Delivery (draft): names the folder of the identity. */
const FOLDER_VARIABLE = 'SPIFFE_CREDENTIAL_FOLDER';

const LAYOUT_NAMES: readonly LayoutName[] = [...LAYOUTS.map(({ name }) => name), 'explicit'];

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function mountSettings(options: MountOptions): MountSettings {
  // The one place of this package that reads the environment.
  // oxlint-disable-next-line node/no-process-env
  const env = options.env ?? process.env;
  const files = options.files ?? {};
  const identity = identityOf(files);
  const folder = options.directory ?? nonEmpty(env[FOLDER_VARIABLE]);
  if (options.layout === 'explicit' && identity === undefined) {
    throw badOption('files', 'cert and key, or credentialBundle, for layout "explicit"', 'neither');
  }
  const directories =
    folder === undefined
      ? list('searchDirectories', options.searchDirectories, WELL_KNOWN_DIRECTORIES)
      : [folder];
  if (folder === undefined && identity !== undefined && !identityNames(identity).every(isAbsolute)) {
    throw badOption('files', 'absolute paths, or option directory beside them', 'relative paths alone');
  }
  return {
    directories: directories.map((directory) => resolve(text('directory', directory))),
    origin: originOf(options.directory, folder),
    layout:
      identity === undefined ? oneOf('layout', options.layout, [undefined, ...LAYOUT_NAMES]) : 'explicit',
    identity,
    ca: files.ca === undefined ? undefined : text('files.ca', files.ca),
    ...bundleFiles(options.bundles ?? {}),
    waitMs: atLeast('wait', options.wait ?? 30_000, 0),
    pollIntervalMs: atLeast('pollIntervalMs', options.pollIntervalMs ?? 10_000, 10),
    debounceMs: atLeast('debounceMs', options.debounceMs ?? 50, 0),
    watch: flag('watch', options.watch, true),
    expectedId: options.expectedId === undefined ? undefined : SpiffeId.parse(String(options.expectedId)),
    identityChange: oneOf('identityChange', options.identityChange ?? 'within-trust-domain', [
      'within-trust-domain',
      'never',
      'any',
    ]),
    deferUntilTrusted: flag('deferUntilTrusted', options.deferUntilTrusted, false),
    foreignAuthorities: oneOf('foreignAuthorities', options.foreignAuthorities ?? 'skip', [
      'skip',
      'split',
      'keep',
    ]),
    strictPermissions: flag('strictPermissions', options.strictPermissions, false),
    maxFileBytes: atLeast('maxFileBytes', options.maxFileBytes ?? 1024 * 1024, 1),
    unreadyAt: oneOf('unreadyAt', options.unreadyAt ?? 'critical', ['overdue', 'critical', 'expired']),
    clock: options.clock ?? systemClock,
    signal: options.signal,
  };
}

function identityOf({ cert, key, credentialBundle }: MountFileNames): IdentityFiles | undefined {
  if (credentialBundle !== undefined) {
    if (cert !== undefined || key !== undefined) {
      throw badOption('files', 'either credentialBundle or cert and key', 'both');
    }
    return { credentialBundle: text('files.credentialBundle', credentialBundle) };
  }
  if (cert === undefined && key === undefined) return undefined;
  return { cert: text('files.cert', cert), key: text('files.key', key) };
}

function bundleFiles(
  bundles: NonNullable<MountOptions['bundles']>,
): Pick<MountSettings, 'bundles' | 'bundleMap'> {
  if (typeof bundles === 'string') return { bundles: new Map(), bundleMap: text('bundles', bundles) };
  const given: unknown = bundles;
  if (typeof given !== 'object' || Array.isArray(given)) {
    const got = Array.isArray(given) ? 'a list' : typeof given;
    throw badOption('bundles', 'a path by trust domain, or the path of a bundle map', got);
  }
  const files = Object.entries(bundles).map(([name, file]): [TrustDomain, string] => [
    TrustDomain.parse(name),
    text(`bundles["${name}"]`, file),
  ]);
  return { bundles: new Map(files), bundleMap: undefined };
}

function originOf(option: string | undefined, folder: string | undefined): MountSettings['origin'] {
  if (option !== undefined) return 'option';
  return folder === undefined ? 'well-known' : 'environment';
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/** @internal */
export function text(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw badOption(option, 'a path', value === '' ? 'an empty one' : typeof value);
}

function list(
  option: string,
  value: readonly string[] | undefined,
  defaults: readonly string[],
): readonly string[] {
  const paths = value ?? defaults;
  if (!Array.isArray(paths) || paths.length === 0) throw badOption(option, 'at least one path', 'none');
  return paths.map((path) => text(option, path));
}

/** @internal */
export function atLeast(option: string, value: unknown, least: number): number {
  if (typeof value === 'number' && value >= least && value <= Number.MAX_SAFE_INTEGER) return value;
  throw badOption(option, `a number of at least ${least}`, String(value));
}

/** @internal */
export function flag(option: string, value: boolean | undefined, byDefault: boolean): boolean {
  return oneOf(option, value ?? byDefault, [true, false]);
}

function oneOf<T>(option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  throw badOption(
    option,
    `one of ${choices.filter((choice) => choice !== undefined).join(', ')}`,
    String(value),
  );
}

function badOption(option: string, want: string, got: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `want ${want} as option ${option}, got ${got}`, {
    hint: 'See the documentation of the option for what it takes.',
  });
}
