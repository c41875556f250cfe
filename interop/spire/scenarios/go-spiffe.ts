import assert from 'node:assert/strict';

import { GoPeer } from '../go-peer.ts';
import { type Scenario, type Via } from '../scenario.ts';
import { join, openWorld, USERS } from '../world.ts';

/** Over what mutual TLS is spoken. */
type Transport = 'https' | 'grpc';

/** svidkit and go-spiffe, each as server and as client of the other. */
export function goSpiffe(transport: Transport, via: Via): Scenario {
  return {
    name: `go-spiffe-${transport}`,
    via,
    shows: `svidkit and go-spiffe speak ${transport === 'grpc' ? 'gRPC' : 'HTTPS'} in both roles, and refuse whom they should`,
    async play(stage) {
      const world = await openWorld(stage);
      const { server, agent } = world;
      const svidkit = await join(world, 'alice', via);
      const entry = { parentId: agent.id, ttl: 60 };
      await server.createEntry({ ...entry, path: '/bob', uid: USERS.bob });
      await server.createEntry({ ...entry, path: '/carol', uid: USERS.carol });
      const go = await GoPeer.of(stage, agent, USERS.bob);
      const stranger = await GoPeer.of(stage, agent, USERS.carol);
      const [aliceId, bobId] = [svidkit.id, server.id('/bob')];

      // svidkit serves.
      const port = await (transport === 'grpc'
        ? svidkit.workload.serveGrpc({ authorize: bobId })
        : svidkit.workload.serveHttps({ authorize: bobId }));
      const target = transport === 'grpc' ? `127.0.0.1:${port}` : `https://127.0.0.1:${port}/`;
      const call = [`call-${transport}`, '-target', target, '-authorize'];
      const answer = await go.run([...call, aliceId]);
      assert.equal(answer['error'], undefined);
      assert.equal(answer['server'], aliceId, 'go-spiffe knows the server');
      assert.match(
        JSON.stringify(answer['body'] ?? answer['peer']),
        new RegExp(bobId),
        'svidkit knew the client',
      );
      const refused = await stranger.run([...call, aliceId]);
      assert.notEqual(refused['error'], undefined, 'svidkit refuses another client');
      assert.deepEqual((await svidkit.workload.served()).rejections, ['ERR_PEER_UNAUTHORIZED']);
      const refusing = await go.run([...call, server.id('/other')]);
      assert.notEqual(refusing['error'], undefined, 'go-spiffe refuses another server');
      assert.equal((await svidkit.workload.served()).requests, 1, 'requests that were handled');

      // go-spiffe serves.
      const at = await go.serve(`serve-${transport}`, aliceId);
      const other = await stranger.serve(`serve-${transport}`, bobId);
      const url = (address: string): string => (transport === 'grpc' ? address : `https://${address}/`);
      const ask = (address: string, authorize: string) => {
        const options = { target: url(address), authorize };
        return transport === 'grpc'
          ? svidkit.workload.callGrpc(options)
          : svidkit.workload.callHttps(options);
      };
      const answered = await ask(at, bobId);
      assert(answered.ok, answered.ok ? '' : answered.message);
      assert.deepEqual(JSON.parse(answered.answer), { peer: aliceId }, 'go-spiffe knew the client');
      const wrongServer = await ask(at, server.id('/other'));
      assert.equal(wrongServer.ok, false, 'svidkit refuses another server');
      assert.equal(wrongServer.code, 'ERR_PEER_UNAUTHORIZED');
      assert.equal((await ask(other, server.id('/carol'))).ok, false, 'go-spiffe refuses another client');
      return 'one call answered and two refused in each direction';
    },
  };
}
