import { member } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { want, wantSame } from '../ended.ts';
import { leafOf } from '../source-under-test.ts';
import { STATUS } from '../workload-call.ts';
import { x509Message } from '../workload-messages.ts';
import { WORKLOAD } from '../workload-spec.ts';
import {
  callOf,
  issue,
  openAt,
  SOURCE_OPS,
  wantNext,
  wantQuiet,
  wantTold,
  workloadApi,
  workloadStage,
  X509_FEATURES,
} from '../workload-stage.ts';

const FIRST = 'x509/first-message';
const DENIED = 'error/permission-denied';

type Draft = Omit<BehaviourDraft, 'ops' | 'features' | 'control'> &
  Pick<BehaviourDraft, 'control' | 'features'>;

/** The Workload API says no, is not there, or goes away. */
export function workloadApiErrorDrafts(): readonly BehaviourDraft[] {
  const drafts: readonly Draft[] = [...retryDrafts(), ...deniedDrafts(), ...finalDrafts(), ...startDrafts()];
  return [
    ...drafts.map((draft): BehaviourDraft => ({
      control: FIRST,
      features: X509_FEATURES,
      ...draft,
      ops: SOURCE_OPS,
    })),
    closes(),
  ];
}

function retryDrafts(): readonly Draft[] {
  return [
    {
      row: 409,
      id: 'error/unavailable',
      title: 'an agent that is not available is asked again, after pauses that grow',
      why: 'an agent that starts would be held down by its own workloads',
      level: 'should',
      spec: WORKLOAD.unavailable,
      long: true,
      async script(world) {
        const api = await workloadApi(world);
        api.x509.answer((call) => call.refuse(STATUS.unavailable, 'still starting'));
        const source = await openAt(world, { address: api.address });
        await wantTold(world, source);
        await callOf(world, api.x509, 3, 'a third call');
        await callOf(world, api.x509, 4, 'a fourth call');
        const pauses = api.x509.calls
          .slice(1, 4)
          .map(({ at }, index) => at - (api.x509.calls[index]?.at ?? at));
        const [first = 0] = pauses;
        const last = pauses.at(-1) ?? 0;
        const text = pauses.map((ms) => ms.toFixed(0)).join(', ');
        want(last > first, `its pauses do not grow: ${text} ms`);
        want(last > 50, `it asks without a pause: ${text} ms`);
        await wantNext(world, { api, source });
      },
    },
    {
      row: 409,
      id: 'error/unavailable-later',
      title: 'what is in use stays in use while the agent is not available',
      why: 'agents are updated while workloads run',
      level: 'ref',
      spec: WORKLOAD.survives,
      async script(world) {
        const stage = await workloadStage(world);
        const { api, source, first, calls } = stage;
        api.x509.answer((call) => call.refuse(STATUS.unavailable, 'stopping'));
        for (const call of api.x509.open) call.end(STATUS.unavailable, 'stopping');
        await wantTold(world, source);
        await callOf(world, api.x509, calls + 2, 'two more calls');
        await source.has(first, 'while the agent was not available');
        await wantNext(world, stage);
      },
    },
  ];
}

function deniedDrafts(): readonly Draft[] {
  return [
    {
      row: 410,
      id: DENIED,
      title: 'who is not registered yet is told so, asks again, and has an identity as soon as there is one',
      why: 'workloads start before their registration has come to the agent',
      level: 'should',
      spec: WORKLOAD.denied,
      async script(world) {
        const api = await workloadApi(world);
        const source = await openAt(world, { address: api.address });
        await wantTold(world, source);
        await callOf(world, api.x509, 2, 'a second call');
        await wantNext(world, { api, source });
      },
    },
    {
      row: 410,
      id: 'error/permission-denied-later',
      title: 'an identity that the agent takes back',
      why: 'who was taken off the list goes on as who it was',
      level: 'choice',
      spec: WORKLOAD.withdrawn,
      control: DENIED,
      branches: ['dropped', 'kept'],
      async script(world) {
        const stage = await workloadStage(world);
        const { api, source, first, calls } = stage;
        api.x509.answer((call) => call.refuse(STATUS.permissionDenied, 'no identity issued'));
        for (const call of api.x509.open) call.end(STATUS.permissionDenied, 'no identity issued');
        await wantTold(world, source);
        await callOf(world, api.x509, calls + 1, 'another call');
        const snapshot = await source.get();
        const isKept = member(snapshot, 'leafSha256') === leafOf(first.chainDer);
        if (!isKept) wantSame('its state', member(snapshot, 'state'), 'empty');
        await wantNext(world, stage);
        return isKept ? 'kept' : 'dropped';
      },
    },
    {
      row: 410,
      id: 'error/permission-denied-keep',
      title: 'an identity that the agent takes back stays until it expires where that is asked for',
      why: 'some would rather be late than down',
      level: 'ref',
      spec: WORKLOAD.survives,
      control: DENIED,
      features: [...X509_FEATURES, 'options:keepUntilExpiry'],
      async script(world) {
        const stage = await workloadStage(world, { options: { keepUntilExpiry: true } });
        const { api, source, first, calls } = stage;
        api.x509.answer((call) => call.refuse(STATUS.permissionDenied, 'no identity issued'));
        for (const call of api.x509.open) call.end(STATUS.permissionDenied, 'no identity issued');
        await wantTold(world, source);
        await callOf(world, api.x509, calls + 1, 'another call');
        await source.has(first, 'after the agent took it back');
        await wantNext(world, stage);
      },
    },
  ];
}

function finalDrafts(): readonly Draft[] {
  const first = (row: number, slug: string, status: number, spec: Draft['spec']): Draft => ({
    row,
    id: `error/${slug}`,
    title: `${slug} is told, and not asked about again`,
    why: 'nothing will change, and the log of the agent fills',
    level: 'should',
    spec,
    async script(world) {
      const api = await workloadApi(world);
      api.x509.answer((call) => call.refuse(status, 'so says the kit'));
      const source = await openAt(world, { address: api.address });
      await source.until({ error: true }, 'an error');
      await wantQuiet(api.x509, 'after the first');
    },
  });
  return [
    first(411, 'invalid-argument', STATUS.invalidArgument, WORKLOAD.invalidArgument),
    first(412, 'unimplemented', STATUS.unimplemented, WORKLOAD.unimplemented),
    {
      row: 411,
      id: 'error/invalid-argument-later',
      title: 'invalid-argument after the first message is told too, and leaves what is in use',
      why: 'a client that stops without a word presents an expired SVID one day',
      level: 'should',
      spec: WORKLOAD.invalidArgument,
      async script(world) {
        const { api, source, first: svid } = await workloadStage(world);
        api.x509.answer((call) => call.refuse(STATUS.invalidArgument, 'so says the kit'));
        for (const call of api.x509.open) call.end(STATUS.invalidArgument, 'so says the kit');
        await source.until({ error: true }, 'an error');
        await wantQuiet(api.x509, 'after that');
        await source.has(svid, 'after that');
      },
    },
  ];
}

function startDrafts(): readonly Draft[] {
  return [
    {
      row: 413,
      id: 'start/socket-appears-late',
      title: 'a socket that is not there yet is waited for',
      why: 'the agent of a machine starts when it starts',
      level: 'may',
      spec: WORKLOAD.unavailable,
      async script(world) {
        const api = await workloadApi(world, { isUp: false });
        const svid = await issue(world);
        api.x509.publish(x509Message([{ svid, bundle: await world.pki.root() }]));
        const source = await openAt(world, { address: api.address });
        await wantTold(world, source);
        await api.start();
        await source.until({ leafSha256: leafOf(svid.chainDer) }, 'an SVID once the agent is there');
      },
    },
    {
      row: 414,
      id: 'start/socket-replaced',
      title: 'an agent that comes back with another socket at the same path is found again',
      why: 'each update of an agent is that',
      level: 'ref',
      spec: WORKLOAD.unreachable,
      async script(world) {
        const stage = await workloadStage(world);
        const { api, source, first } = stage;
        await api.stop();
        await wantTold(world, source);
        await source.has(first, 'while the agent was away');
        await api.start();
        await wantNext(world, stage);
      },
    },
  ];
}

function closes(): BehaviourDraft {
  return {
    row: 415,
    id: 'close/mid-stream',
    title: 'a source that is closed ends its stream, tells nothing any more, and lets its process end',
    why: 'what is left behind adds up, and a process that does not end is killed',
    level: 'ref',
    spec: WORKLOAD.ends,
    ops: ['source.open', 'source.close', 'source.wait', 'source.get'],
    features: X509_FEATURES,
    control: FIRST,
    async script(world) {
      // What other cases left behind is not what this one is about.
      await world.restartIn(undefined);
      const { api, source, root } = await workloadStage(world);
      await source.close();
      api.x509.publish(x509Message([{ svid: await issue(world), bundle: root }]));
      api.breakConnections();
      await wantQuiet(api.x509, 'after the source was closed');
      await world.restart();
    },
  };
}
