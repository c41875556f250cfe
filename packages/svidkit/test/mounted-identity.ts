import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type MountedX509Source } from '@svidkit/mount';
import { type IssueOptions, kubeletWriter, mountFiles, type TestCa, type TestSvid } from '@svidkit/testkit';
import { onTestFinished } from 'vitest';

import { type MountOptions, type WorkloadIdentity, workloadIdentity } from '../src/index.ts';

/** An identity over a real mount, and its writer. */
export interface MountedIdentity {
  readonly identity: WorkloadIdentity;
  readonly directory: string;
  /** Writes another SVID into the mount and waits until it is in use. */
  renew(): Promise<TestSvid>;
}

/** A new empty directory, removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Mounts an SVID as kubelet does and opens it; closed when the test ends. */
export async function mountedIdentity(
  ca: TestCa,
  issue: IssueOptions,
  options: MountOptions = {},
): Promise<MountedIdentity> {
  const directory = join(temporaryDirectory(), 'mount');
  const writer = kubeletWriter(directory, { fileMode: 0o400 });
  await writer.write(mountFiles.secret(await ca.issue(issue), ca));
  const identity = await workloadIdentity({ directory, ...options });
  onTestFinished(() => identity.close());
  return {
    identity,
    directory,
    async renew() {
      const svid = await ca.issue(issue);
      await writer.write(mountFiles.secret(svid, ca));
      await (identity.source as MountedX509Source).check();
      return svid;
    },
  };
}
