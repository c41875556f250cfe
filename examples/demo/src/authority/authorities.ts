import { createTestCa, type TestBundle, testBundle, type TestCa, type TestSvid } from '@svidkit/testkit';

import { type Pem } from '../messages.ts';
import { IDS, OUR_DOMAIN, PARTNER_DOMAIN, type WorkloadName } from '../topology.ts';

/** So long that time is not what it is turned away for. */
const STOLEN_LIFETIME_MS = 3_600_000;

/** The authorities of the demo: ours, whose root is replaced now and then, and the partner's. */
export class Authorities {
  readonly partner: TestCa;
  #issuer: TestCa;
  #trusted: TestBundle;
  #root = 1;

  private constructor(ours: TestCa, partner: TestCa) {
    this.#issuer = ours;
    this.#trusted = ours;
    this.partner = partner;
  }

  static async create(): Promise<Authorities> {
    const [ours, partner] = await Promise.all([
      createTestCa({ trustDomain: OUR_DOMAIN }),
      createTestCa({ trustDomain: PARTNER_DOMAIN }),
    ]);
    return new Authorities(ours, partner);
  }

  /** Our root that issues now. */
  get issuer(): TestCa {
    return this.#issuer;
  }

  /** Counts our roots: 1 for the first. */
  get root(): number {
    return this.#root;
  }

  /** Issues an SVID to a workload, from the root of its trust domain. */
  issue(workload: WorkloadName, lifetimeMs: number): Promise<TestSvid> {
    const ca = workload === 'settlement' ? this.partner : this.#issuer;
    return ca.issue({ id: IDS[workload], lifetimeMs });
  }

  /** A good SVID of a workload with a key of its own, as a thief would have it: for longer than the demo lasts. */
  async steal(workload: WorkloadName): Promise<Pem> {
    const { certPem, keyPem } = await this.issue(workload, STOLEN_LIFETIME_MS);
    return { cert: certPem, key: keyPem };
  }

  /** The files of a mount: SVID, key, own bundle, and the bundle of the other trust domain in a file of its own. */
  mountFiles(workload: WorkloadName, svid: TestSvid): Record<string, string> {
    const [own, other] =
      workload === 'settlement' ? [this.partner, this.#trusted] : [this.#trusted, this.partner];
    return {
      'tls.crt': svid.certPem,
      'tls.key': svid.keyPem,
      'ca.crt': own.bundlePem,
      [`${other.trustDomain}.pem`]: other.bundlePem,
    };
  }

  /** First step of a change of root: both are trusted, the old one still issues. */
  async addRoot(): Promise<TestCa> {
    const next = await createTestCa({ trustDomain: OUR_DOMAIN });
    this.#trusted = testBundle(this.#issuer, next);
    return next;
  }

  /** Second step: the new root issues. */
  issueFrom(next: TestCa): void {
    this.#issuer = next;
    this.#root += 1;
  }

  /** Last step: only the root that issues is trusted. */
  removeOldRoot(): void {
    this.#trusted = this.#issuer;
  }
}
