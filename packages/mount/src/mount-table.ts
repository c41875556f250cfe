import { readFile } from 'node:fs/promises';

/** One line of `/proc/self/mountinfo`. */
export interface MountEntry {
  /** Which directory or file of the file system is mounted; ends in `//deleted` when it is gone. */
  readonly root: string;
  /** Where. */
  readonly mountPoint: string;
  /** The type of the file system, such as `tmpfs`. */
  readonly type: string;
}

/** Reads the mounts of this process; none where there is no such table (other systems than Linux). */
export async function readMountTable(): Promise<readonly MountEntry[]> {
  try {
    return parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
  } catch {
    return [];
  }
}

/** Parses the text of `/proc/self/mountinfo` (proc(5)); lines that it cannot read are left out. */
export function parseMountTable(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, mountPoint] = before.split(' ');
    const [type = ''] = after.split(' ');
    if (root === undefined || mountPoint === undefined) return [];
    return [{ root: unescape(root), mountPoint: unescape(mountPoint), type }];
  });
}

/** The mount that `path`, which has no links in it, is on: of those at the longest mount point, the last. */
export function mountOf(path: string, table: readonly MountEntry[]): MountEntry | undefined {
  let best: MountEntry | undefined;
  for (const entry of table) {
    const { mountPoint } = entry;
    const isAbove = mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
    // The kernel keeps the path of a mount point that was itself removed, with this at its end.
    const isGone = mountPoint === `${path}//deleted`;
    if ((isAbove || isGone) && mountPoint.length >= (best?.mountPoint.length ?? 0)) best = entry;
  }
  return best;
}

/** proc(5): space, tab, newline and backslash stand there as octal escapes. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCodePoint(Number.parseInt(digits, 8)),
  );
}
