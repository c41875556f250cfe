// Loads svidkit three times, twice from the bundles given as arguments, lets every copy meet every other, and prints
// what each saw.
import { createServer as createPlainTls, type Server } from 'node:tls';
import { pathToFileURL } from 'node:url';

import * as coreHere from '@svidkit/core';
import * as tlsHere from '@svidkit/tls';

import { answerRequests, closeAll, closing, exchange, knock, listen, rawServer, world } from '../fixtures.ts';

type Copy = typeof coreHere & typeof tlsHere;

const { a, b, rogue } = await world();
const [server, client] = await Promise.all([a.issue({ path: '/server' }), a.issue({ path: '/client' })]);
const strangers = await Promise.all([
  rogue.issue({ path: '/client' }),
  b.issue({ id: 'spiffe://a.test/client' }),
]);
const bundled = process.argv.slice(2).map((file) => import(pathToFileURL(file).href) as Promise<Copy>);
const copies: readonly Copy[] = [{ ...coreHere, ...tlsHere }, ...(await Promise.all(bundled))];
const problems: string[] = [];
let checks = 0;

function expect(what: string, holds: boolean): void {
  checks += 1;
  if (!holds) problems.push(what);
}

function codeOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return copies.every(({ isSpiffeError }) => isSpiffeError(error))
      ? (error as { code: string }).code
      : error;
  }
}

function sourceOf(
  { staticX509Source, X509Svid, BundleSet, X509Bundle, TrustDomain }: Copy,
  { certPem, keyPem } = server,
) {
  return staticX509Source({
    svid: X509Svid.fromPem({ certificates: certPem, privateKey: keyPem }),
    bundles: BundleSet.of(
      X509Bundle.fromPem(TrustDomain.parse('a.test'), a.bundlePem),
      X509Bundle.fromPem(TrustDomain.parse('b.test'), b.bundlePem),
    ),
  });
}

async function start(
  tls: Copy,
  source: coreHere.X509Source,
  authorize: coreHere.Authorizer,
  seen: string[],
): Promise<[Server, number]> {
  const started = tls.createTlsServer(source, { authorize }, (socket) => {
    for (const { peerOf } of copies) seen.push(String(codeOf(() => peerOf(socket).id.toString())));
    answerRequests(socket, () => 'peer=\n');
  });
  return [started, await listen(started)];
}

expect('the copies are copies', new Set(copies.map(({ peerOf }) => peerOf)).size === 3);
expect('so are their errors', new Set(copies.map(({ SpiffeError }) => SpiffeError)).size === 3);

const plain = createPlainTls(
  { cert: server.certPem, key: server.keyPem, requestCert: true, ca: [a.pem] },
  (socket) => {
    for (const { peerOf } of copies)
      expect('a plain socket has no peer', codeOf(() => peerOf(socket)) === 'ERR_PEER_UNVERIFIED');
    socket.end();
  },
);
await knock(await listen(plain), client);

// Every combination of who serves, whose source it is, and whose authorizer.
for (const [i, tls] of copies.entries()) {
  for (const [j, from] of copies.entries()) {
    for (const [k, by] of copies.entries()) {
      const name = `server ${i}, source ${j}, authorizer ${k}`;
      const seen: string[] = [];
      const [started, port] = await start(
        tls,
        sourceOf(from),
        by.authorizeId('spiffe://a.test/client'),
        seen,
      );
      for (const stranger of strangers) await knock(port, stranger);
      await knock(port, await a.issue({ path: '/other' }));
      await knock(port);
      expect(`${name}: forged nobody`, seen.length === 0);
      await knock(port, client);
      expect(
        `${name}: lost nobody (${seen.join()})`,
        seen.join() === Array(3).fill('spiffe://a.test/client').join(),
      );
      for (const { secureServer } of copies) {
        const again = codeOf(() => secureServer(started, sourceOf(from), { authorize: by.authorizeAny() }));
        expect(`${name}: is not gated twice`, again === 'ERR_CONFIG_SERVER');
      }
    }
  }
}

const honest = await rawServer(server);
const impostor = await rawServer(await b.issue({ id: 'spiffe://a.test/server' }));
for (const [i, tls] of copies.entries()) {
  for (const [j, from] of copies.entries()) {
    for (const [k, by] of copies.entries()) {
      const name = `client ${i}, source ${j}, authorizer ${k}`;
      const authorize = by.authorizeMemberOf('a.test');
      const source = sourceOf(from, client);
      const target = { authorize, host: '127.0.0.1' };
      const socket = await tls.connectTls(source, { ...target, port: honest.port }).catch(() => undefined);
      const seen = copies.map(({ peerOf }) => socket && codeOf(() => peerOf(socket).id.toString()));
      expect(
        `${name}: lost nobody (${seen.join()})`,
        seen.join() === Array(3).fill('spiffe://a.test/server').join(),
      );
      socket?.destroy();
      const forged = await tls
        .connectTls(source, { ...target, port: impostor.port })
        .then(() => 'connected', codeOfReason);
      expect(`${name}: forged nobody (${forged})`, forged === 'ERR_CHAIN_UNTRUSTED');

      const options = tls.tlsClientOptions(source, { authorize });
      const { connect } = await import('node:tls');
      const answer = (port: number) =>
        exchange(connect({ host: '127.0.0.1', port, ...options })).then(
          () => 'answered',
          () => 'failed',
        );
      expect(`${name}: tlsClientOptions lost nobody`, (await answer(honest.port)) === 'answered');
      expect(`${name}: tlsClientOptions forged nobody`, (await answer(impostor.port)) === 'failed');
    }
  }
}
closing(copies, () => {});
expect('the impostor got nothing', (await impostor.stolen()) === '');

function codeOfReason(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

await closeAll();
console.log(JSON.stringify({ checks, problems }));
process.exit(0);
