import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  createTestCa,
  type IssueOptions,
  type ManualClock,
  manualClock,
  mountFiles,
  type TestCa,
} from '@svidkit/testkit';

import { type MountOptions } from '../src/mount-options.ts';
import { type MountPorts } from '../src/mount-ports.ts';
import { type Mode, openReader, type OpenReader } from './open-reader.ts';

/** A directory, a clock and a CA for one test. */
export interface ReaderFixture extends AsyncDisposable {
  readonly mode: Mode;
  readonly root: string;
  readonly clock: ManualClock;
  readonly ca: TestCa;
  readonly path: (name: string) => string;
  readonly open: (options?: MountOptions, ports?: Partial<MountPorts>) => Promise<OpenReader>;
  /** The files of a Secret with a new SVID. */
  readonly secret: (options?: IssueOptions, ca?: TestCa) => Promise<Record<string, string>>;
}

/** Makes a {@link ReaderFixture}. */
export async function readerFixture(mode: Mode): Promise<ReaderFixture> {
  const root = await mkdtemp(join(tmpdir(), 'svidkit-mount-'));
  const clock = manualClock();
  const ca = await createTestCa({ trustDomain: 'prod.example', clock });
  const readers: OpenReader[] = [];
  return {
    mode,
    root,
    clock,
    ca,
    path: (name) => join(root, name),
    secret: async (options, issuer = ca) => mountFiles.secret(await issuer.issue(options), ca),
    async open(options = {}, ports = {}) {
      // Looks at `mount` unless told otherwise; an empty name is none.
      const { directory = join(root, 'mount'), ...rest } = options;
      const where = directory === '' ? rest : { directory, ...rest };
      const reader = await openReader(mode, clock, where, ports);
      readers.push(reader);
      return reader;
    },
    async [Symbol.asyncDispose]() {
      for (const reader of readers) await reader[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}
