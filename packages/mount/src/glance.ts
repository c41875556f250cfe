import { type MountFs } from './mount-fs.ts';
import { type Observation } from './observe.ts';
import { fileMark } from './resolve-chain.ts';

/** How many glances may follow each other before the paths are resolved again, to keep the watches right. */
const MOST_GLANCES = 5;

/**
 * A look so cheap that ten thousand readers can poll with it: it asks where each path ends, and in what state, but
 * not how it got there. No change of content escapes it.
 */
export class Glance {
  #paths: readonly string[] = [];
  #marks = '';
  #count = 0;

  /** Remembers the state that an observation found. */
  remember({ chains }: Observation): void {
    this.#paths = [...chains.keys()];
    this.#marks = [...chains.values()].map(({ entry }) => fileMark(entry)).join();
    this.#count = 0;
  }

  /** Forgets it: the next look has to be a whole one. */
  forget(): void {
    this.#paths = [];
  }

  /** Whether everything is as it was. False when nothing is remembered, and now and then in any case. */
  async isUnchanged(fs: MountFs): Promise<boolean> {
    if (this.#paths.length === 0 || ++this.#count > MOST_GLANCES) return false;
    const marks: string[] = [];
    for (const path of this.#paths) marks.push(fileMark(await fs.stat(path)));
    return marks.join() === this.#marks;
  }
}
