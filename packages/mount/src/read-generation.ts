import { type BigIntStats } from 'node:fs';

import { SpiffeError } from '@svidkit/core';

import { type MountPlan } from './detect.ts';
import { mountError } from './mount-error.ts';
import { type MountFs } from './mount-fs.ts';
import { type Observation } from './observe.ts';
import { type Chain, fileMark } from './resolve-chain.ts';

/** The content of one file of a generation. */
export interface MountedFile {
  /** The path as configured. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly stats: BigIntStats;
  /** Whether its writer swaps whole generations, so that it was never seen half written. */
  readonly isAtomic: boolean;
}

/** What the reader is after in a file, for messages. */
export type Purpose =
  | 'the certificate chain'
  | 'the private key'
  | 'key and certificate chain'
  | 'a trust bundle'
  | 'a bundle map'
  | FilePurpose;

/** What a file that stands for itself is for. */
export type FilePurpose = 'a deny list' | 'a migration policy' | 'a JWT-SVID' | 'a JWT bundle';

/**
 * Reads the files that `observation` found: each from where its chain ended, so that files behind one `..data` link
 * come from one generation directory, whatever the link does meanwhile.
 */
export class GenerationReader {
  readonly #observation: Pick<Observation, 'chains'>;
  readonly #fs: MountFs;
  readonly #maxBytes: number;

  constructor(observation: Pick<Observation, 'chains'>, fs: MountFs, maxBytes: number) {
    this.#observation = observation;
    this.#fs = fs;
    this.#maxBytes = maxBytes;
  }

  /** Whether there is anything at `path`, be it readable or not. */
  exists(path: string): boolean {
    const chain = this.#observation.chains.get(path);
    return chain !== undefined && !isAbsent(chain);
  }

  /**
   * Reads one file.
   *
   * @throws {@link SpiffeError} `ERR_MOUNT_NOT_FOUND`, `ERR_MOUNT_UNREADABLE`, `ERR_MOUNT_FILE_TYPE`,
   * `ERR_MOUNT_TOO_LARGE`, `ERR_MOUNT_STALE`; `ERR_MOUNT_TORN` when it is being written.
   */
  async read(path: string, purpose: Purpose): Promise<MountedFile> {
    const chain = this.#observation.chains.get(path);
    if (chain?.entry === undefined) throw mountError(chain?.error, path, purpose);
    // Looked at before it is opened: opening a device can have effects.
    this.#requireReadable(chain.entry, path, purpose);
    const { bytes, before, after } = await this.#open(chain, path, purpose);
    this.#requireReadable(before, path, purpose);
    const isWhole =
      fileMark(chain.entry) === fileMark(before) &&
      fileMark(before) === fileMark(after) &&
      BigInt(bytes.length) === after.size;
    if (!isWhole) throw torn(path, purpose);
    return { path, bytes, stats: after, isAtomic: chain.swapLink !== undefined };
  }

  async #open(chain: Chain, path: string, purpose: Purpose): ReturnType<typeof this.openFile> {
    try {
      return await this.openFile(chain.realPath);
    } catch (cause) {
      // Gone since it was looked at: the writer has just removed the old generation. Never an occasion to read
      // through the visible path, which may lead into another generation by now.
      if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ELOOP')) {
        throw torn(path, purpose, cause);
      }
      throw mountError(cause, path, purpose);
    }
  }

  private async openFile(realPath: string): Promise<Awaited<ReturnType<MountFs['read']>>> {
    return this.#fs.read(realPath, this.#maxBytes);
  }

  #requireReadable(stats: BigIntStats, path: string, purpose: Purpose): void {
    if (!stats.isFile()) {
      throw new SpiffeError(
        'ERR_MOUNT_FILE_TYPE',
        `want a regular file with ${purpose} in ${path}, got ${typeOf(stats)}`,
        {
          hint: 'Put a regular file there, or a link to one.',
          file: path,
        },
      );
    }
    if (stats.size > BigInt(this.#maxBytes)) {
      throw new SpiffeError(
        'ERR_MOUNT_TOO_LARGE',
        `want at most ${this.#maxBytes} bytes with ${purpose} in ${path}, got ${stats.size}`,
        {
          hint: 'Check what writes the file; for an identity, option maxFileBytes raises the limit.',
          file: path,
        },
      );
    }
  }
}

/** The files of the identity, with what each is for. */
export function identityPurposes({ identity }: MountPlan): readonly (readonly [string, Purpose])[] {
  if ('cert' in identity) {
    return [
      [identity.cert, 'the certificate chain'],
      [identity.key, 'the private key'],
    ];
  }
  return [[identity.credentialBundle, 'key and certificate chain']];
}

/** What kind of file it is, for people. */
export function typeOf(stats: BigIntStats): string {
  if (stats.isFile()) return 'a regular file';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return stats.isSymbolicLink() ? 'a symbolic link' : 'a device';
}

/** A state between two generations, which the next look should find whole. */
export function torn(path: string, purpose: string, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_MOUNT_TORN', `want ${purpose} in ${path}, got a file that is being replaced`, {
    hint: 'Nothing to do unless this stays: the files are read again.',
    file: path,
    ...(cause === undefined ? {} : { cause }),
  });
}

function isAbsent({ error }: Chain): boolean {
  return error?.code === 'ENOENT' || error?.code === 'ENOTDIR';
}
