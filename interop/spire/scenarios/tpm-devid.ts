import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { type Scenario, type Via } from '../scenario.ts';
import { type DevId, provisionDevId, startSoftwareTpm } from '../software-tpm.ts';
import { type NodeAttestation, SpireAgent } from '../spire-agent.ts';
import { SpireServer } from '../spire-server.ts';
import { join } from '../world.ts';

/** A node that shows by its TPM which one it is. */
export function tpmDevid(via: Via): Scenario {
  return {
    name: 'tpm-devid',
    via,
    shows:
      'the agent attests with a DevID key inside of a TPM, another TPM with the same files does not; workloads get SVIDs',
    async play(stage) {
      const tpm = await startSoftwareTpm(stage);
      const devId = await provisionDevId(stage, tpm);
      const server = await SpireServer.start(stage, {
        plugins: `  NodeAttestor "tpm_devid" {
    plugin_data { devid_ca_path = "${devId.authorities}" endorsement_ca_path = "${devId.manufacturers}" }
  }`,
      });

      // The files alone are of no use: another TPM cannot load the key.
      const other = await startSoftwareTpm(stage);
      await provisionDevId(stage, other);
      const thief = await SpireAgent.prepare(server, await attestation(server, devId, other));
      await assert.rejects(thief.restart(), /ended/, 'an agent with another TPM');
      assert.match(await thief.log(40), /cannot load DevID key on TPM/);

      const agent = await SpireAgent.start(server, await attestation(server, devId, tpm));
      const alice = await join({ stage, server, agent }, 'alice', via);
      const bob = await join({ stage, server, agent }, 'bob', via);
      const port = await alice.workload.serveHttps({ authorize: bob.id });
      const call = await bob.workload.callHttps({
        target: `https://127.0.0.1:${port}/`,
        authorize: alice.id,
      });
      assert(call.ok, call.ok ? '' : call.message);
      return `agent ${agent.id}`;
    },
  };
}

async function attestation(server: SpireServer, devId: DevId, tpm: string): Promise<NodeAttestation> {
  const { raw } = new X509Certificate(await readFile(devId.certificate));
  return {
    plugin: `  NodeAttestor "tpm_devid" {
    plugin_data {
      tpm_device_path = "${tpm}"
      devid_cert_path = "${devId.certificate}"
      devid_priv_path = "${devId.privateBlob}"
      devid_pub_path = "${devId.publicBlob}"
    }
  }`,
    agentId: server.id(`/spire/agent/tpm_devid/${createHash('sha1').update(raw).digest('hex')}`),
  };
}
