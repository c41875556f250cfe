import { mapSource } from './map-source.ts';
import { afterOpening, beforeOpening } from './mount-parts.ts';
import { type Mutant } from './mutant.ts';
import { documentsIn, isMap, isMapInPart, readDocumentsCarelessly } from './naive-documents.ts';

const LOADS = 'mount-layout/load/bundle*';

/** Broken readers of bundle documents in mounts. */
export const MOUNT_DOCUMENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'mount-reads-pem-alone',
    lie: 'takes bundles that are no PEM for damaged files',
    cases: [LOADS, 'rotation/swap/bundle-json*', 'rotation/bundle/json*', 'rotation/bundle/map*'],
    apply: () =>
      beforeOpening((options) => {
        if (documentsIn(options.directory ?? '').length > 0) throw new Error('this is no PEM');
        return options;
      }),
  },
  {
    name: 'mount-passes-over-uses',
    lie: 'takes every certificate of a bundle document for an authority, whatever it is there for',
    cases: [LOADS],
    apply: () => readDocumentsCarelessly({ isFor: () => true, isAuthority: () => true }),
  },
  {
    name: 'mount-takes-older-documents',
    lie: 'passes over the sequence numbers of bundle documents',
    cases: ['rotation/bad/json*'],
    apply: () => readDocumentsCarelessly({ isFor: (document) => document !== undefined && !isMap(document) }),
  },
  {
    name: 'mount-takes-last-of-two',
    lie: 'takes the last one of a trust domain that is twice in a bundle map',
    cases: ['rotation/bad/map-duplicate'],
    apply: () => readDocumentsCarelessly({ isFor: (_, text) => text.split('"b.test":').length > 2 }),
  },
  {
    name: 'mount-takes-good-half-of-map',
    lie: 'takes what can be read of a bundle map, and leaves out the rest',
    cases: ['rotation/bad/map-one*'],
    apply: () => readDocumentsCarelessly({ isFor: isMapInPart }),
  },
  {
    name: 'mount-drops-broken-documents',
    lie: 'trusts nobody while a bundle document cannot be read',
    cases: ['rotation/parked/half-json', 'rotation/bad/map-half'],
    apply: () => readDocumentsCarelessly({ isFor: (document) => document === undefined }),
  },
  {
    name: 'mount-never-trusts-nobody',
    lie: 'takes a bundle document without keys for one that says nothing',
    cases: ['rotation/bundle/json*'],
    apply: () =>
      keepBundles((directory) => documentsIn(directory).some((text) => text.includes('"keys":[]'))),
  },
  {
    name: 'mount-keeps-lost-domains',
    lie: 'goes on to trust a trust domain that has no bundle any more',
    cases: ['rotation/bundle/map*', 'rotation/bundle/federated-file*'],
    apply: () => keepBundles(() => true),
  },
];

/** Keeps bundles of before that have gone, or have lost all authorities. */
function keepBundles(isKept: (directory: string) => boolean): void {
  afterOpening((source, directory) => {
    let { bundles: before } = source.current;
    return mapSource(source, (context) => {
      if (context === undefined) return undefined;
      let { bundles } = context;
      for (const bundle of before) {
        const isGone = bundles.get(bundle.trustDomain)?.isEmpty !== false;
        if (isGone && isKept(directory)) bundles = bundles.with(bundle);
      }
      before = bundles;
      return Object.freeze({ ...context, bundles });
    });
  });
}
