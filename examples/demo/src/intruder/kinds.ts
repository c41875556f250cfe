import { type EndpointName } from '../topology.ts';

/** One way of trying to get in. */
export interface IntruderKind {
  /** What it does, for the reader of the view. */
  readonly title: string;
  /** The codes by which svidkit may turn it away. Any other reason proves nothing about this kind. */
  readonly expected: readonly string[];
  /** Whom it tries; `impostor`: it serves, and our own client is lured to it. */
  readonly targets: readonly EndpointName[] | 'impostor';
  /** It may connect: what is refused is its request, by the authorization of the route. */
  readonly mayConnect?: true;
  /** Its identity is let in at some times (which are its controls) and not at others. */
  readonly seasonal?: true;
}

/** Where intruders knock. */
export const DOORS = [
  'api',
  'ledger',
  'ledger-journal',
  'catalog',
  'pricing',
  'stock',
  'quotes',
  'archive',
] as const;

/** Every kind of intruder. Each makes its own attempts, and its own positive controls. */
export const KINDS = {
  'foreign-ca': {
    title: 'our IDs, vouched for by a CA that nobody knows',
    expected: ['ERR_CHAIN_UNTRUSTED'],
    targets: DOORS,
  },
  'federated-ca': {
    title: "our IDs, vouched for by the partner's CA",
    expected: ['ERR_CHAIN_UNTRUSTED'],
    targets: DOORS,
  },
  expired: {
    title: 'a real SVID that has expired',
    expected: ['ERR_CHAIN_EXPIRED'],
    targets: DOORS,
  },
  'no-certificate': {
    title: 'no certificate at all',
    expected: ['ERR_PEER_NO_CERTIFICATE'],
    targets: DOORS,
  },
  'wrong-path': {
    title: 'a real SVID of another workload',
    expected: ['ERR_PEER_UNAUTHORIZED'],
    targets: DOORS,
  },
  'wrong-door': {
    title: "the partner's real SVID at doors not opened for it",
    expected: ['ERR_PEER_UNAUTHORIZED'],
    targets: DOORS,
  },
  'wrong-route': {
    title: 'a real SVID on a route that is for another one',
    expected: ['ERR_PEER_UNAUTHORIZED'],
    targets: ['catalog', 'pricing'],
    mayConnect: true,
  },
  'self-signed': {
    title: 'our IDs, signed by themselves',
    expected: ['ERR_CHAIN_UNTRUSTED'],
    targets: DOORS,
  },
  'two-uri-sans': {
    title: 'our CA, but two identities in one certificate',
    expected: ['ERR_CHAIN_ID'],
    targets: DOORS,
  },
  'leaf-is-ca': {
    title: 'our CA, but a leaf that may issue',
    expected: ['ERR_CHAIN_LEAF_PROFILE'],
    targets: DOORS,
  },
  plaintext: {
    title: 'HTTP and noise without TLS',
    expected: ['ERR_PEER_HANDSHAKE'],
    targets: DOORS,
  },
  'tls12-no-certificate': {
    title: 'TLS 1.2 without a certificate, where TLS 1.2 is spoken',
    expected: ['ERR_PEER_NO_CERTIFICATE'],
    targets: ['ledger-journal'],
  },
  'removed-ca-session': {
    title: 'a session and an SVID from before their CA was removed',
    expected: ['ERR_CHAIN_UNTRUSTED', 'ERR_PEER_RESUMED'],
    targets: DOORS,
  },
  'removed-ca-bare-session': {
    title: 'a session from before its CA was removed, no certificate',
    expected: ['ERR_PEER_NO_CERTIFICATE', 'ERR_PEER_RESUMED'],
    targets: DOORS,
  },
  'stolen-key': {
    title: 'a real SVID whose stolen key has been denied',
    expected: ['ERR_PEER_DENIED'],
    targets: ['api', 'catalog', 'pricing'],
    seasonal: true,
  },
  'legacy-straggler': {
    title: 'a legacy certificate after the policy went to strict',
    expected: ['ERR_CHAIN_ID'],
    targets: ['archive'],
    seasonal: true,
  },
  'impostor-foreign-ca': {
    title: "a server with the ledger's ID from an unknown CA",
    expected: ['ERR_CHAIN_UNTRUSTED'],
    targets: 'impostor',
  },
  'impostor-wrong-id': {
    title: "a server with a real SVID that is not the ledger's",
    expected: ['ERR_PEER_UNAUTHORIZED'],
    targets: 'impostor',
  },
} as const satisfies Record<string, IntruderKind>;

/** The name of a kind of intruder. */
export type KindName = keyof typeof KINDS;

/** The name of a kind whose identity is let in at some times and not at others. */
export type SeasonalKind = 'stolen-key' | 'legacy-straggler';

/** The names of all kinds, in the order of the view. */
export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];
