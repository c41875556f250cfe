import { type Buffer } from 'node:buffer';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { SpiffeError } from '@svidkit/core';

import { type MountWriter, mountWriter, type Step } from './rotation.ts';
import { inOrder, type WriteOrder } from './write-order.ts';

/**
 * Where a file is cut into pieces that are written one by one: `mid-block` is once, in the middle of the last
 * PEM block; `block-boundary` is after each PEM block; a number cuts into that many pieces of like size.
 */
export type Cut = 'mid-block' | 'block-boundary' | number;

/** How an {@link inPlaceWriter} writes. */
export interface InPlaceWriterOptions {
  /** Default: `cert-first`, as spiffe-helper writes. */
  readonly order?: WriteOrder;
  /** How to cut all files, or each by its name. Default: each file is one piece. */
  readonly cut?: Cut | Readonly<Record<string, Cut>>;
  /** The mode that files get when they are made; it is never changed later. Default: 0o644. */
  readonly fileMode?: number;
}

/**
 * Writes as spiffe-helper and `cp` do: empties each file, then writes into it. Steps for each file, in order:
 * `truncate:NAME`, then `write:NAME`, or `write:NAME:1`, `write:NAME:2`... when the file is cut into pieces. After
 * `truncate` the file is empty, between pieces it is partial, between files the mount holds parts of two
 * generations.
 *
 * @param directory - made when it is not there.
 */
export function inPlaceWriter(directory: string, options: InPlaceWriterOptions = {}): MountWriter {
  const { order = 'cert-first', cut, fileMode = 0o644 } = options;

  return mountWriter(directory, (files) =>
    inOrder(files, order).flatMap(([name, content]): Step[] => {
      const path = join(directory, name);
      const pieces = cutUp(content, typeof cut === 'object' ? cut[name] : cut);
      return [
        {
          name: `truncate:${name}`,
          async run() {
            await mkdir(dirname(path), { recursive: true });
            await writeFile(path, '', { mode: fileMode });
          },
        },
        ...pieces.map((piece, index): Step => ({
          name: pieces.length === 1 ? `write:${name}` : `write:${name}:${index + 1}`,
          run: () => appendFile(path, piece),
        })),
      ];
    }),
  );
}

function cutUp(content: Buffer, cut: Cut | undefined): Buffer[] {
  if (cut === undefined) return [content];
  if (typeof cut === 'number') return equalPieces(content, cut);
  const blocks = blockStarts(content);
  if (cut === 'block-boundary') return cutAt(content, blocks.slice(1));
  const last = blocks.at(-1) ?? 0;
  return cutAt(content, [last + Math.floor((content.length - last) / 2)]);
}

function equalPieces(content: Buffer, count: number): Buffer[] {
  if (!Number.isInteger(count) || count < 1) {
    throw new SpiffeError('ERR_CONFIG_OPTION', `want a whole number above 0 in option cut, got ${count}`);
  }
  const size = Math.ceil(content.length / count);
  return cutAt(
    content,
    Array.from({ length: count - 1 }, (_, index) => (index + 1) * size),
  );
}

function cutAt(content: Buffer, offsets: readonly number[]): Buffer[] {
  const starts = [0, ...offsets];
  return starts.map((start, index) => content.subarray(start, starts[index + 1]));
}

function blockStarts(content: Buffer): number[] {
  return [...content.toString('latin1').matchAll(/-----BEGIN /g)].map((match) => match.index);
}
