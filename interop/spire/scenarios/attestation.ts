import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';

import { createTestCa, type TestCa } from '@svidkit/testkit';

import { GoPeer } from '../go-peer.ts';
import { type Scenario, type Via } from '../scenario.ts';
import { type NodeAttestation, SpireAgent } from '../spire-agent.ts';
import { SpireServer } from '../spire-server.ts';
import { type Stage } from '../stage.ts';
import { join, USERS } from '../world.ts';

/** Two agents on one machine, each attested in its way, and users with and without an entry. */
export function attestation(via: Via): Scenario {
  return {
    name: 'attestation',
    via,
    shows:
      'agents attest by join token and by x509pop; three local users get their own SVID, a fourth gets none',
    async play(stage) {
      const nodes = await createTestCa({ trustDomain: 'nodes.test' });
      const authorities = joinPath(stage.folder, 'nodes.pem');
      await writeFile(authorities, nodes.bundlePem);
      const server = await SpireServer.start(stage, {
        plugins: `  NodeAttestor "x509pop" { plugin_data { ca_bundle_path = "${authorities}" } }`,
      });
      const byToken = { stage, server, agent: await SpireAgent.start(server) };
      const byCertificate = {
        stage,
        server,
        agent: await SpireAgent.start(server, await x509pop(stage, server, nodes)),
      };

      const alice = await join(byToken, 'alice', via);
      const bob = await join(byToken, 'bob', via);
      const carol = await join(byCertificate, 'carol', via);
      const port = await alice.workload.serveHttps({ authorize: carol.id });
      const call = { target: `https://127.0.0.1:${port}/`, authorize: alice.id };
      const answered = await carol.workload.callHttps(call);
      assert(answered.ok, answered.ok ? '' : answered.message);
      assert.equal((await bob.workload.callHttps(call)).ok, false, 'another user is refused');
      assert.deepEqual((await alice.workload.served()).rejections, ['ERR_PEER_UNAUTHORIZED']);

      const mallory = await GoPeer.of(stage, byToken.agent, USERS.mallory);
      const { error } = await mallory.run(['fetch-jwt', '-audience', 'any']);
      assert.match(String(error), /no identity issued/, 'a user without an entry');
      // An entry is of one agent: alice asks the other one in vain.
      const elsewhere = await GoPeer.of(stage, byCertificate.agent, USERS.alice);
      assert.match(
        String((await elsewhere.run(['fetch-jwt', '-audience', 'any']))['error']),
        /no identity issued/,
      );
      return `identities of ${[alice, bob, carol].map(({ id }) => id).join(', ')}`;
    },
  };
}

/** A certificate for the node, of an authority that the server trusts for that. */
async function x509pop(stage: Stage, server: SpireServer, nodes: TestCa): Promise<NodeAttestation> {
  const { certPem, keyPem } = await nodes.issue({ path: '/node' });
  const [certificate, key] = [joinPath(stage.folder, 'node.crt'), joinPath(stage.folder, 'node.key')];
  await writeFile(certificate, certPem);
  await writeFile(key, keyPem, { mode: 0o600 });
  const fingerprint = createHash('sha1').update(new X509Certificate(certPem).raw).digest('hex');
  return {
    plugin: `  NodeAttestor "x509pop" {
    plugin_data { certificate_path = "${certificate}" private_key_path = "${key}" }
  }`,
    agentId: server.id(`/spire/agent/x509pop/${fingerprint}`),
  };
}
