import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes and swaps in a generation as kubelet does, in a fraction of a millisecond, for many rotations. */
export function swapGeneration(
  directory: string,
  files: Readonly<Record<string, string>>,
  index: number,
): void {
  const generation = `..generation_${index}`;
  mkdirSync(join(directory, generation), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, generation, name), content, { mode: 0o440 });
  }
  const old = linkTarget(join(directory, '..data'));
  symlinkSync(generation, join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  for (const name of Object.keys(files)) {
    if (linkTarget(join(directory, name)) === undefined)
      symlinkSync(join('..data', name), join(directory, name));
  }
  if (old !== undefined) rmSync(join(directory, old), { recursive: true });
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
