/** A section of the catalogue of cases, by its rows. */
export interface Section {
  readonly number: number;
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Whether every row of it has cases, or a reason of its own why not. */
  readonly finished: boolean;
  /** Why the rows of a section that is not finished have no cases. */
  readonly later: string;
}

/** The sections of the catalogue. */
export const SECTIONS: readonly Section[] = [
  { number: 1, name: 'spiffe-id', from: 1, to: 42, finished: true, later: '' },
  { number: 2, name: 'trust-domain', from: 43, to: 49, finished: true, later: '' },
  { number: 3, name: 'x509-svid', from: 50, to: 88, finished: true, later: '' },
  { number: 4, name: 'x509-verify', from: 89, to: 149, finished: true, later: '' },
  { number: 5, name: 'bundles', from: 150, to: 185, finished: true, later: '' },
  { number: 6, name: 'jwt-svid', from: 186, to: 220, finished: true, later: '' },
  { number: 7, name: 'wit-svid', from: 221, to: 230, finished: true, later: '' },
  { number: 8, name: 'authorizer', from: 231, to: 242, finished: true, later: '' },
  { number: 9, name: 'mount-layout', from: 243, to: 265, finished: true, later: '' },
  { number: 10, name: 'rotation', from: 266, to: 301, finished: true, later: '' },
  { number: 11, name: 'mtls-server', from: 302, to: 320, finished: true, later: '' },
  { number: 12, name: 'mtls-client', from: 321, to: 338, finished: true, later: '' },
  {
    number: 13,
    name: 'federation',
    from: 339,
    to: 373,
    finished: true,
    later: '',
  },
  {
    number: 14,
    name: 'workload-api',
    from: 374,
    to: 416,
    finished: true,
    later: '',
  },
  { number: 15, name: 'adapter', from: 417, to: 430, finished: false, later: 'run by `doctor`, not scored' },
  { number: 16, name: 'migration', from: 431, to: 442, finished: true, later: '' },
  { number: 17, name: 'wit-proof', from: 443, to: 444, finished: true, later: '' },
  { number: 18, name: 'wit-client', from: 445, to: 450, finished: true, later: '' },
];

/** Rows that have no case, and why. */
export const LATER: Readonly<Record<number, string>> = {};
