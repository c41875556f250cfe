import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { SpiffeError } from '@svidkit/core';

import { type BundleStore } from './bundle-store.ts';

const MOST_BYTES = 11 * 1024 * 1024;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Keeps the latest bundle in a file, which is replaced as a whole: a crash leaves the old one or the new one. Its
 * directory has to exist. A file that others than its owner may write to is not believed.
 *
 * @param path - one file for one trust domain.
 */
export function fileBundleStore(path: string): BundleStore {
  const file = resolve(path);
  return Object.freeze({
    async load() {
      const found = await stat(file).catch(absent);
      if (found === undefined) return undefined;
      if (!found.isFile() || found.size > MOST_BYTES) {
        throw badStore(file, `a file of at most ${MOST_BYTES} bytes`, 'something else');
      }
      if (process.platform !== 'win32' && (found.mode & WRITABLE_BY_OTHERS) !== 0) {
        throw badStore(
          file,
          'a file that only its owner can write to',
          `mode ${(found.mode & 0o777).toString(8)}`,
        );
      }
      return { document: await readFile(file), savedAt: found.mtimeMs };
    },
    async save(document: string) {
      const temporary = `${file}.${randomUUID()}.tmp`;
      try {
        const handle = await open(temporary, 'wx', 0o600);
        try {
          await handle.writeFile(document);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(temporary, file);
      } catch (cause) {
        await rm(temporary, { force: true });
        throw cause;
      }
    },
    remove: async () => rm(file, { force: true }),
  });
}

function absent(cause: NodeJS.ErrnoException): undefined {
  if (cause.code === 'ENOENT') return undefined;
  throw cause;
}

function badStore(file: string, want: string, got: string): SpiffeError {
  return new SpiffeError('ERR_FEDERATION_STORE', `a stored bundle: want ${want}, got ${got}`, { file });
}
