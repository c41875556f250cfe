import { join } from 'node:path';

import { buildGo, buildJava, buildPython, buildRust } from './build-adapter.ts';

const ROOT = join(import.meta.dirname, '../..');

/** An implementation of SPIFFE, and how to come by its adapter. */
export interface Implementation {
  /** What `--only` calls it. */
  readonly name: string;
  readonly library: string;
  /** What has to be on this machine for it. */
  readonly needs: string;
  /**
   * Makes the adapter.
   *
   * @returns the command that runs it.
   * @throws {@link Unavailable} when this machine lacks a tool for it.
   */
  build(): Promise<readonly string[]>;
  /** The file of known failures; undefined where every case has to pass. */
  readonly known?: string;
}

/** All of them, in the order in which they are run. */
export const IMPLEMENTATIONS: readonly Implementation[] = [
  {
    name: 'typescript',
    library: 'svidkit',
    needs: 'nothing more',
    build: async () => [
      process.execPath,
      '--conditions=@svidkit/source',
      join(ROOT, 'interop/typescript/src/main.ts'),
    ],
  },
  other('go', 'go-spiffe', 'go >= 1.25', buildGo),
  other('python', 'py-spiffe', 'python3 >= 3.10 with pip and venv', buildPython),
  other('rust', 'rust-spiffe', 'cargo with Rust >= 1.88', buildRust),
  other('java', 'java-spiffe', 'a JDK >= 17 and mvn', buildJava),
];

function other(
  name: string,
  library: string,
  needs: string,
  build: (folder: string) => Promise<readonly string[]>,
): Implementation {
  const folder = join(ROOT, 'interop', name);
  return {
    name,
    library,
    needs,
    build: () => build(folder),
    known: join(folder, 'spiffe-conformance.known.json'),
  };
}
