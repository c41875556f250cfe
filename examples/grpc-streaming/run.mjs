// Starts the ticker and two traders, and renews identities under open streams.
import { play } from '../stage.mjs';

await play(import.meta.dirname, async (stage) => {
  const ticker = await stage.mount('ticker');
  const trader = await stage.mount('trader');
  const [server, port] = await stage.startServer('ticker', 'server.mjs', ticker);
  const client = stage.start('trader', 'client.mjs', trader, port);
  const stranger = stage.start('stranger', 'client.mjs', await stage.mountForged('/trader'), port);
  for (const one of [client, stranger]) {
    stage.check(await one.line(), 'ready as spiffe://prod.example/trader');
    one.write('open');
  }
  await stage.say(client, '1 ACME', /^stream 1: ACME #1 for spiffe:\/\/prod\.example\/trader of \w{6}$/);
  stage.check(await stranger.line(), /^stream 1 ended: 14 UNAVAILABLE: .*ERR_PEER_CLOSED_AFTER_HANDSHAKE/);

  await stage.renew([ticker, server], [trader, client]);
  console.log('--- the open stream goes on, another one shows the new identity');
  client.write('1 ACME');
  const before = await client.line();
  stage.check(before, /^stream 1: ACME #2 /);
  client.write('open');
  client.write('2 ACME');
  const after = await client.line();
  stage.check(after, /^stream 2: ACME #1 /);
  stage.check(before.slice(-6) === after.slice(-6) ? 'the same SVID' : 'another SVID', 'another SVID');

  await stage.end(server);
});
