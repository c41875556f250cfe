import { generateKeyPairSync } from 'node:crypto';

import { authorizeAny, BundleSet, staticX509Source, TrustDomain, X509Bundle, X509Svid } from '@svidkit/core';
import { connectTls, peerOf } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { issueCa, issueSvid } from '../../core/test/pki/certificates.ts';
import { oid, sequence } from '../../core/test/pki/der.ts';
import { ecKey, type TestKey, testKey } from '../../core/test/pki/keys.ts';
import { closeAll, closing, Events, exchange, knock, tlsService, toPem } from './fixtures.ts';

afterEach(closeAll);

const ALGORITHMS = { 'ml-dsa-44': 17, 'ml-dsa-65': 18, 'ml-dsa-87': 19 } as const;

/** A key of a post-quantum signature scheme; undefined where this Node.js has none. */
function postQuantumKey(name: keyof typeof ALGORITHMS): TestKey | undefined {
  try {
    const { privateKey } = generateKeyPairSync(name as 'ed25519');
    return testKey(privateKey, sequence(oid(`2.16.840.1.101.3.4.3.${ALGORITHMS[name]}`)), null);
  } catch {
    return undefined;
  }
}

const DAY = 86_400_000;
const VALIDITY = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY };

/** A trust domain whose authority has `caKey`, and an SVID under it for `leafKey`. */
function identity(caKey: TestKey, leafKey: TestKey, path: string) {
  const ca = issueCa({ key: caKey, ...VALIDITY });
  const leaf = issueSvid(`spiffe://pq.test${path}`, { key: leafKey, issuer: ca, serial: 11, ...VALIDITY });
  const svid = X509Svid.fromDer({ certificates: [leaf.der], privateKey: leafKey.privateKey });
  const keyPem = leafKey.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { ca, svid, raw: { certPem: toPem(leaf.der), keyPem } };
}

function sourceWith(svid: X509Svid, ...authorities: readonly Uint8Array[]) {
  const bundle = X509Bundle.fromDer(TrustDomain.parse('pq.test'), authorities);
  return closing(staticX509Source({ svid, bundles: BundleSet.of(bundle) }), (source) => source.close());
}

describe.each(Object.keys(ALGORITHMS) as (keyof typeof ALGORITHMS)[])('SVIDs signed with %s', (name) => {
  const [caKey, leafKey] = [postQuantumKey(name), postQuantumKey(name)];

  it.runIf(caKey !== undefined)('are shown and believed on both ends, where Node.js knows them', async () => {
    const own = identity(caKey ?? ecKey(''), leafKey ?? ecKey(''), '/server');
    const source = sourceWith(own.svid, own.ca.der);
    const { port, handled } = await tlsService(source);

    const socket = await connectTls(source, { authorize: authorizeAny(), host: '127.0.0.1', port });

    expect(peerOf(socket).certificate.keyType).toBe(name.toUpperCase());
    expect(await exchange(socket)).toContain('peer=spiffe://pq.test/server');
    expect(handled).toEqual(['spiffe://pq.test/server']);
  });

  it.runIf(caKey !== undefined)(
    'are refused when another authority of the same name signed them',
    async () => {
      const own = identity(caKey ?? ecKey(''), leafKey ?? ecKey(''), '/server');
      const forged = identity(postQuantumKey(name) ?? ecKey(''), leafKey ?? ecKey(''), '/server');
      const source = sourceWith(own.svid, own.ca.der);
      const { port, handled } = await tlsService(source);
      const events = new Events();

      expect((await knock(port, forged.raw)).line).toBeUndefined();
      expect(events.codes('server')).toEqual(['ERR_CHAIN_UNTRUSTED']);
      expect((await knock(port, own.raw)).line).toContain('/server');
      expect(handled).toHaveLength(1);
    },
  );
});
