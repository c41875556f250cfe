import { type CaOptions, createTestCa, type IssueOptions, type TestCa } from '@svidkit/testkit';

import { type Identity } from './identity.ts';

/** The authorities of the kit: `a.test` is our own trust domain, `b.test` a friend, everyone else is nobody. */
export class Pki {
  readonly #roots = new Map<string, Promise<TestCa>>();

  /** The root of a trust domain: the same one for the whole case. */
  root(trustDomain = 'a.test'): Promise<TestCa> {
    const known = this.#roots.get(trustDomain);
    if (known !== undefined) return known;
    const made = createTestCa({ trustDomain });
    this.#roots.set(trustDomain, made);
    return made;
  }

  /** A root that nobody trusts until a bundle has it. */
  stranger(trustDomain = 'a.test', options: CaOptions = {}): Promise<TestCa> {
    return createTestCa({ trustDomain, ...options });
  }

  /** An SVID of `a.test`, and its bundle. */
  async identity(options: IssueOptions = {}, ca?: TestCa): Promise<Identity> {
    const issuer = ca ?? (await this.root());
    return { svid: await issuer.issue({ path: '/port', ...options }), bundles: [issuer] };
  }
}
