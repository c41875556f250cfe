// Shows servers and clients chains with public keys that Node.js cannot describe, and prints what became of each. Where
// a native accessor is asked about such a certificate, this program ends with a segmentation fault.
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';

import { authorizeMemberOf } from '@svidkit/core';

import {
  CLIENTS,
  closeAll,
  type Identity,
  knock,
  rawServer,
  SERVICES,
  sourceOf,
  toPem,
  withChain,
  world,
} from '../fixtures.ts';
import { withPublicKey } from '../forge-certificate.ts';

// Whoever sends such a chain has told its own OpenSSL not to mind.
const CARELESS = { ciphers: 'DEFAULT:@SECLEVEL=0' };

const { a, rogue } = await world();
const source = await sourceOf(a);
const authorize = authorizeMemberOf('a.test');
const intermediate = await a.intermediate();
const [direct, behind, outsider] = await Promise.all([a.issue(), intermediate.issue(), rogue.issue()]);

const pairs: Record<string, KeyPairKeyObjectResult> = {};
for (const namedCurve of ['secp256k1', 'brainpoolP256r1', 'prime192v1', 'sect233k1']) {
  pairs[namedCurve] = generateKeyPairSync('ec', { namedCurve });
}
pairs['ed448'] = generateKeyPairSync('ed448');
pairs['dsa'] = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 });

const problems: string[] = [];
let checks = 0;
function expect(what: string, holds: boolean): void {
  checks += 1;
  if (!holds) problems.push(what);
}

for (const [name, { publicKey: key, privateKey }] of Object.entries(pairs)) {
  // Each stands where Node.js would take it for the issuer of the certificate before it.
  const chains: Record<string, Identity> = {
    'a decoy of the root': withChain(direct, withPublicKey(a.der, key)),
    'a decoy of the intermediate, and the real one': withChain(
      behind,
      withPublicKey(intermediate.der, key),
      intermediate.der,
    ),
    'the real intermediate, and a decoy of it': withChain(
      behind,
      intermediate.der,
      withPublicKey(intermediate.der, key),
    ),
    'a stranger with a decoy of its root': withChain(outsider, withPublicKey(rogue.der, key)),
  };
  for (const [chain, identity] of Object.entries(chains)) {
    const good = !chain.startsWith('a stranger');
    for (const [kind, start] of Object.entries(SERVICES)) {
      const { port } = await start(source, { minVersion: 'TLSv1.2' });
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const { line } = await knock(port, identity, { ...CARELESS, maxVersion });
        expect(`${kind}, ${maxVersion}, ${name}, ${chain}: ${line}`, (line !== undefined) === good);
      }
    }
    const server = await rawServer(identity, CARELESS);
    for (const [kind, call] of Object.entries(CLIENTS)) {
      // Node.js itself describes what members of the trust domain send to clients that are not ours.
      if (good && kind.startsWith('tlsClientOptions')) continue;
      const outcome = await call(source, authorize, server).then(
        () => true,
        () => false,
      );
      expect(`${kind}, ${name}, ${chain}: ${outcome}`, outcome === good);
    }
    await server.stolen();
  }

  // As a leaf, with the private key to it: whatever becomes of the handshake, nobody is let in.
  const leaf = {
    certPem: toPem(withPublicKey(direct.chainDer[0] ?? a.der, key)),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  const anyway = {
    ...CARELESS,
    // TLS 1.3 has signatures of its own for some of these curves (RFC 8734).
    sigalgs: 'ecdsa_brainpoolP256r1tls13_sha256:ecdsa_secp256r1_sha256:ed448:DSA+SHA256:rsa_pss_rsae_sha256',
    ecdhCurve: 'X25519:P-256:brainpoolP256r1:secp256k1',
  };
  for (const [kind, start] of Object.entries(SERVICES)) {
    const { port, handled } = await start(source, { minVersion: 'TLSv1.2' });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
      await knock(port, leaf, { ...anyway, maxVersion });
    expect(`${kind}, a leaf with ${name}`, handled.length === 0);
    expect(`${kind} after a leaf with ${name}`, (await knock(port, direct)).line !== undefined);
  }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const server = await rawServer(leaf, { ...anyway, maxVersion });
    for (const [kind, call] of Object.entries(CLIENTS)) {
      const outcome = await call(source, authorize, { ...server, minVersion: 'TLSv1.2' }).then(
        () => true,
        () => false,
      );
      expect(`${kind}, a leaf with ${name}`, !outcome);
    }
    expect(`the server with ${name} got nothing`, (await server.stolen()) === '');
  }
}

await closeAll();
console.log(JSON.stringify({ checks, problems }));
