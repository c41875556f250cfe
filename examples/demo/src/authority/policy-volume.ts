import { kubeletWriter, type MountWriter } from '@svidkit/testkit';

/** The volume with the policies of one workload: written as kubelet writes a ConfigMap. */
export class PolicyVolume {
  readonly #writer: MountWriter;
  readonly #files: Record<string, string> = {};
  #queue: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.#writer = kubeletWriter(directory, { fileMode: 0o600 });
  }

  /**
   * Puts a document into the file `name`, beside the others.
   *
   * @returns when the volume was swapped to it, in milliseconds since the Unix epoch.
   */
  put(name: string, document: object): Promise<number> {
    const result = this.#queue.then(async () => {
      this.#files[name] = `${JSON.stringify(document, null, 2)}\n`;
      const rotation = this.#writer.begin(this.#files);
      if (rotation.steps.includes('swap')) await rotation.runTo('swap');
      const swappedAt = Date.now();
      await rotation.finish();
      return swappedAt;
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
