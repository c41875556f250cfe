import { type TestBundle, type TestCa, type MountFiles, mountFiles } from '@svidkit/testkit';

import { type Random } from '../../packages/core/test/oracle/random.ts';
import { type Performer } from './performer.ts';

/** What can be wrong with what a writer publishes. Each has to leave the last good generation in use. */
const FAULTS: Readonly<Record<string, (good: MountFiles, random: Random) => MountFiles>> = {
  'key of another generation': (good) => ({ ...good, 'tls.key': foreignKey }),
  'certificate missing': (good) => without(good, 'tls.crt'),
  'key missing': (good) => without(good, 'tls.key'),
  'certificate empty': (good) => ({ ...good, 'tls.crt': '' }),
  'bundle empty': (good) => ({ ...good, 'ca.crt': '' }),
  'certificate cut off': (good, random) => ({ ...good, 'tls.crt': cut(good['tls.crt'], random) }),
  'key cut off': (good, random) => ({ ...good, 'tls.key': cut(good['tls.key'], random) }),
  'bundle cut off': (good, random) => ({ ...good, 'ca.crt': cut(good['ca.crt'], random) }),
  'noise instead of all': () => ({ 'tls.crt': 'noise', 'tls.key': 'noise', 'ca.crt': 'noise' }),
};

/** Names of what can be published. */
export const KINDS: readonly string[] = ['rotation', 'root rotation', ...Object.keys(FAULTS)];

let foreignKey = '';

/** Publishes SVIDs to two services: good ones, and at times something else before. */
export class Weather {
  readonly #random: Random;
  readonly #performers: readonly Performer[];
  readonly counts: Record<string, number> = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  #issuer: TestCa;
  #trust: TestCa | TestBundle;

  constructor(ca: TestCa, performers: readonly Performer[], random: Random) {
    this.#issuer = ca;
    this.#trust = ca;
    this.#performers = performers;
    this.#random = random;
  }

  /** One rotation of both services, in an order of chance. Resolves when both present it. */
  async next(): Promise<void> {
    if (this.#random.chance(1 / 50)) return this.#rotateRoot();
    for (const performer of this.#random.shuffled(this.#performers)) {
      if (this.#random.chance(1 / 4)) await this.#spoil(performer);
      await this.#renew(performer);
    }
    this.#count('rotation');
  }

  /** Gives both their first SVID. */
  async begin(): Promise<void> {
    foreignKey = (await this.#issuer.issue()).keyPem;
    for (const performer of this.#performers) await performer.publish((await this.#issue(performer)).files);
  }

  async #renew(performer: Performer): Promise<void> {
    const { files, serial } = await this.#issue(performer);
    await performer.publish(files);
    await performer.presents(serial);
  }

  async #spoil(performer: Performer): Promise<void> {
    const kind = this.#random.pick(Object.keys(FAULTS));
    const { files } = await this.#issue(performer);
    const spoilt = FAULTS[kind]?.(files, this.#random);
    if (spoilt === undefined) return;
    await performer.publish(spoilt);
    this.#count(kind);
  }

  /** Both trust both roots before anyone shows the new one, and nobody shows the old one when it goes. */
  async #rotateRoot(): Promise<void> {
    const { next, both } = await this.#issuer.rotate();
    const everyone = async (): Promise<void> => {
      for (const performer of this.#performers) await this.#renew(performer);
    };
    this.#trust = both;
    await everyone();
    this.#issuer = next;
    await everyone();
    // What began under the old root ends, and then what began meanwhile on a connection that was still being opened under
    // it: a request in flight is not to blame for the root going.
    for (let twice = 0; twice < 2; twice += 1) {
      await Promise.all(this.#performers.map((performer) => performer.settle()));
    }
    this.#trust = next;
    await everyone();
    this.#count('root rotation');
  }

  async #issue({ id }: Performer): Promise<{ readonly files: MountFiles; readonly serial: string }> {
    const svid = await this.#issuer.issue({ path: new URL(id).pathname });
    return {
      files: mountFiles.csiDriverSpiffe(svid, this.#trust),
      serial: svid.svid().leaf.serialNumber,
    };
  }

  #count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }
}

function without(files: MountFiles, name: string): MountFiles {
  return Object.fromEntries(Object.entries(files).filter(([each]) => each !== name));
}

function cut(content: MountFiles[string] | undefined, random: Random): string {
  const text = String(content ?? '');
  return text.slice(0, random.below(text.length));
}
