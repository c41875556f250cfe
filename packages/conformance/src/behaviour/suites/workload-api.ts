import { testBundle, type TestBundle, type TestSvid } from '@svidkit/testkit';

import { member } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { wantSame } from '../ended.ts';
import { sha256 } from '../fingerprints.ts';
import { field } from '../protobuf.ts';
import { authoritiesIn, leafOf } from '../source-under-test.ts';
import { federatedOf, type SvidEntry, x509BundlesMessage, x509Message } from '../workload-messages.ts';
import { WORKLOAD } from '../workload-spec.ts';
import {
  firstStage,
  issue,
  openAt,
  SOURCE_OPS,
  wantYes,
  workloadApi,
  workloadStage,
  X509_FEATURES,
} from '../workload-stage.ts';
import { type World } from '../world.ts';

/** The twin of all cases about X.509-SVIDs. */
const FIRST = 'x509/first-message';
/** A field that no version of the Workload API has. */
const UNKNOWN_FIELD = 1000;

type Draft = Omit<BehaviourDraft, 'ops' | 'features'>;

/** The port asks a Workload API for X.509-SVIDs: what good messages come to. */
export function workloadApiDrafts(): readonly BehaviourDraft[] {
  const drafts = [...svidDrafts(), ...bundleDrafts()].map((draft): BehaviourDraft => ({
    ...(draft.id === FIRST ? {} : { control: FIRST }),
    ...draft,
    ops: SOURCE_OPS,
    features: [...X509_FEATURES, ...(draft.id.includes('hint') ? ['options:pick'] : [])],
  }));
  return [...drafts, bundlesAlone()];
}

function svidDrafts(): readonly Draft[] {
  return [
    {
      row: 381,
      id: FIRST,
      title: 'the first message gives an identity: chain, key and bundle',
      why: 'the twin of all cases about X.509-SVIDs',
      level: 'must',
      spec: WORKLOAD.svids,
      async script(world) {
        const { source, root } = await firstStage(world);
        wantAuthorities(await source.get(), root);
      },
    },
    {
      row: 382,
      id: 'x509/update',
      title: 'each further message takes the place of the one before, with its bundle',
      why: 'SVIDs live for an hour or less',
      level: 'must',
      spec: WORKLOAD.complete,
      async script(world) {
        const { api, source, root, first, calls } = await workloadStage(world);
        const second = await issue(world);
        api.x509.publish(x509Message([{ svid: second, bundle: root }]));
        await source.toHave(second);
        const { next, both } = await (await world.pki.root()).rotate();
        api.x509.publish(x509Message([{ svid: second, bundle: both }]));
        await source.toTrust(both);
        const third = await next.issue({ path: '/port' });
        api.x509.publish(x509Message([{ svid: third, bundle: next }]));
        wantAuthorities(await source.toHave(third), next);
        wantSame('calls after all of that', api.x509.calls.length, calls);
        await source.has(third, `after three messages, not that of the one before (${first.id})`);
      },
    },
    several(383, 'first-svid-is-default', 'of several SVIDs the first is the identity', 'must', {
      hints: ['internal', 'external'],
      spec: WORKLOAD.defaultIdentity,
      why: 'who does not choose would otherwise be somebody else after each restart',
      expected: 0,
    }),
    several(384, 'hint-select', 'an SVID is chosen by its hint', 'must', {
      hints: ['internal', 'external'],
      pick: 'external',
      spec: WORKLOAD.hint,
      why: 'the name inside and the name outside are not the same',
      expected: 1,
    }),
    several(385, 'duplicate-hint-first', 'of two SVIDs with the same hint the first counts', 'should', {
      hints: ['internal', 'external', 'external'],
      pick: 'external',
      spec: WORKLOAD.sameHint,
      why: 'all workloads are to choose the same of two',
      expected: 1,
    }),
    {
      row: 395,
      id: 'x509/unknown-fields',
      title: 'fields that nobody knows yet are passed over, in a message and in an SVID of it',
      why: 'agents are newer than workloads',
      level: 'ref',
      spec: WORKLOAD.unknown,
      async script(world) {
        const { api, source, root } = await workloadStage(world);
        const next = await issue(world);
        const unknown = field(UNKNOWN_FIELD, 'from the future');
        const message = x509Message([{ svid: next, bundle: root, more: unknown }], {}, unknown);
        api.x509.publish(message);
        await source.toHave(next);
      },
    },
    {
      row: 416,
      id: 'size/8mib-message',
      title: 'a message of 8 MiB is taken',
      why: 'libraries stop at 4 MiB unless they are told otherwise, and only large fleets notice',
      level: 'ref',
      spec: WORKLOAD.size,
      async script(world) {
        const { api, source, root } = await workloadStage(world);
        const next = await issue(world);
        const padding = field(UNKNOWN_FIELD, Buffer.alloc(8 * 1024 * 1024));
        api.x509.publish(x509Message([{ svid: next, bundle: root }], {}, padding));
        await source.until({ leafSha256: leafOf(next.chainDer) }, 'the SVID of a large message');
      },
    },
  ];
}

function bundleDrafts(): readonly Draft[] {
  return [
    {
      row: 391,
      id: 'x509/federated-added',
      title: 'the bundle of a trust domain that we federate with is in use, for that trust domain',
      why: 'friends would be turned away',
      level: 'must',
      spec: WORKLOAD.whole,
      async script(world) {
        const { source, root } = await federatedStage(world);
        const friend = await world.pki.root('b.test');
        const snapshot = await source.get();
        wantAuthorities(snapshot, root);
        wantAuthorities(snapshot, friend);
      },
    },
    {
      row: 392,
      id: 'x509/federated-dropped',
      title: 'a federated bundle that is not in a message any more is not in use any more',
      why: 'that is how a federation ends',
      level: 'must',
      spec: WORKLOAD.complete,
      control: 'x509/federated-added',
      async script(world) {
        const { api, source, root } = await federatedStage(world);
        const next = await issue(world);
        api.x509.publish(x509Message([{ svid: next, bundle: root }]));
        const snapshot = await source.toHave(next);
        wantSame('the bundles in use', Object.keys(bundlesIn(snapshot)), ['a.test']);
      },
    },
    {
      row: 393,
      id: 'x509/own-td-in-federated',
      title: 'a federated bundle of our own trust domain does not count beside the one of the SVID',
      why: 'whoever may add a federation could otherwise add an authority of ours',
      level: 'ref',
      spec: WORKLOAD.keysApart,
      async script(world) {
        const { api, source, root } = await workloadStage(world);
        const next = await issue(world);
        const stranger = await world.pki.stranger();
        const friend = await world.pki.root('b.test');
        api.x509.publish(x509Message([{ svid: next, bundle: root }], federatedOf([stranger, friend])));
        // Whoever discards such a message keeps the stranger out as well.
        await source.eventually(
          'an end with that message',
          (snapshot) =>
            member(snapshot, 'leafSha256') === leafOf(next.chainDer) ||
            member(snapshot, 'lastError') !== undefined,
        );
        wantAuthorities(await source.get(), root);
        const last = await issue(world);
        api.x509.publish(x509Message([{ svid: last, bundle: root }], federatedOf([friend])));
        wantAuthorities(await source.toHave(last), root);
      },
    },
  ];
}

function bundlesAlone(): BehaviourDraft {
  return {
    row: 394,
    id: 'x509/bundles-rpc-only',
    title: 'the bundles of all trust domains are there also for who has no identity',
    why: 'who verifies alone needs no SVID',
    level: 'must',
    spec: WORKLOAD.bundles,
    ops: ['workload.x509Bundles'],
    async script(world) {
      const api = await workloadApi(world);
      const { both: own } = await (await world.pki.root()).rotate();
      const friend = await world.pki.root('b.test');
      api.x509Bundles.publish(x509BundlesMessage([own, friend]));
      const answer = await wantYes(world, 'workload.x509Bundles', { address: api.address }, 'the call');
      for (const bundle of [own, friend]) wantAuthorities(answer, bundle);
      wantSame('the trust domains', Object.keys(bundlesIn(answer)).toSorted(), ['a.test', 'b.test']);
      wantSame('calls for an SVID', api.x509.calls.length, 0);
    },
  };
}

interface Several {
  readonly hints: readonly string[];
  readonly pick?: string;
  readonly spec: BehaviourDraft['spec'];
  readonly why: string;
  readonly expected: number;
}

function several(
  row: number,
  slug: string,
  title: string,
  level: BehaviourDraft['level'],
  { hints, pick, spec, why, expected }: Several,
): Draft {
  return {
    row,
    id: `x509/${slug}`,
    title,
    why,
    level,
    spec,
    async script(world) {
      const api = await workloadApi(world);
      const bundle = await world.pki.root();
      const entries: SvidEntry[] = [];
      for (const [index, hint] of hints.entries()) {
        entries.push({ svid: await issue(world, `/port-${index}`), bundle, hint });
      }
      api.x509.publish(x509Message(entries));
      const options = pick === undefined ? {} : { pick: { hint: pick } };
      const source = await openAt(world, { address: api.address, options });
      await source.until({ state: 'ready' }, 'one of several SVIDs');
      await source.has((entries[expected]?.svid ?? missing()) satisfies TestSvid, 'of several');
    },
  };
}

async function federatedStage(world: World) {
  const stage = await workloadStage(world);
  const { api, source, root, first } = stage;
  const friend = await world.pki.root('b.test');
  api.x509.publish(x509Message([{ svid: first, bundle: root }], federatedOf([friend])));
  await source.toTrust(friend);
  return stage;
}

function bundlesIn(snapshot: Awaited<ReturnType<World['call']>>): object {
  const bundles = member(snapshot, 'bundles');
  return typeof bundles === 'object' && bundles !== null ? bundles : {};
}

function wantAuthorities(snapshot: Awaited<ReturnType<World['call']>>, bundle: TestBundle): void {
  const { trustDomain, authorities } = testBundle(bundle);
  wantSame(
    `the authorities of ${trustDomain}`,
    [...authoritiesIn(snapshot, trustDomain)].toSorted(),
    authorities.map((der) => sha256(der)).toSorted(),
  );
}

function missing(): never {
  throw new Error('a case wants an SVID that it did not make');
}
