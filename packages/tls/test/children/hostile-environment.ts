// Runs where the environment of the process trusts an impostor, and prints who spoke to whom. The folder given as
// argument holds the impostor's certificate, key and root.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, setDefaultCACertificates } from 'node:tls';

import { authorizeMemberOf, BundleSet } from '@svidkit/core';

import {
  CLIENTS,
  closeAll,
  Events,
  exchange,
  knock,
  rawServer,
  SERVICES,
  sourceOf,
  world,
} from '../fixtures.ts';

const folder = process.argv[2] ?? '';
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const evil = { certPem: read('cert.pem'), keyPem: read('key.pem') };
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'succeeded',
    () => 'failed',
  );

const { a } = await world();
const source = await sourceOf(a);
const authorize = authorizeMemberOf('a.test');
const impostor = await rawServer(evil);
const honest = await rawServer(await a.issue());
const outcomes: Record<string, unknown> = {};

if (process.argv[3] === 'set-default') setDefaultCACertificates([read('root.pem')]);
// The control: everybody else in this process does trust the impostor.
outcomes['plain tls.connect to the impostor'] = await outcome(
  exchange(connect({ host: 'localhost', servername: 'localhost', port: impostor.port })),
);
const before = impostor.seen.length;

for (const [name, call] of Object.entries(CLIENTS)) {
  for (const host of ['127.0.0.1', 'localhost']) {
    outcomes[`${name} to the impostor at ${host}`] = await outcome(
      call(source, authorize, { host, port: impostor.port }),
    );
    outcomes[`${name} to an honest server at ${host}`] = await outcome(
      call(source, authorize, { host, port: honest.port }),
    );
  }
}
for (const [name, start] of Object.entries(SERVICES)) {
  const { port, handled } = await start(source);
  await knock(port, evil);
  await knock(port);
  outcomes[`${name} handled the impostor or nobody`] = handled.length;
  await knock(port, await a.issue());
  outcomes[`${name} handled an honest client`] = handled.length;
}

source.update(source.current.svid, BundleSet.empty);
const judged = new Events();
for (const [name, call] of Object.entries(CLIENTS)) {
  outcomes[`${name} to the impostor without a bundle`] = await outcome(
    call(source, authorize, { host: 'localhost', port: impostor.port }),
  );
}
// OpenSSL refused, with no authorities at all, before we were asked.
const asked = judged.codes('client').length;
outcomes['judgements of tlsClientOptions without a bundle'] = asked - 2;
outcomes['bytes given to the impostor'] = impostor.seen
  .slice(before)
  .map(({ received }) => received)
  .join('').length;

await closeAll();
console.log(JSON.stringify(outcomes));
