import assert from 'node:assert/strict';

import { createTestJwtAuthority } from '@svidkit/testkit';

import { federate, prepareEndpoint } from '../federate.ts';
import { GoPeer } from '../go-peer.ts';
import { type Scenario } from '../scenario.ts';
import { until } from '../until.ts';
import { type Workload } from '../workload/workload.ts';
import { join, openWorld, requireFailure, USERS } from '../world.ts';

const HERE = 'here.test';
const PARTNER = 'partner.test';
const AUDIENCE = 'alice-service';
/** What SPIRE gives clocks, in milliseconds: the most that validation here can be told to give. */
const LEEWAY_MS = 60_000;

/** What the agent says of a token, what go-spiffe hears of it, and what validation here says: they agree. */
export const jwtValidation: Scenario = {
  name: 'jwt-validation',
  via: 'Workload API',
  shows:
    'the agent is asked about tokens (good, federated, wrong audience, altered, expired, foreign, garbage) and agrees with validation here; a refusal ends that call and no stream',
  async play(stage) {
    const options = await prepareEndpoint(stage, 'https_spiffe');
    const here = await openWorld(stage, { trustDomain: HERE, ...options });
    const partner = await openWorld(stage, { trustDomain: PARTNER, ...options });
    await federate('https_spiffe', here.server, partner.server);
    const alice = await join(here, 'alice', 'Workload API', { federatesWith: [PARTNER] });
    const lonely = await join(here, 'carol', 'Workload API');
    const bob = await join(partner, 'bob', 'Workload API');
    await alice.workload.follow();
    await until(
      'both streams of alice have begun',
      async () => (await alice.workload.followed()).updates >= 2,
    );
    const [go, goOfLonely] = [
      await GoPeer.of(stage, here.agent, USERS.alice),
      await GoPeer.of(stage, here.agent, USERS.carol),
    ];
    const short = await mint(here.server, '/short', 2);

    /** Refused by all: by the agent, through us and through go-spiffe, and by validation here. */
    const refused = async (
      token: string,
      {
        local,
        remote = 'ERR_WORKLOAD_API_REFUSED',
        audience = AUDIENCE,
        by = alice.workload,
        peer = go,
      }: Refusal,
    ): Promise<void> => {
      const asked = await by.askAboutJwt({ token, audience });
      requireFailure(asked, { code: remote });
      assert(!asked.ok && asked.blame === 'peer', `the fault of the peer: ${JSON.stringify(asked)}`);
      const judged = await by.validateJwt({ token, audience, leewayMs: LEEWAY_MS });
      requireFailure(judged, { code: local });
      assert(!judged.ok);
      for (const { message } of [asked, judged]) {
        for (const part of token.split('.')) {
          assert(part.length < 16 || !message.includes(part), 'no part of the token shows');
        }
      }
      const heard = await peer.run(['ask-validate-jwt', '-audience', audience, '-token', token]);
      assert.equal(heard['status'], 'InvalidArgument', JSON.stringify(heard));
    };
    const accepted = async (token: string, id: string): Promise<Readonly<Record<string, unknown>>> => {
      const asked = await alice.workload.askAboutJwt({ token, audience: AUDIENCE });
      assert(asked.ok, asked.ok ? '' : asked.message);
      assert.equal(asked.value.id, id);
      const judged = await alice.workload.validateJwt({ token, audience: AUDIENCE, leewayMs: LEEWAY_MS });
      assert.deepEqual(judged, { ok: true, id });
      return asked.value.claims;
    };

    // Our own trust domain: all claims, and times are doubles.
    const own = (await lonely.workload.fetchJwt(AUDIENCE)).token;
    const { aud, ...payload } = claimsOf(own);
    const claims = await accepted(own, lonely.id);
    assert.deepEqual({ ...claims }, { ...payload, aud: [aud].flat() });
    for (const name of ['exp', 'iat']) assert.equal(typeof claims[name], 'number', name);
    // A federated one: those that the standard has for everybody.
    const foreign = (await bob.workload.fetchJwt(AUDIENCE)).token;
    const shown = await accepted(foreign, bob.id);
    assert.deepEqual(Object.keys(shown).toSorted(), ['aud', 'exp', 'sub'], 'claims of a foreign token');
    assert.equal(shown['exp'], claimsOf(foreign)['exp']);

    await refused(own, { local: 'ERR_JWT_AUDIENCE', audience: 'other' });
    await refused(altered(own), { local: 'ERR_JWT_SIGNATURE' });
    await refused(foreign, { local: 'ERR_BUNDLE_UNKNOWN', by: lonely.workload, peer: goOfLonely });
    const impostor = createTestJwtAuthority({ trustDomain: HERE });
    await refused(impostor.issue({ subject: '/alice', audience: AUDIENCE }), { local: 'ERR_JWT_KEY' });
    // What is none is not sent at all. The agent, which go-spiffe asks all the same, says so too.
    for (const [token, code] of [
      ['garbage', 'ERR_JWT_MALFORMED'],
      [`${own}.`, 'ERR_JWT_MALFORMED'],
      [unsigned(own), 'ERR_JWT_ALGORITHM'],
    ] as const) {
      await refused(token, { local: code, remote: code });
    }

    // Time passes: SPIRE gives clocks a minute, validation here half of that unless told otherwise.
    const exp = Number(claimsOf(short)['exp']) * 1_000;
    await at(exp + 35_000);
    await accepted(short, here.server.id('/short'));
    requireFailure(await alice.workload.validateJwt({ token: short, audience: AUDIENCE }), {
      code: 'ERR_JWT_EXPIRED',
    });
    await at(exp + LEEWAY_MS + 1_500);
    await refused(short, { local: 'ERR_JWT_EXPIRED' });

    const { updates } = await alice.workload.followed();
    await until('the streams go on', async () => (await alice.workload.followed()).updates > updates + 1);
    assert.deepEqual((await alice.workload.followed()).errors, [], 'no refusal has touched a stream');
    return `three good tokens and eight bad ones, three judges; ${updates} messages on two streams meanwhile`;
  },
};

interface Refusal {
  /** The code of validation here. */
  readonly local: string;
  /** The code of asking the agent. */
  readonly remote?: string;
  readonly audience?: string;
  readonly by?: Workload;
  readonly peer?: GoPeer;
}

/** A token of the server itself, that lives for so many seconds. */
async function mint(
  server: { id(path: string): string; command(args: readonly string[]): Promise<string> },
  path: string,
  seconds: number,
): Promise<string> {
  const said = await server.command([
    'jwt',
    'mint',
    `-spiffeID=${server.id(path)}`,
    `-audience=${AUDIENCE}`,
    `-ttl=${seconds}s`,
  ]);
  return said.trim().split('\n').at(-1) ?? '';
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
}

/** The same with one bit of the signature changed. */
function altered(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return `${header}.${payload}.${bytes.toString('base64url')}`;
}

/** The same, as one that needs no signature. */
function unsigned(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
  return `${header}.${token.split('.')[1] ?? ''}.`;
}

/** Waits for a time of day, in milliseconds since the Unix epoch. */
async function at(time: number): Promise<void> {
  await until(new Date(time).toISOString(), () => Date.now() >= time, 120_000);
}
