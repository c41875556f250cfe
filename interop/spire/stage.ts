import { existsSync, rmSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { copyProgram } from '../drivers/fetch.ts';
import { endWithProcess } from './end-with-process.ts';
import { goProgram } from './go-program.ts';
import { type GoCommand } from './pins.ts';
import { Program, type ProgramOptions } from './program.ts';

/** Options of {@link Stage.open}. */
export interface StageOptions {
  /** Whether programs that are not in the cache are built. */
  readonly build: boolean;
  readonly say: (text: string) => void;
}

/** Something that has to be ended. */
export interface Closable {
  close(): Promise<void>;
}

/** Where one scenario plays: a folder, and all that was started there. Closing it leaves nothing. */
export class Stage {
  readonly folder: string;
  readonly say: (text: string) => void;
  readonly #options: StageOptions;
  readonly #running: Closable[] = [];
  readonly #spare: () => void;
  #names = 0;

  private constructor(folder: string, options: StageOptions) {
    this.folder = folder;
    this.say = options.say;
    this.#options = options;
    // Whoever interrupts leaves nothing either; the programs end by themselves.
    this.#spare = endWithProcess(this.#remove);
  }

  static async open(options: StageOptions): Promise<Stage> {
    // Short: paths of Unix sockets have at most 107 bytes.
    const folder = await mkdtemp(join(tmpdir(), 'svidkit-spire-'));
    // Other local users have to get through here; what is secret is in folders of their own.
    await chmod(folder, 0o755);
    return new Stage(folder, options);
  }

  /** A name that nothing else here has. */
  name(kind: string): string {
    this.#names += 1;
    return `${kind}-${this.#names}`;
  }

  /** A new folder that one local user alone may use; without `uid`, all may enter it. */
  async makeFolder(name: string, uid?: number): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(path);
    await chmod(path, uid === undefined ? 0o755 : 0o700);
    if (uid !== undefined) await chown(path, uid, uid);
    return path;
  }

  /** A Go program, for this user. */
  program(command: GoCommand): Promise<string> {
    return goProgram(command, this.#options);
  }

  /** A Go program, where every local user may execute it. */
  async programForAll(command: GoCommand): Promise<string> {
    const kept = await this.program(command);
    const copy = join(this.folder, basename(kept));
    return existsSync(copy) ? copy : copyProgram(kept, copy);
  }

  /** Starts a program that ends with the stage. */
  start(options: Omit<ProgramOptions, 'log' | 'cwd'> & { readonly name: string }): Program {
    const program = new Program({
      ...options,
      log: join(this.folder, `${options.name}.log`),
      cwd: this.folder,
    });
    this.closeLater({ close: () => program.stop() });
    return program;
  }

  /** Has something closed with the stage. */
  closeLater(what: Closable): void {
    this.#running.push(what);
  }

  /**
   * Copies what its programs have said so far to a folder, in place of what is there.
   *
   * @returns the names of the logs that say something.
   */
  async keepLogs(folder: string): Promise<readonly string[]> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const kept: string[] = [];
    for (const name of (await readdir(this.folder)).toSorted()) {
      const path = join(this.folder, name);
      if (!name.endsWith('.log') || (await stat(path)).size === 0) continue;
      await copyFile(path, join(folder, name));
      kept.push(name);
    }
    return kept;
  }

  /** Ends everything, the latest first. */
  async close(): Promise<void> {
    try {
      for (const running of this.#running.splice(0).toReversed()) await running.close();
    } finally {
      this.#spare();
      this.#remove();
    }
  }

  readonly #remove = (): void => {
    if (process.env['INTEROP_KEEP'] === undefined) rmSync(this.folder, { recursive: true, force: true });
  };
}
