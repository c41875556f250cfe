import assert from 'node:assert/strict';
import { createHash, KeyObject, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';

import { createTestCa } from '@svidkit/testkit';

import { type Scenario, type Via } from '../scenario.ts';
import { awaitRotations, openWorld, startTraffic } from '../world.ts';

/** A server whose CA is an intermediate of an authority on disk. */
export function upstreamAuthority(via: Via): Scenario {
  return {
    name: 'upstream-authority',
    via,
    shows:
      'the server signs as an intermediate of a root on disk (UpstreamAuthority "disk"); chains have it, bundles the root',
    async play(stage) {
      const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
        'sign',
        'verify',
      ]);
      const root = await createTestCa({ trustDomain: 'interop.test', key: pair, id: '' });
      const [certificate, key] = [joinPath(stage.folder, 'root.crt'), joinPath(stage.folder, 'root.key')];
      await writeFile(certificate, root.bundlePem);
      await writeFile(key, KeyObject.from(pair.privateKey).export({ type: 'pkcs8', format: 'pem' }), {
        mode: 0o600,
      });
      const world = await openWorld(stage, {
        plugins: `  UpstreamAuthority "disk" {
    plugin_data { cert_file_path = "${certificate}" key_file_path = "${key}" }
  }`,
      });
      const traffic = await startTraffic(world, via);
      const { chainLength, authorities } = await traffic.bob.workload.identity();
      assert.equal(chainLength, 2, 'certificates of the chain');
      const fingerprint = createHash('sha256').update(new X509Certificate(root.bundlePem).raw).digest('hex');
      assert.deepEqual(authorities['interop.test'], [fingerprint], 'the bundle is the root alone');
      await awaitRotations(traffic, 3);
      return traffic.finish();
    },
  };
}
