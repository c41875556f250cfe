import { Buffer } from 'node:buffer';

import { SpiffeError } from '@svidkit/core';

import { type MountFiles } from './rotation.ts';

/**
 * In which order the files of a rotation are written: `as-given`; `cert-first` is certificate, key, bundle;
 * `key-first` is key, certificate, bundle; or all names in order. What a file holds is told by its content, and
 * a bundle by `ca`, `root`, `bundle` or `trust` as a word in its name.
 */
export type WriteOrder = 'as-given' | 'cert-first' | 'key-first' | readonly string[];

type Kind = 'cert' | 'key' | 'bundle';

const RANKS: Readonly<Record<'cert-first' | 'key-first', readonly Kind[]>> = {
  'cert-first': ['cert', 'key', 'bundle'],
  'key-first': ['key', 'cert', 'bundle'],
};

/**
 * The entries of `files` in that order.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when a list of names leaves out a file or names one that is
 * not there.
 */
export function inOrder(files: MountFiles, order: WriteOrder): [name: string, content: Buffer][] {
  const entries = Object.entries(files).map(([name, content]): [string, Buffer] => [
    name,
    Buffer.from(content),
  ]);
  if (order === 'as-given') return entries;
  if (typeof order === 'string') {
    const rank = ([name, content]: [string, Buffer]): number => RANKS[order].indexOf(kindOf(name, content));
    return entries.toSorted((a, b) => rank(a) - rank(b));
  }
  const sorted = order.flatMap((wanted) => entries.filter(([name]) => name === wanted));
  if (sorted.length === entries.length && order.length === entries.length) return sorted;
  const got = entries.map(([name]) => name).join(', ');
  throw new SpiffeError('ERR_CONFIG_OPTION', `want option order to name each file once, got files ${got}`);
}

function kindOf(name: string, content: Buffer): Kind {
  if (/(?:^|[^a-z])(?:ca|root|bundle|trust)(?:[^a-z]|$)/i.test(name) && !content.includes('PRIVATE KEY'))
    return 'bundle';
  if (content.includes('PRIVATE KEY') && !content.includes('BEGIN CERTIFICATE')) return 'key';
  return 'cert';
}
