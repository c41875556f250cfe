import { constants } from 'node:http2';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { want, wantSame } from '../ended.ts';
import { framed, type WorkloadCall } from '../workload-call.ts';
import { x509Message } from '../workload-messages.ts';
import { WORKLOAD } from '../workload-spec.ts';
import {
  callOf,
  issue,
  type ListeningStage,
  openAt,
  SOURCE_OPS,
  wantNext,
  workloadApi,
  workloadStage,
  X509_FEATURES,
} from '../workload-stage.ts';
import { type World } from '../world.ts';

/** How much of its life an SVID has before it, where a renewal is overdue soon. */
const OVERDUE_LIFE_MS = 6000;
/** How much it has behind it. */
const OVERDUE_AGE_MS = 54_000;
/** How many calls a client may make within the time of {@link BUSY_MS}. */
const MOST_CALLS = 25;
const HOUR_MS = 3_600_000;
/** How long before the end of its SVID a client has to have asked again. */
const NEARLY_MS = 60_000;
const BUSY_MS = 1500;

/** The stream of the port breaks, in every way. */
export function workloadApiStreamDrafts(): readonly BehaviourDraft[] {
  return [
    {
      ...breaks(403, 'server-closes', 'that the server ends in good order', (call) => call.end()),
      level: 'should',
      spec: WORKLOAD.reconnects,
    },
    breaks(404, 'goaway', 'whose connection is to go away, and goes', (call, { api }) => {
      call.goAway();
      api.breakConnections();
    }),
    breaks(405, 'rst', 'that is broken off', (call) => call.reset(constants.NGHTTP2_INTERNAL_ERROR)),
    breaks(405, 'cancelled', 'that the server cancels', (call) => call.reset(constants.NGHTTP2_CANCEL)),
    breaks(405, 'connection-lost', 'whose connection breaks', (_call, { api }) => api.breakConnections()),
    breaks(406, 'half-frame', 'that breaks off in the middle of a message', (call, _stage, message) => {
      const frame = framed(message);
      call.write(frame.subarray(0, Math.floor(frame.length / 2)));
      call.reset(constants.NGHTTP2_INTERNAL_ERROR);
    }),
    breaks(406, 'half-frame-ends', 'that ends in the middle of a message', (call, _stage, message) => {
      const frame = framed(message);
      call.write(frame.subarray(0, Math.floor(frame.length / 2)));
      call.end();
    }),
    breaks(406, 'no-status', 'that ends without a status', (call) => call.endWithoutStatus()),
    breaks(406, 'packed-flag', 'with a packed message that nobody asked for', (call, _stage, message) => {
      call.write(framed(message, 1));
      call.end();
    }),
    restarted(408, 'trailers-only-ok', 'with a status of OK and no message', (call) => call.refuse(0)),
    restarted(408, 'wrong-content-type', 'of another content type', (call) => {
      call.begin(200, 'text/html');
      call.write(Buffer.from('<html></html>'));
      call.endWithoutStatus();
    }),
    restarted(408, 'http-503', 'with a status of HTTP', (call) => {
      call.begin(503, 'text/plain');
      call.endWithoutStatus();
    }),
    slowly(),
    silent(),
    silentForAnHour(),
  ];
}

type Break = (call: WorkloadCall, stage: ListeningStage, message: Uint8Array) => void;

function draft(row: number, slug: string, title: string, script: BehaviourDraft['script']): BehaviourDraft {
  return {
    row,
    id: `stream/${slug}`,
    title,
    why: 'agents are updated and killed while workloads run',
    level: 'ref',
    spec: WORKLOAD.survives,
    ops: SOURCE_OPS,
    features: X509_FEATURES,
    control: 'x509/first-message',
    script,
  };
}

/** A stream that was good breaks, and the next one is good. */
function breaks(row: number, slug: string, title: string, breakIt: Break): BehaviourDraft {
  return draft(row, slug, `a stream ${title} leaves what is in use, and is opened again`, async (world) => {
    const stage = await workloadStage(world);
    const { api, source, root, first, call, calls } = stage;
    // What comes next is silent at first, so that it can be seen what is in use without it.
    api.x509.answer((next) => next.begin());
    const half = await issue(world);
    breakIt(call, stage, x509Message([{ svid: half, bundle: root }]));
    await callOf(world, api.x509, calls + 1, 'another call');
    await source.has(first, 'after the stream broke');
    await wantNext(world, stage);
    source.neverHad(half, 'an SVID of which only a part came');
  });
}

/** The first answers are bad, which is no reason to be busy, and then one is good. */
function restarted(
  row: number,
  slug: string,
  title: string,
  refuse: (call: WorkloadCall) => void,
): BehaviourDraft {
  return draft(
    row,
    slug,
    `an answer ${title} gives nothing, and is no reason to ask without a pause`,
    async (world) => {
      const api = await workloadApi(world);
      api.x509.answer(refuse);
      const source = await openAt(world, { address: api.address });
      await callOf(world, api.x509, 2, 'another call');
      const from = api.x509.calls.length;
      await new Promise((resolve) => {
        setTimeout(resolve, BUSY_MS);
      });
      const calls = api.x509.calls.length - from;
      want(calls <= MOST_CALLS, `${calls} calls came within ${BUSY_MS} ms`);
      wantSame('updates before there was a message', source.updates, []);
      await wantNext(world, { api, source });
    },
  );
}

function slowly(): BehaviourDraft {
  return draft(
    406,
    'slow-bytes',
    'a message that comes in small parts is used once it is whole',
    async (world) => {
      const { api, source, root, first, call, calls } = await workloadStage(world);
      const next = await issue(world);
      const frame = framed(x509Message([{ svid: next, bundle: root }]));
      const step = Math.ceil(frame.length / 8);
      for (let at = 0; at < frame.length; at += step) {
        await source.has(first, `after ${at} of ${frame.length} bytes`);
        call.write(frame.subarray(at, at + step));
      }
      await source.toHave(next);
      wantSame('calls', api.x509.calls.length, calls);
    },
  );
}

function silent(): BehaviourDraft {
  return {
    ...draft(
      407,
      'silent-for-1h',
      'a stream that is silent although a renewal is overdue is opened again',
      async (world: World) => {
        const { api, source, root, call, calls } = await workloadStage(world);
        const old = await (
          await world.pki.root()
        ).issue({
          path: '/port',
          notBefore: new Date(Date.now() - OVERDUE_AGE_MS),
          notAfter: new Date(Date.now() + OVERDUE_LIFE_MS),
        });
        const next = await issue(world);
        api.x509.answer((another) => another.send(x509Message([{ svid: next, bundle: root }])));
        call.send(x509Message([{ svid: old, bundle: root }]));
        await callOf(world, api.x509, calls + 1, 'another call before the SVID expires');
        await source.toHave(next);
      },
    ),
    why: 'a connection that is dead without a word looks like one where nothing happens, until the SVID expires',
    long: true,
  };
}

function silentForAnHour(): BehaviourDraft {
  return {
    ...draft(
      407,
      'silent-for-1h[clock=moved]',
      'a stream that is silent for an hour leaves what is in use, and is opened again before the SVID expires',
      async (world: World) => {
        const api = await workloadApi(world);
        const root = await world.pki.root();
        const lifetimeMs = 2 * HOUR_MS;
        const first = await root.issue({ path: '/port', lifetimeMs });
        // Silent afterwards, whoever asks again.
        api.x509.answer((call) => call.begin());
        api.x509.answerOnce((call) => call.send(x509Message([{ svid: first, bundle: root }])));
        const source = await openAt(world, { address: api.address, options: { clock: true } });
        await source.until({ state: 'ready' }, 'the first SVID');
        await world.advanceClock(HOUR_MS);
        await source.has(first, 'after an hour');
        await world.advanceClock(HOUR_MS - NEARLY_MS);
        await callOf(world, api.x509, 2, 'another call before the SVID expires');
        await source.has(first, 'a minute before it expires');
        // For a clock that is two hours ahead.
        const next = await root.issue({ path: '/port', lifetimeMs: 2 * lifetimeMs });
        api.x509.publish(x509Message([{ svid: next, bundle: root }]));
        await source.toHave(next);
      },
    ),
    why: 'nothing happens on most streams for most of the time; what matters is that the end is seen in time',
    ops: [...SOURCE_OPS, 'clock.advance'],
    features: [...X509_FEATURES, 'options:clock'],
  };
}
