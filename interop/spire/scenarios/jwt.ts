import assert from 'node:assert/strict';

import { GoPeer } from '../go-peer.ts';
import { type Scenario, type Via } from '../scenario.ts';
import { until } from '../until.ts';
import { join, openWorld, SHORT_TTL, USERS } from '../world.ts';

const AUDIENCE = 'alice-service';

/** JWT-SVIDs between svidkit and go-spiffe, and a new key of the trust domain. */
export function jwt(via: Via): Scenario {
  return {
    name: 'jwt',
    via,
    shows:
      'svidkit and go-spiffe validate the JWT-SVIDs of each other, refuse what they should, and follow a new JWT key',
    async play(stage) {
      const world = await openWorld(stage);
      const { server, agent } = world;
      const alice = await join(world, 'alice', via, { audiences: [] });
      const bob = await join(world, 'bob', via, { audiences: [AUDIENCE] });
      await server.createEntry({ path: '/carol', parentId: agent.id, uid: USERS.carol, ttl: SHORT_TTL });
      const go = await GoPeer.of(stage, agent, USERS.carol);
      const judge = (token: string, audience = AUDIENCE) => alice.workload.validateJwt({ token, audience });

      // Ours, judged by us and by go-spiffe.
      const first = await bob.workload.fetchJwt(AUDIENCE);
      assert.equal(first.id, bob.id);
      assert.deepEqual(await judge(first.token), { ok: true, id: bob.id });
      const judged = await go.run(['validate-jwt', '-audience', AUDIENCE, '-token', first.token]);
      assert.equal(judged['id'], bob.id, JSON.stringify(judged));
      assert.equal(codeOf(await judge(first.token, 'other')), 'ERR_JWT_AUDIENCE');
      const other = await go.run(['validate-jwt', '-audience', 'other', '-token', first.token]);
      assert.notEqual(other['error'], undefined, 'go-spiffe refuses another audience');
      assert.equal(codeOf(await judge(tampered(first.token))), 'ERR_JWT_SIGNATURE');

      // That of go-spiffe, judged by us.
      const theirs = await go.run(['fetch-jwt', '-audience', AUDIENCE]);
      assert.equal(theirs['id'], server.id('/carol'), JSON.stringify(theirs));
      assert.deepEqual(await judge(String(theirs['token'])), { ok: true, id: server.id('/carol') });

      // A new key, known before it is used.
      await server.authorities(['prepare'], 'jwt');
      await server.authorities(
        ['activate', '-authorityID', await server.authorityId('prepared', 'jwt')],
        'jwt',
      );
      let token = first.token;
      await until('a token of the new key', async () => {
        token = (await bob.workload.fetchJwt(AUDIENCE)).token;
        return keyOf(token) !== keyOf(first.token);
      });
      await until('alice knows the new key', async () => (await judge(token)).ok);
      const again = await go.run(['validate-jwt', '-audience', AUDIENCE, '-token', token]);
      assert.equal(again['id'], bob.id, JSON.stringify(again));
      return 'tokens of two JWT keys accepted; another audience and a changed signature refused';
    },
  };
}

function codeOf(report: { readonly ok: boolean; readonly code?: string | undefined }): string | undefined {
  return report.code;
}

/** The same with one bit of the signature changed. */
function tampered(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return `${header}.${payload}.${bytes.toString('base64url')}`;
}

function keyOf(token: string): string {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as {
    readonly kid: string;
  };
  return kid;
}
