import { createHash, randomInt, X509Certificate } from 'node:crypto';

import { kubeletWriter, type MountWriter, type TestSvid } from '@svidkit/testkit';

import { type WorkloadName } from '../topology.ts';
import { type Authorities } from './authorities.ts';

/** An SVID that was written into a mount. */
export interface Publication {
  readonly fingerprint: string;
  readonly serial: string;
  readonly notAfter: number;
  /** When the mount was swapped to it; undefined while it is being written. */
  publishedAt: number | undefined;
}

/** How long an SVID lives. */
const SVID_LIFETIME_MS = 6_000;
/** It is renewed after two thirds of that, or a little earlier, so that not everybody is renewed at once. */
const RENEW_AFTER_MS = (SVID_LIFETIME_MS * 2) / 3;
const EARLIER_BY_UP_TO_MS = 800;

/** Keeps the mount of one workload fresh, as kubelet does: whole generations, one rename. */
export class Publisher {
  readonly workload: WorkloadName;
  readonly #authorities: Authorities;
  readonly #writer: MountWriter;
  readonly #onError: (error: unknown) => void;
  readonly #publications: Publication[] = [];
  #svid: TestSvid | undefined;
  #queue: Promise<void> = Promise.resolve();
  #renewal: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    workload: WorkloadName,
    directory: string,
    authorities: Authorities,
    onError: (error: unknown) => void,
  ) {
    this.workload = workload;
    this.#authorities = authorities;
    this.#writer = kubeletWriter(directory, { fileMode: 0o600 });
    this.#onError = onError;
  }

  /** What was published lately, oldest first. */
  get publications(): readonly Publication[] {
    return this.#publications;
  }

  /** Issues a new SVID and publishes it with the bundles of now. */
  renew(): Promise<void> {
    return this.#next(async () => {
      this.#svid = await this.#authorities.issue(this.workload, SVID_LIFETIME_MS);
      await this.#write(this.#svid);
      clearTimeout(this.#renewal);
      const renew = (): void => void this.renew().catch((error: unknown) => this.#onError(error));
      this.#renewal = setTimeout(renew, RENEW_AFTER_MS - randomInt(EARLIER_BY_UP_TO_MS));
    });
  }

  /** Publishes the bundles of now with the SVID that is there. */
  publishBundles(): Promise<void> {
    return this.#next(async () => {
      if (this.#svid !== undefined) await this.#write(this.#svid);
    });
  }

  /** Publishes nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#renewal);
    await this.#queue.catch(() => undefined);
  }

  /** One after the other: no real agent writes a volume twice at once, either. */
  #next(work: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(() => (this.#stopped ? undefined : work()));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #write(svid: TestSvid): Promise<void> {
    const publication = this.#publicationOf(svid);
    const rotation = this.#writer.begin(this.#authorities.mountFiles(this.workload, svid));
    if (rotation.steps.includes('swap')) await rotation.runTo('swap');
    publication.publishedAt ??= Date.now();
    await rotation.finish();
  }

  /** Known before the swap: nobody can see it earlier than we know of it. */
  #publicationOf(svid: TestSvid): Publication {
    const leaf = svid.chainDer[0] ?? new Uint8Array();
    const fingerprint = createHash('sha256').update(leaf).digest('hex');
    const known = this.#publications.find((publication) => publication.fingerprint === fingerprint);
    if (known !== undefined) return known;
    const { notAfter } = svid;
    const { serialNumber: serial } = new X509Certificate(leaf);
    const publication: Publication = { fingerprint, serial, notAfter, publishedAt: undefined };
    this.#publications.push(publication);
    if (this.#publications.length > 100) this.#publications.shift();
    return publication;
  }
}
