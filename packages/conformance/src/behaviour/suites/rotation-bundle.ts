import { type BehaviourDraft } from '../behaviour-case.ts';
import { wantAccepted } from '../client-checks.ts';
import { type Identity } from '../identity.ts';
import { SPEC } from '../spec.ts';
import { MOUNT_OPS } from './mount-layout.ts';
import { opened, SPLIT, SWAPS } from './rotation.ts';

const OPS = [...MOUNT_OPS, 'server.start'] as const;
const ANY = { authorize: { any: true } };

/** Bundles that change. */
export function rotationBundleDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 292,
      id: 'bundle/add-root-first',
      title: 'a CA is replaced in three steps, and nobody is refused on either side',
      why: 'this is how every CA is replaced',
      level: 'ref',
      spec: SPEC.rotation,
      ops: [...OPS, 'client.connect'],
      features: SPLIT,
      control: SWAPS,
      async script(world) {
        const old = await world.pki.root();
        const { next, both } = await old.rotate();
        const first = await world.pki.identity();
        const { mount, source } = await opened(world, {}, first);
        const server = await world.serve(source, ANY);
        const clientOf = {
          old: await old.issue({ path: '/client' }),
          next: await next.issue({ path: '/client' }),
        };
        const serverOf = {
          old: await old.issue({ path: '/server' }),
          next: await next.issue({ path: '/server' }),
        };
        const step = async (identity: Identity, peers: readonly ('old' | 'next')[]): Promise<void> => {
          await mount.write(mount.files(identity));
          for (const bundle of identity.bundles) await source.toTrust(bundle);
          await source.toHave(identity.svid);
          for (const peer of peers) {
            await server.admits(clientOf[peer], `a client of the ${peer} CA`);
            await wantAccepted(world, source, await world.peer({ as: serverOf[peer] }), serverOf[peer].id);
          }
        };
        await step({ svid: first.svid, bundles: [both] }, ['old', 'next']);
        const svid = await next.issue({ path: '/port' });
        await step({ svid, bundles: [both] }, ['old', 'next']);
        await step({ svid, bundles: [next] }, ['next']);
        await server.refuses(clientOf.old, 'a client of the CA that was dropped');
      },
    },
    {
      row: 293,
      id: 'bundle/root-removed',
      title: 'a root that was removed vouches for nobody within the bound',
      why: 'this is how a CA that was stolen is taken out',
      level: 'ref',
      spec: SPEC.converges,
      ops: OPS,
      features: SPLIT,
      control: 'swap/only-bundle[writer=kubelet]',
      async script(world) {
        const old = await world.pki.root();
        const { next, both } = await old.rotate();
        const svid = await next.issue({ path: '/port' });
        const { mount, source } = await opened(world, {}, { svid, bundles: [both] });
        const server = await world.serve(source, ANY);
        const client = await old.issue({ path: '/client' });
        await server.admits(client);
        await mount.write(mount.files({ svid, bundles: [next] }));
        await source.toTrust(next);
        await server.refuses(client, 'a client of a root that was removed');
        await server.admits(await next.issue({ path: '/client' }));
      },
    },
    {
      row: 293,
      id: 'bundle/root-removed-in-place',
      title: 'a root that was removed by a writer that overwrites vouches for nobody in the end',
      why: 'a file that is cut off looks like a smaller bundle, so who is careful looks twice',
      level: 'ref',
      spec: SPEC.lastKnownGood,
      ops: OPS,
      features: SPLIT,
      control: 'swap/only-bundle[writer=in-place]',
      long: true,
      async script(world) {
        const old = await world.pki.root();
        const { next, both } = await old.rotate();
        const svid = await next.issue({ path: '/port' });
        const { mount, source } = await opened(world, { writer: 'in-place' }, { svid, bundles: [both] });
        const server = await world.serve(source, ANY);
        const client = await old.issue({ path: '/client' });
        await server.admits(client);
        await mount.write(mount.files({ svid, bundles: [next] }));
        await source.toTrust(next, 5000);
        await server.refuses(client, 'a client of a root that was removed');
      },
    },
    {
      row: 294,
      id: 'bundle/federated-file-removed',
      title: 'a trust domain whose bundle file was removed is trusted no more within the bound',
      why: 'this is how a federation ends',
      level: 'ref',
      spec: SPEC.noBundle,
      ops: OPS,
      features: ['sources:mount', 'layouts:spiffe-filesystem'],
      control: '/mount-layout/load/federated-files',
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { svid } = await world.pki.identity();
        const { mount, source } = await opened(
          world,
          { layout: 'spiffe-filesystem' },
          { svid, bundles: [own, friend] },
        );
        const server = await world.serve(source, ANY);
        const client = await friend.issue({ path: '/client' });
        await server.admits(client);
        await mount.write(mount.files({ svid, bundles: [own] }));
        await source.converge({ bundle: { trustDomain: 'b.test', sha256: [] } }, 'the end of the federation');
        await server.refuses(client, 'a client of a trust domain without a bundle');
        await server.admits(await own.issue({ path: '/client' }));
      },
    },
    {
      row: 294,
      id: 'bundle/federated-never-merged',
      title: 'the bundle of another trust domain that comes later vouches for that trust domain alone',
      why: 'bundles that are joined into one make every CA the CA of everyone',
      level: 'must',
      spec: SPEC.neverMerge,
      ops: OPS,
      features: ['sources:mount', 'layouts:spiffe-filesystem'],
      control: '/mount-layout/load/federated-files',
      async script(world) {
        const [own, friend] = [await world.pki.root(), await world.pki.root('b.test')];
        const { mount, source, first } = await opened(world, { layout: 'spiffe-filesystem' });
        const server = await world.serve(source, ANY);
        await mount.write(mount.files({ svid: first.svid, bundles: [own, friend] }));
        await source.toTrust(friend);
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
