// The play of every till: the same server, whatever framework it is written with.
import { play } from './stage.mjs';

/**
 * Starts the till and its callers, each a process with a mounted identity of its own, and renews identities in between.
 *
 * @param {string} folder - of the example; its `server.mjs` is the till.
 */
export function playTill(folder) {
  return play(folder, async (stage) => {
    const till = await stage.mount('till');
    const web = await stage.mount('web');
    const [server, port] = await stage.startServer('till', 'server.mjs', till);
    const shop = stage.start('web', '../ask.mjs', web, port, '/till');
    const billing = stage.start('billing', '../ask.mjs', await stage.mount('billing'), port, '/till');
    const stranger = stage.start(
      'stranger',
      '../ask.mjs',
      await stage.mountForged('/billing'),
      port,
      '/till',
    );
    for (const caller of [shop, billing, stranger]) stage.check(await caller.line(), /^ready as /);

    await stage.say(shop, '/prices', '/prices: 200 prices for spiffe://prod.example/web');
    await stage.say(shop, '/refunds', /^\/refunds: 403 .*ERR_PEER_UNAUTHORIZED/);
    await stage.say(billing, '/refunds', '/refunds: 200 refund by spiffe://prod.example/billing');
    await stage.say(stranger, '/prices', /^\/prices: no answer, ERR_PEER_CLOSED_AFTER_HANDSHAKE$/);

    await stage.renew([till, server], [web, shop]);
    await stage.say(shop, '/prices', '/prices: 200 prices for spiffe://prod.example/web');

    await stage.end(server);
  });
}
