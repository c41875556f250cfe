// Starts the till twice, over HTTP and over gRPC, with callers of both, and renews identities in between.
import { once } from 'node:events';
import { createServer } from 'node:net';

import { play } from '../stage.mjs';

await play(import.meta.dirname, async (stage) => {
  const till = await stage.mount('till');
  const web = await stage.mount('web');
  const billing = await stage.mount('billing');
  const stranger = await stage.mountForged('/billing');

  const [http, httpPort] = await stage.startServer('till http', 'http-server.mjs', till);
  const browser = stage.start('web http', '../ask.mjs', web, httpPort, '/till');
  const ledger = stage.start('billing http', '../ask.mjs', billing, httpPort, '/till');
  for (const caller of [browser, ledger]) stage.check(await caller.line(), /^ready as /);
  await stage.say(browser, '/prices', '/prices: 200 prices for spiffe://prod.example/web');
  await stage.say(browser, '/refunds', /^\/refunds: 403 .*ERR_PEER_UNAUTHORIZED/);
  await stage.say(ledger, '/refunds', '/refunds: 200 refund by spiffe://prod.example/billing');

  const [grpc, grpcPort] = await stage.startServer('till grpc', 'grpc-server.mjs', till, await freePort());
  const shop = stage.start('web grpc', 'grpc-client.mjs', web, grpcPort);
  const books = stage.start('billing grpc', 'grpc-client.mjs', billing, grpcPort);
  const forger = stage.start('stranger grpc', 'grpc-client.mjs', stranger, grpcPort);
  for (const caller of [shop, books, forger]) stage.check(await caller.line(), /^ready as /);
  await stage.say(shop, 'Prices', 'Prices: prices for spiffe://prod.example/web');
  await stage.say(shop, 'Refund', /^Refund: no answer, 7 PERMISSION_DENIED/);
  await stage.say(books, 'Refund', 'Refund: refund by spiffe://prod.example/billing');
  await stage.say(forger, 'Prices', /^Prices: no answer, 14 UNAVAILABLE/);

  console.log('--- the platform renews the identities');
  await till.renew();
  await web.renew();
  for (const program of [http, grpc, browser, shop]) stage.check(await program.line(), 'identity renewed');
  await stage.say(browser, '/prices', '/prices: 200 prices for spiffe://prod.example/web');
  await stage.say(shop, 'Prices', 'Prices: prices for spiffe://prod.example/web');

  await stage.end(http, grpc);
});

/** Nest does not tell the port that it got: one that nothing listens on. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return address !== null && typeof address === 'object' ? String(address.port) : '0';
}
