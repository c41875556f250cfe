import { TrustDomain } from '@svidkit/core';
import {
  createTestCa,
  directorySwapWriter,
  inPlaceWriter,
  kubeletWriter,
  type MountWriter,
  renameWriter,
  type TestCa,
} from '@svidkit/testkit';

import { type OpenReader } from './open-reader.ts';
import { type ReaderFixture } from './reader-fixture.ts';

export const OWN: TrustDomain = TrustDomain.parse('prod.example');
export const PARTNER: TrustDomain = TrustDomain.parse('partner.example');
/** What the bundle map is called in a mount. */
export const MAP = 'bundles.json';

/** Every kind of writer; the one that overwrites stops several times in the middle of a document. */
export const WRITERS: Readonly<Record<string, (directory: string) => MountWriter>> = {
  kubelet: (directory) => kubeletWriter(directory),
  rename: (directory) => renameWriter(directory),
  'directory swap': (directory) => directorySwapWriter(directory),
  'in place': (directory) => inPlaceWriter(directory, { cut: { 'ca.crt': 5, [MAP]: 5 } }),
};

/** How many authorities of a trust domain are in use. */
export function count({ source }: OpenReader, trustDomain: TrustDomain = OWN): number {
  return source.current.bundles.get(trustDomain)?.authorities.length ?? 0;
}

/** The trust domains that have a bundle in use, by their names. */
export function domains({ source }: OpenReader): readonly string[] {
  return source.current.bundles.trustDomains.map(({ name }) => name);
}

/** Whether peers of `ca` are trusted, in its own trust domain. */
export function trusts({ source }: OpenReader, ca: TestCa): boolean {
  const bundle = source.current.bundles.get(TrustDomain.parse(ca.trustDomain));
  return ca.bundle().authorities.every((authority) => bundle?.has(authority) === true);
}

export function partnerCa({ clock }: ReaderFixture): Promise<TestCa> {
  return createTestCa({ trustDomain: 'partner.example', clock });
}
