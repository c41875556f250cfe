import { type TestJwtAuthority } from '@svidkit/testkit';

import { isObject, type JsonObject, member, textMember } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { observed, want, wantSame } from '../ended.ts';
import { jwtAuthority } from '../jwt-authority.ts';
import { textFields } from '../protobuf.ts';
import { type SourceUnderTest } from '../source-under-test.ts';
import { type WorkloadApiServer } from '../workload-api-server.ts';
import { STATUS, type WorkloadCall } from '../workload-call.ts';
import { jwtBundlesMessage, jwtMessage, validationMessage } from '../workload-messages.ts';
import { WORKLOAD } from '../workload-spec.ts';
import { JWT_FEATURES, openAt, wantYes, workloadApi } from '../workload-stage.ts';
import { type World } from '../world.ts';

const FETCH = 'jwt/fetch-audience';
const UPDATE = 'jwt/bundles-update';
const AUDIENCE = 'spiffe://b.test/db';
const OTHER_AUDIENCE = 'spiffe://b.test/queue';
const PORT = 'spiffe://a.test/port';
/** Less than any client can use. */
const SHORT_MS = 2000;

/** The port asks a Workload API for JWT-SVIDs, and for what they are validated with. */
export function workloadApiJwtDrafts(): readonly BehaviourDraft[] {
  return [...fetchDrafts(), ...cacheDrafts(), ...bundleDrafts(), ...delegatedDrafts()];
}

function fetchDrafts(): readonly BehaviourDraft[] {
  const fetches = (
    row: number,
    id: string,
    title: string,
    why: string,
    spec: BehaviourDraft['spec'],
    request: { readonly audience: readonly string[]; readonly id?: string },
  ): BehaviourDraft => ({
    row,
    id,
    title,
    why,
    level: 'must',
    spec,
    ops: ['workload.jwt'],
    ...(id === FETCH ? {} : { control: FETCH }),
    async script(world) {
      const { api } = await tokenStage(world);
      const { token, given } = await fetched(world, api, { ...request });
      const [call] = api.jwt.calls;
      // A set: some libraries keep it as one.
      wantSame('the audience of the request', fieldsOf(call).get(1)?.toSorted(), request.audience.toSorted());
      wantSame(
        'the ID of the request',
        fieldsOf(call).get(2) ?? [],
        request.id === undefined ? [] : [request.id],
      );
      wantSame('the token', token, tokenOf(call));
      wantSame('the ID', given, request.id ?? PORT);
    },
  });
  return [
    fetches(
      396,
      FETCH,
      'a token is asked for with its audience, and comes as the agent gave it',
      'the twin of all cases about tokens',
      WORKLOAD.audience,
      { audience: [AUDIENCE] },
    ),
    fetches(
      397,
      'jwt/fetch-many-audiences',
      'a token for several audiences is asked for with all of them',
      'one of them would refuse it',
      WORKLOAD.audience,
      { audience: [AUDIENCE, OTHER_AUDIENCE] },
    ),
    fetches(
      398,
      'jwt/fetch-for-id',
      'a token for one of several identities is asked for with its ID',
      'a process with two names would introduce itself with the wrong one',
      WORKLOAD.subject,
      { audience: [AUDIENCE], id: 'spiffe://a.test/second' },
    ),
    {
      row: 396,
      id: 'jwt/fetch-other-id',
      title: 'a token of another ID than the message says is refused',
      why: 'it is a slip of the agent, and somebody else would be asked for',
      level: 'ref',
      spec: WORKLOAD.discards,
      ops: ['workload.jwt'],
      control: FETCH,
      async script(world) {
        const { api, authority } = await tokenStage(world);
        await fetched(world, api, { audience: [AUDIENCE] });
        const token = authority.issue({ subject: '/other', audience: AUDIENCE });
        api.jwt.reply(() => jwtMessage({ id: PORT, token }));
        const answer = await world.ask('workload.jwt', { address: api.address, audience: [AUDIENCE] });
        want(answer.kind === 'reject', 'a token of another ID was taken');
      },
    },
  ];
}

function cacheDrafts(): readonly BehaviourDraft[] {
  const ops = ['source.jwt', 'source.open'] as const;
  const cache = (
    slug: string,
    title: string,
    why: string,
    script: (stage: TokenStage & { ask: (request: JsonObject) => Promise<string> }) => Promise<void>,
  ): BehaviourDraft => ({
    row: 399,
    id: `jwt/cache-respects-expiry-and-audience[what=${slug}]`,
    title,
    why,
    level: 'ref',
    spec: WORKLOAD.cache,
    ops,
    features: JWT_FEATURES,
    async script(world) {
      const stage = await tokenStage(world);
      stage.api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': stage.authority.jwks() }));
      const { handle } = await openAt(world, { address: stage.api.address }, 'workloadApiJwt');
      const ask = async (request: JsonObject): Promise<string> =>
        textMember(await wantYes(world, 'source.jwt', { handle, ...request }, 'a token'), 'token');
      await script({ ...stage, ask });
    },
  });
  return [
    cache(
      'same',
      'a token with most of its life before it is not asked for again',
      'an agent that is asked for each request is the slowest part of it',
      async ({ api, ask }) => {
        const first = await ask({ audience: [AUDIENCE] });
        wantSame('the second token', await ask({ audience: [AUDIENCE] }), first);
        wantSame('calls', api.jwt.calls.length, 1);
      },
    ),
    cache(
      'audience',
      'a token is never given for another audience',
      'whoever is shown a token for another could be that other',
      async ({ api, ask }) => {
        await ask({ audience: [AUDIENCE] });
        const second = await ask({ audience: [OTHER_AUDIENCE] });
        wantSame('the token for another audience', second, tokenOf(api.jwt.calls[1]));
        const both = await ask({ audience: [AUDIENCE, OTHER_AUDIENCE] });
        wantSame('the token for both', both, tokenOf(api.jwt.calls[2]));
      },
    ),
    cache(
      'subject',
      'a token is never given for another ID of ours',
      'a process with two names would introduce itself with the wrong one',
      async ({ api, ask }) => {
        await ask({ audience: [AUDIENCE] });
        const second = await ask({ audience: [AUDIENCE], id: 'spiffe://a.test/second' });
        wantSame('the token of another ID', second, tokenOf(api.jwt.calls[1]));
      },
    ),
    cache(
      'expiry',
      'a token whose life is over is asked for again',
      'the peer refuses it, and nobody knows why',
      async ({ api, ask, life }) => {
        life.ms = SHORT_MS;
        const first = await ask({ audience: [AUDIENCE] });
        life.ms = undefined;
        await new Promise((resolve) => {
          setTimeout(resolve, SHORT_MS);
        });
        want((await ask({ audience: [AUDIENCE] })) !== first, 'a token that has expired was given');
        want(api.jwt.calls.length > 1, 'the agent was asked once');
      },
    ),
  ];
}

function bundleDrafts(): readonly BehaviourDraft[] {
  const ops = ['source.validateJwt', 'source.open'] as const;
  return [
    {
      row: 400,
      id: UPDATE,
      title: 'tokens are validated with the keys of the latest message, and no longer with those before',
      why: 'a key that was removed was removed for a reason',
      level: 'should',
      spec: WORKLOAD.jwtRedaction,
      ops,
      features: JWT_FEATURES,
      async script(world) {
        const { api, source, own } = await bundleStage(world);
        const next = jwtAuthority('a.test', 'next');
        api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': next.jwks() }));
        await wantValidSoon(world, source, next, 'a token of the next key');
        await wantInvalid(world, source, own, 'a token of a key that was removed');
        const { length } = api.jwtBundles.calls;
        const last = jwtAuthority('a.test', 'last');
        api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': last.jwks() }));
        await wantValidSoon(world, source, last, 'a token of the last key');
        await wantInvalid(world, source, next, 'a token of the key before it');
        wantSame('calls after that', api.jwtBundles.calls.length, length);
      },
    },
    {
      row: 401,
      id: 'jwt/bundle-removed',
      title: 'tokens of a trust domain that is not in a message any more are refused',
      why: 'that is how a federation ends',
      level: 'should',
      spec: WORKLOAD.jwtRedaction,
      ops,
      features: JWT_FEATURES,
      control: UPDATE,
      async script(world) {
        const { api, source, friend } = await bundleStage(world);
        const next = jwtAuthority('a.test', 'next');
        api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': next.jwks() }));
        await wantValidSoon(world, source, next, 'a token of ours by the next key');
        await wantInvalid(world, source, friend, 'a token of a trust domain that is gone');
      },
    },
    {
      row: 400,
      id: 'jwt/bundles-never-merge',
      title: 'a token is validated with the keys of its own trust domain alone',
      why: 'one trust domain could otherwise make identities of the other',
      level: 'must',
      spec: WORKLOAD.jwtBundle,
      ops,
      features: JWT_FEATURES,
      control: UPDATE,
      async script(world) {
        const { source, friend } = await bundleStage(world);
        await wantInvalid(
          world,
          source,
          friend,
          'an ID of ours by the key of a friend',
          'spiffe://a.test/forged',
        );
      },
    },
    {
      row: 400,
      id: 'jwt/bundles-bad-message',
      title: 'a message with a bundle that cannot be read leaves the keys in use',
      why: 'a slip of the agent would otherwise turn every caller away',
      level: 'ref',
      spec: WORKLOAD.discards,
      ops,
      features: JWT_FEATURES,
      control: UPDATE,
      async script(world) {
        const { api, source, own, friend } = await bundleStage(world);
        const bad = jwtAuthority('a.test', 'bad');
        api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': bad.jwks(), 'b.test': 'no JSON' }));
        const next = jwtAuthority('b.test', 'next');
        api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': own.jwks(), 'b.test': next.jwks() }));
        await wantValidSoon(world, source, next, 'a token of the message after it');
        await wantInvalid(world, source, bad, 'a token of a key in the bad message');
        await wantInvalid(world, source, friend, 'a token of a key that was removed');
        await wantValidSoon(world, source, own, 'a token of ours');
      },
    },
  ];
}

function delegatedDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 402,
      id: 'jwt/validate-delegated',
      title:
        'the agent validates a token, is asked with its audience, and the answer says that it was the agent',
      why: 'who takes the word of another for a look of its own does not know what it relies on',
      level: 'should',
      spec: WORKLOAD.delegated,
      ops: ['workload.validateJwt'],
      async script(world) {
        const api = await workloadApi(world);
        const claims = { team: 'storage' };
        const token = jwtAuthority('b.test').issue({ subject: '/friend', audience: AUDIENCE, claims });
        const params = { address: api.address, token, audience: AUDIENCE };
        const id = 'spiffe://b.test/friend';
        const exp = Math.floor(Date.now() / 1000) + 300;
        const message = validationMessage(id, { sub: id, aud: [AUDIENCE], exp, ...claims });
        api.validate.reply(() => message);
        const answer = await wantYes(world, 'workload.validateJwt', params, 'a token that the agent takes');
        const fields = fieldsOf(api.validate.calls[0]);
        wantSame('the audience of the request', fields.get(1), [AUDIENCE]);
        wantSame('the token of the request', fields.get(2), [token]);
        wantSame('the ID', member(answer, 'id'), id);
        const told = member(answer, 'claims');
        wantSame('a claim', isObject(told) ? member(told, 'team') : undefined, claims.team);
        wantSame('whether it was delegated', member(answer, 'delegated'), true);
        api.validate.answer((call) => call.refuse(STATUS.invalidArgument, 'the token has expired'));
        const refused = await world.ask('workload.validateJwt', params);
        want(refused.kind === 'reject', 'a token that the agent refuses was taken');
      },
    },
  ];
}

interface TokenStage {
  readonly api: WorkloadApiServer;
  readonly authority: TestJwtAuthority;
  /** How long tokens live from now on. */
  readonly life: { ms: number | undefined };
}

const tokens = new WeakMap<WorkloadCall, string>();

/** A Workload API that gives tokens for what it is asked for: each of them another one. */
async function tokenStage(world: World): Promise<TokenStage> {
  const api = await workloadApi(world);
  const authority = jwtAuthority('a.test');
  const life: TokenStage['life'] = { ms: undefined };
  api.jwt.reply((call) => {
    const fields = fieldsOf(call);
    const [id = PORT] = fields.get(2) ?? [];
    const token = authority.issue({
      subject: id,
      audience: fields.get(1) ?? [],
      claims: { jti: String(api.jwt.calls.length) },
      ...(life.ms === undefined ? {} : { ttlMs: life.ms }),
    });
    tokens.set(call, token);
    return jwtMessage({ id, token });
  });
  return { api, authority, life };
}

async function bundleStage(world: World) {
  const api = await workloadApi(world);
  const [own, friend] = [jwtAuthority('a.test'), jwtAuthority('b.test')];
  api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': own.jwks(), 'b.test': friend.jwks() }));
  const source = await openAt(world, { address: api.address }, 'workloadApiJwt');
  await wantValidSoon(world, source, own, 'a token of ours');
  await wantValidSoon(world, source, friend, 'a token of a friend');
  return { api, source, own, friend };
}

function fieldsOf(call: WorkloadCall | undefined): ReadonlyMap<number, readonly string[]> {
  if (call === undefined) throw observed('the call was not made');
  return textFields(call.request);
}

function tokenOf(call: WorkloadCall | undefined): string | undefined {
  return call === undefined ? undefined : tokens.get(call);
}

async function fetched(
  world: World,
  { address }: WorkloadApiServer,
  request: JsonObject,
): Promise<{ readonly token: string; readonly given: string }> {
  const answer = await wantYes(world, 'workload.jwt', { address, ...request }, 'a token');
  return { token: textMember(answer, 'token'), given: textMember(answer, 'id') };
}

/** Asks until a token is taken, which is all that tells when bundles are in use. */
async function wantValidSoon(
  world: World,
  { handle }: SourceUnderTest,
  authority: TestJwtAuthority,
  what: string,
): Promise<void> {
  const token = authority.issue({ subject: '/peer', audience: AUDIENCE });
  const end = performance.now() + world.patienceMs;
  for (;;) {
    const answer = await world.ask('source.validateJwt', { handle, token, audience: AUDIENCE });
    if (answer.kind === 'ok') {
      wantSame(`the ID of ${what}`, member(answer.value, 'id'), `spiffe://${authority.trustDomain}/peer`);
      return;
    }
    if (performance.now() > end)
      throw observed(`${what} was refused for ${world.patienceMs} ms (${answer.code})`);
  }
}

async function wantInvalid(
  world: World,
  { handle }: SourceUnderTest,
  authority: TestJwtAuthority,
  what: string,
  subject = '/peer',
): Promise<void> {
  const token = authority.issue({ subject, audience: AUDIENCE });
  const answer = await world.ask('source.validateJwt', { handle, token, audience: AUDIENCE });
  want(answer.kind === 'reject', `${what} was taken`);
}
