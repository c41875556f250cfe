import { generateKeyPairSync } from 'node:crypto';

import { type TestBundle } from '@svidkit/testkit';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { documentOf, keysOf, mapOf } from '../bundle-document.ts';
import { FEDERATION } from '../federation-spec.ts';
import { type Mount, type MountKind } from '../mount.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';
import { LOADS, loads, MOUNT_OPS } from './mount-layout.ts';

/** What cases of bundle documents in mounts need. */
export const JSON_BUNDLES = ['sources:mount', 'bundleFormats:spiffe-bundle'] as const;
/** What cases of bundle maps in mounts need. */
export const BUNDLE_MAPS = ['sources:mount', 'layouts:custom', 'bundleFormats:bundle-map'] as const;
/** How a mount is opened whose bundles, our own among them, are in a map. */
export const BY_MAP = { files: { cert: 'tls.crt', key: 'tls.key' }, bundleMap: 'bundles.json' } as const;
const SERVE_OPS = [...MOUNT_OPS, 'server.start'] as const;

/** Bundles that are JSON. */
export function mountDocumentDrafts(): readonly BehaviourDraft[] {
  return [...LAYOUTS.map((layout) => loadDraft(layout)), ...federatedDrafts()];
}

const LAYOUTS: readonly NonNullable<MountKind['layout']>[] = [
  'split',
  'spiffe-helper',
  'credential-bundle',
  'spiffe-filesystem',
];

/** A mount whose bundles are in a map beside chain and key. */
export function mapMount(world: World, kind: MountKind = {}): Mount {
  return world.mount({ ...kind, layout: 'custom' });
}

/** The files of such a mount. */
export function mapFiles(
  mount: Mount,
  identity: Parameters<Mount['files']>[0],
  map: string,
): Record<string, string> {
  const { 'ca.crt': _ca, ...files } = mount.files(identity);
  return { ...files, 'bundles.json': map };
}

function loadDraft(layout: NonNullable<MountKind['layout']>): BehaviourDraft {
  return {
    row: 247,
    id: `load/bundle-json[layout=${layout}]`,
    title: 'a bundle file that is a SPIFFE bundle is loaded, whatever it is called',
    why: 'this is the form in which trust domains publish their bundles, and what tools export',
    level: 'ref',
    spec: SPEC.layout,
    ops: SERVE_OPS,
    features: [...JSON_BUNDLES, `layouts:${layout}`],
    async script(world) {
      const [one, two] = [await world.pki.root(), await world.pki.stranger()];
      const { both } = await one.rotate();
      const identity = { svid: await one.issue({ path: '/port' }), bundles: [both] };
      const mount = world.mount({ layout });
      const members = { spiffe_sequence: 7, spiffe_refresh_hint: 1 };
      const document = documentOf(both, members, otherKeys(two));
      await mount.write({ ...mount.files(identity), [mount.names.ca]: document });
      const source = await loads(world, mount, identity);
      const server = await world.serve(source, { authorize: { any: true } });
      await server.admits(await one.issue({ path: '/client' }));
      await server.refuses(
        await two.issue({ path: '/client' }),
        'a client of a CA that is there for another use',
      );
    },
  };
}

/** Entries that are no authorities of X.509-SVIDs: a CA for a use that nobody knows, and a key of JWT-SVIDs. */
function otherKeys(stranger: TestBundle): readonly object[] {
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  return [...keysOf(stranger, 'unheard-of'), { ...jwk, use: 'jwt-svid', kid: 'j' }];
}

function federatedDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 247,
      id: 'load/bundle-json-federated',
      title: 'the SPIFFE bundle of another trust domain is loaded for that trust domain alone',
      why: 'the document does not say whose it is, so whoever names the file does',
      level: 'ref',
      spec: FEDERATION.knownName,
      ops: SERVE_OPS,
      features: [...JSON_BUNDLES, 'layouts:split'],
      control: LOADS,
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { svid } = await world.pki.identity();
        const identity = { svid, bundles: [own, friend] };
        const mount = world.mount();
        await mount.write({ ...mount.files(identity), 'friend.json': documentOf(friend) });
        const source = await loads(world, mount, identity, { bundles: { 'b.test': 'friend.json' } });
        const server = await world.serve(source, { authorize: { any: true } });
        await server.admits(await friend.issue({ path: '/client' }));
        await server.refuses(
          await friend.issue({ id: 'spiffe://a.test/client' }),
          'a client of ours that a friend vouches for',
        );
      },
    },
    {
      row: 248,
      id: 'load/bundle-map',
      title: 'a bundle map has the bundles of all its trust domains, our own among them',
      why: 'one file that says whose each bundle is needs no names and no options',
      level: 'ref',
      spec: SPEC.layout,
      ops: SERVE_OPS,
      features: BUNDLE_MAPS,
      control: LOADS,
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { svid } = await world.pki.identity();
        const identity = { svid, bundles: [own, friend] };
        const mount = mapMount(world);
        const map = mapOf(
          ['b.test', documentOf(friend, { spiffe_sequence: 3 })],
          ['a.test', documentOf(own)],
        );
        await mount.write(mapFiles(mount, identity, map));
        const source = await loads(world, mount, identity, BY_MAP);
        const server = await world.serve(source, { authorize: { any: true } });
        await server.admits(await own.issue({ path: '/client' }));
        await server.admits(await friend.issue({ path: '/client' }));
      },
    },
    {
      row: 248,
      id: 'load/bundle-map-never-merged',
      title: 'each trust domain of a bundle map is believed by its own bundle alone',
      why: 'a reader that throws a map into one pool makes every CA the CA of everyone',
      level: 'must',
      spec: SPEC.neverMerge,
      ops: SERVE_OPS,
      features: BUNDLE_MAPS,
      control: 'load/bundle-map',
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const identity = await world.pki.identity();
        const mount = mapMount(world);
        const map = mapOf(['a.test', documentOf(own)], ['b.test', documentOf(friend)]);
        await mount.write(mapFiles(mount, identity, map));
        const source = await world.open(mount, {}, BY_MAP);
        await source.until({ state: 'ready' }, 'an identity');
        const server = await world.serve(source, { authorize: { any: true } });
        await server.admits(await friend.issue({ path: '/client' }));
        await server.refuses(
          await friend.issue({ id: 'spiffe://a.test/client' }),
          'a client of ours that a friend vouches for',
        );
        await server.refuses(
          await own.issue({ id: 'spiffe://b.test/client' }),
          'a client of a friend that our CA vouches for',
        );
      },
    },
  ];
}
