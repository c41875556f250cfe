import { type TestBundle, type TestSvid } from '@svidkit/testkit';

/** What an implementation is to be: one SVID, and whom to trust. */
export interface Identity {
  readonly svid: TestSvid;
  /** One for each trust domain. */
  readonly bundles: readonly TestBundle[];
}
