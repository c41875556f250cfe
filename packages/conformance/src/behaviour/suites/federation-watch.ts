import { setTimeout as pause } from 'node:timers/promises';

import { type BundleReply } from '@svidkit/testkit';

import { textMember } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { documentOf } from '../bundle-document.ts';
import { want, wantSame } from '../ended.ts';
import { FEDERATION } from '../federation-spec.ts';
import { ENDPOINT_ID, Follower, inTime, spiffeStage, webStage } from '../federation-stage.ts';
import { SourceUnderTest } from '../source-under-test.ts';
import { type World } from '../world.ts';

const FOLLOWS = 'watch/follows';
const WATCH = ['federation.refresh', 'federation.watch', 'federation.get'] as const;
const USE = ['server.start', ...WATCH, 'source.open', 'source.wait'] as const;
/** What the standard recommends, in seconds, and how often an endpoint may be asked in that time. */
const DEFAULT_POLL_S = 300;
const MOST_POLLS = 5;
/** How far the clock goes at once, in seconds: less than what a request may take. And the pause for a request, in milliseconds. */
const STEP_S = 5;
const BETWEEN_MS = 30;
/** How long to look for requests that must not come, in milliseconds. */
const QUIET_MS = 700;

/** The port follows a bundle endpoint: what is in use when. */
export function federationWatchDrafts(): readonly BehaviourDraft[] {
  return [...followDrafts(), ...bodyDrafts(), ...pollDrafts(), ...useDrafts()];
}

function followDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 346,
      id: FOLLOWS,
      title: 'the next bundle of an endpoint takes the place of the one before',
      why: 'the twin of all cases about following',
      level: 'must',
      spec: FEDERATION.stored,
      ops: WATCH,
      async script(world) {
        const stage = await webStage(world);
        const follower = await Follower.start(world, stage);
        await follower.refreshed('the endpoint');
        await follower.has(stage.root, 'at first');
        const { next } = await stage.root.rotate();
        stage.endpoint.replyWith({ document: documentOf(next) });
        await follower.refreshed('the endpoint with the next bundle');
        await follower.has(next, 'after the next bundle');
      },
    },
    {
      row: 350,
      id: 'spiffe/uses-latest-bundle',
      title:
        'an endpoint that serves its own bundle is known by the latest one, and no longer by the first one',
      why: 'its authorities rotate, and an authority that was removed was removed for a reason',
      level: 'must',
      spec: FEDERATION.latest,
      ops: WATCH,
      control: FOLLOWS,
      async script(world) {
        const stage = await spiffeStage(world);
        const { next, both } = await stage.root.rotate();
        stage.endpoint.replyWith({ document: documentOf(both) });
        const follower = await Follower.start(world, stage);
        await follower.refreshed('the endpoint');
        stage.endpoint.present(await next.issue({ id: ENDPOINT_ID }));
        stage.endpoint.replyWith({ document: documentOf(next) });
        await follower.refreshed('the endpoint with an SVID of the next authority');
        stage.endpoint.present(await stage.root.issue({ id: ENDPOINT_ID }));
        const answer = await follower.refresh();
        want(answer.kind === 'reject', 'an authority that the latest bundle does not have was believed');
        await follower.has(next, 'after that');
      },
    },
    {
      row: 356,
      id: 'redirect/301-not-remembered',
      title: 'after a permanent redirect the next fetch goes to the configured URL',
      why: 'a redirect that is remembered outlives the mistake that it was',
      level: 'should',
      spec: FEDERATION.redirectForgotten,
      ops: WATCH,
      control: FOLLOWS,
      async script(world) {
        const stage = await webStage(world);
        const follower = await Follower.start(world, stage);
        stage.endpoint.replyOnce({ redirect: '/moved', status: 301 });
        await follower.refreshed('the endpoint with a redirect');
        await follower.refreshed('the endpoint without one');
        wantSame('the last path', stage.endpoint.requests.at(-1)?.path, '/bundle.json');
      },
    },
    {
      row: 368,
      id: 'sequence/older',
      title: 'a bundle with a lower sequence number than the one in use',
      why: 'a server that is out of date would bring authorities back',
      level: 'choice',
      spec: FEDERATION.sequence,
      ops: WATCH,
      control: FOLLOWS,
      branches: ['ignored', 'taken'],
      async script(world) {
        const stage = await webStage(world);
        const { next } = await stage.root.rotate();
        stage.endpoint.replyWith({ document: documentOf(next, { spiffe_sequence: 8 }) });
        const follower = await Follower.start(world, stage);
        await follower.refreshed('the endpoint');
        stage.endpoint.replyWith({ document: documentOf(stage.root, { spiffe_sequence: 7 }) });
        const answer = await follower.refresh();
        if (answer.kind === 'ok') {
          await follower.has(stage.root, 'after the older bundle');
          return 'taken';
        }
        await follower.has(next, 'after the older bundle');
        return 'ignored';
      },
    },
    {
      row: 369,
      id: 'sequence/absent-latest-wins',
      title: 'without sequence numbers the latest bundle is the newest',
      why: 'publishers need not count',
      level: 'should',
      spec: FEDERATION.noSequence,
      ops: WATCH,
      control: FOLLOWS,
      async script(world) {
        const stage = await webStage(world);
        const { next } = await stage.root.rotate();
        stage.endpoint.replyWith({ document: documentOf(next, { spiffe_sequence: 8 }) });
        const follower = await Follower.start(world, stage);
        await follower.refreshed('the endpoint');
        stage.endpoint.replyWith({ document: documentOf(stage.root) });
        await follower.refreshed('the endpoint without a sequence number');
        await follower.has(stage.root, 'after the latest bundle');
      },
    },
  ];
}

function bodyDrafts(): readonly BehaviourDraft[] {
  const bad: readonly (readonly [row: number, slug: string, title: string, reply: BundleReply])[] = [
    [358, 'not-json', 'a page of HTML', { document: '<html></html>' }],
    [359, '500', 'status 500', { status: 500 }],
    [360, '404', 'status 404 with a bundle', { status: 404, document: '{"keys":[]}' }],
    [361, 'truncated', 'a document that breaks off', { truncated: '{"keys":[]}' }],
    [
      362,
      'gzip',
      'a packed document that is none',
      { document: 'x', headers: { 'content-encoding': 'gzip' } },
    ],
    [363, 'huge', 'a document without end', { size: Infinity }],
  ];
  return [
    ...bad.map(([row, slug, title, reply]): BehaviourDraft => ({
      row,
      id: `body/${slug}`,
      title: `${title} leaves the bundle in use as it is`,
      why: 'a bad day of somebody else would otherwise end a federation, or fill the memory',
      level: 'should',
      spec: FEDERATION.stored,
      ops: WATCH,
      control: FOLLOWS,
      async script(world) {
        const stage = await webStage(world);
        const follower = await Follower.start(world, stage);
        await follower.refreshed('the endpoint');
        stage.endpoint.replyWith(reply);
        want((await follower.refresh()).kind === 'reject', `${title} was taken for a bundle`);
        await follower.has(stage.root, `after ${title}`);
        const { next } = await stage.root.rotate();
        stage.endpoint.replyWith({ document: documentOf(next) });
        await follower.refreshed('the endpoint once it is well again');
        await follower.has(next, 'in the end');
      },
    })),
    {
      row: 364,
      id: 'body/wrong-content-type',
      title: 'a bundle of another content type is a bundle',
      why: 'the type is for servers to set, and files are served as they are',
      level: 'should',
      spec: FEDERATION.serve,
      ops: ['federation.fetch'],
      control: 'web/valid',
      async script(world) {
        const stage = await webStage(world);
        stage.endpoint.replyWith({
          document: documentOf(stage.root),
          headers: { 'content-type': 'application/octet-stream' },
        });
        await world.call('federation.fetch', stage.params);
      },
    },
  ];
}

function pollDrafts(): readonly BehaviourDraft[] {
  const features = ['options:minRefreshMs'];
  return [
    {
      row: 365,
      id: 'poll/refresh-hint',
      title: 'an endpoint is asked again as its bundle hints',
      why: 'how long a removed authority is believed depends on it',
      level: 'should',
      spec: FEDERATION.poll,
      ops: WATCH,
      features,
      control: FOLLOWS,
      long: true,
      async script(world) {
        const stage = await webStage(world);
        stage.endpoint.replyWith({ document: documentOf(stage.root, { spiffe_refresh_hint: 1 }) });
        await Follower.start(world, stage, { minRefreshMs: 500 });
        await inTime(world, 'a second request', stage.endpoint.received(2));
      },
    },
    {
      row: 366,
      id: 'poll/default-300s',
      title:
        'an endpoint whose bundle hints nothing is asked again within five minutes, and now and then at most',
      why: 'hints are optional: without a default the first bundle would be the last one',
      level: 'should',
      spec: FEDERATION.pollDefault,
      ops: [...WATCH, 'clock.advance'],
      features: ['options:clock'],
      control: FOLLOWS,
      long: true,
      async script(world) {
        const stage = await webStage(world);
        const follower = await Follower.start(world, stage, { clock: true });
        await follower.refreshed('the endpoint');
        const { next } = await stage.root.rotate();
        stage.endpoint.replyWith({ document: documentOf(next) });
        const before = stage.endpoint.requests.length;
        // Whoever polls more often than that has to be asked in between to be seen.
        for (let second = 0; second < DEFAULT_POLL_S; second += STEP_S) {
          await world.advanceClock(STEP_S * 1000);
          await pause(BETWEEN_MS);
        }
        await inTime(world, 'a request within five minutes', stage.endpoint.received(before + 1));
        await follower.toHave(next, 'after five minutes');
        const requests = stage.endpoint.requests.length - before;
        want(requests <= MOST_POLLS, `${requests} requests came within five minutes`);
      },
    },
    {
      row: 367,
      id: 'poll/hint-0-floor',
      title: 'an endpoint whose bundle hints 0 is not asked without a pause',
      why: 'a slip of one trust domain would burn the processors of two',
      level: 'should',
      spec: FEDERATION.poll,
      ops: WATCH,
      // Who leaves it to its callers when to ask again is not asked.
      features,
      control: FOLLOWS,
      long: true,
      async script(world) {
        const stage = await webStage(world);
        stage.endpoint.replyWith({ document: documentOf(stage.root, { spiffe_refresh_hint: 0 }) });
        await Follower.start(world, stage);
        await inTime(world, 'a first request', stage.endpoint.received(1));
        await new Promise((resolve) => {
          setTimeout(resolve, QUIET_MS);
        });
        const { length } = stage.endpoint.requests;
        want(length <= 2, `${length} requests came within ${QUIET_MS} ms`);
      },
    },
  ];
}

function useDrafts(): readonly BehaviourDraft[] {
  const features = ['sources:federated'];
  return [
    {
      row: 370,
      id: 'empty/keys-revoke-all',
      title: 'a bundle without keys revokes every SVID of its trust domain',
      why: 'that is how a trust domain pulls the rip cord',
      level: 'must',
      spec: FEDERATION.empty,
      ops: USE,
      features,
      control: FOLLOWS,
      async script(world) {
        const { stage, follower, server } = await federatedServer(world);
        const friend = await stage.root.issue({ path: '/friend' });
        await server.admits(friend, 'a friend');
        stage.endpoint.replyWith({
          document: documentOf({ authorities: [] }),
        });
        await follower.refreshed('the endpoint with no keys');
        await server.refuses(friend, 'a friend whose trust domain revoked everything');
        await server.admits(await (await world.pki.root()).issue({ path: '/own' }), 'a peer of our own');
      },
    },
    {
      row: 371,
      id: 'use/never-merge',
      title: 'each trust domain is believed by its own bundle alone',
      why: 'one trust domain could otherwise make identities of the other',
      level: 'must',
      spec: FEDERATION.neverMerge,
      ops: USE,
      features,
      control: FOLLOWS,
      async script(world) {
        const { stage, server } = await federatedServer(world);
        const own = await world.pki.root();
        await server.refuses(
          await stage.root.issue({ id: 'spiffe://a.test/forged' }),
          'an ID of ours by their authority',
        );
        await server.refuses(
          await own.issue({ id: 'spiffe://b.test/forged' }),
          'an ID of theirs by our authority',
        );
        await server.admits(await stage.root.issue({ path: '/friend' }), 'a friend');
        await server.admits(await own.issue({ path: '/own' }), 'a peer of our own');
      },
    },
    {
      row: 372,
      id: 'use/terminate',
      title:
        'after the end of a federation nobody of that trust domain is believed, and its endpoint is left alone',
      why: 'an end that is not told to those who verify is none',
      level: 'must',
      spec: FEDERATION.terminate,
      ops: [...USE, 'federation.terminate'],
      features,
      control: FOLLOWS,
      async script(world) {
        const { stage, follower, server } = await federatedServer(world);
        const friend = await stage.root.issue({ path: '/friend' });
        await server.admits(friend, 'a friend');
        await follower.terminate();
        const { connections } = stage.endpoint;
        await server.refuses(friend, 'a friend after the end of the federation');
        wantSame('connections to the endpoint after that', stage.endpoint.connections, connections);
      },
    },
  ];
}

async function federatedServer(world: World) {
  const stage = await webStage(world);
  const follower = await Follower.start(world, stage);
  await follower.refreshed('the endpoint');
  const source = await world.identity(await world.pki.identity());
  const answer = await world.call('source.open', {
    kind: 'federated',
    source: source.handle,
    federations: [follower.handle],
  });
  const federated = new SourceUnderTest(world, textMember(answer, 'handle'));
  const server = await world.serve(federated, { authorize: { any: true } });
  return { stage, follower, server };
}
